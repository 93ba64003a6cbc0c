-- The history of accepted and rejected lots is what the severity of inspection rests on: it only grows.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_samplingevent
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_samplingevent
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_controlplan', 'plan_id');
SELECT halite_watch_masters(ARRAY['quality_samplingevent']);
