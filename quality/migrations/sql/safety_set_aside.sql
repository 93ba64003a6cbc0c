-- What sets a failed result aside stands in the chain of that result.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_safetysetaside
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_safetysetaside
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_safetyresult', 'result_id');
