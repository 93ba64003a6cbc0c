-- A replay stamps the points that it replaces and changes nothing else of them; exclusions are decisions and append.
DROP TRIGGER append_only ON spc_point;
CREATE TRIGGER set_once BEFORE UPDATE ON spc_point FOR EACH ROW EXECUTE FUNCTION halite_set_once('replaced_at');
CREATE TRIGGER never_deleted BEFORE DELETE ON spc_point FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
GRANT UPDATE (replaced_at) ON spc_point TO halite_app;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON spc_pointexclusion
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON spc_pointexclusion
    FOR EACH ROW EXECUTE FUNCTION halite_audit('chart', 'chart_id');
