-- A plan is frozen when it is made, a wrong reading is superseded by another row, and a verdict is signed.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_gaugestudy
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_gaugereading
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_gaugeverdict
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_gaugestudy
    FOR EACH ROW EXECUTE FUNCTION halite_audit('gauge', 'gauge_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_gaugereading
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_gaugestudy', 'study_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_gaugeverdict
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_gaugestudy', 'study_id');
