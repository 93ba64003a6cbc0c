DROP TRIGGER audit ON lots_supersession;
DROP FUNCTION halite_audit_supersession();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_supersession
    FOR EACH ROW EXECUTE FUNCTION halite_audit('supersession', 'old_id');
