-- What was asked of deliveries stays on record; what a process remembers of it is stamped.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_incomingrule
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_certificateitem
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_incomingrule
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_incomingrule', 'id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_certificateitem
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_incomingrule', 'rule_id');
SELECT halite_watch_masters(ARRAY['quality_incomingrule', 'quality_certificateitem']);
