-- Attempts are counted; whatever else changes of a subgroup is set once, as before.
DROP TRIGGER set_once ON spc_subgroup;
CREATE TRIGGER set_once BEFORE UPDATE ON spc_subgroup FOR EACH ROW
    WHEN ((to_jsonb(OLD) - 'attempts') IS DISTINCT FROM (to_jsonb(NEW) - 'attempts'))
    EXECUTE FUNCTION halite_set_once('closed_at', 'closed_by');
GRANT UPDATE (attempts) ON spc_subgroup TO halite_app;
