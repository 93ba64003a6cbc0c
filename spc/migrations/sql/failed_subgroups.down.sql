REVOKE UPDATE (attempts) ON spc_subgroup FROM halite_app;
DROP TRIGGER set_once ON spc_subgroup;
CREATE TRIGGER set_once BEFORE UPDATE ON spc_subgroup FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('closed_at', 'closed_by');
