-- How far a hold reaches is decided by people, and what they decided is evidence.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_containmentchange
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_containmentchange
    FOR EACH ROW EXECUTE FUNCTION halite_audit('hold', 'hold_id');
