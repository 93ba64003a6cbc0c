DROP TRIGGER audit ON spc_signal;
CREATE TRIGGER audit AFTER UPDATE OR DELETE ON spc_signal
    FOR EACH ROW EXECUTE FUNCTION halite_audit('chart', 'chart_id');
CREATE TRIGGER audit_insert AFTER INSERT ON spc_signal REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION halite_audit_inserts('chart', 'chart_id');
