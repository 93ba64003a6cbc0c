DROP TRIGGER audit_insert ON spc_signal;
DROP TRIGGER audit ON spc_signal;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON spc_signal
    FOR EACH ROW EXECUTE FUNCTION halite_audit('chart', 'chart_id');
