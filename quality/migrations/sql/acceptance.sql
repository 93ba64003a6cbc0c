-- A plan is frozen when it is made, and a decision is signed: neither changes.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_acceptanceplan
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_acceptancedecision
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_acceptanceplan
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'lot_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_acceptancedecision
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_acceptanceplan', 'plan_id');
