DROP TRIGGER audit ON spc_pointexclusion;
DROP TRIGGER append_only ON spc_pointexclusion;

REVOKE UPDATE (replaced_at) ON spc_point FROM halite_app;
DROP TRIGGER never_deleted ON spc_point;
DROP TRIGGER set_once ON spc_point;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON spc_point
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
