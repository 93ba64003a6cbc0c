-- Photographs of a case are evidence; a re-test changes one variable, or two under signature.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_casephoto
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_casephoto
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_nonconformance', 'case_id');
ALTER TABLE quality_caseentry ADD CONSTRAINT case_retest_controlled CHECK (
    kind <> 'retest' OR jsonb_array_length(content -> 'changes') = 1
    OR (jsonb_array_length(content -> 'changes') = 2 AND signature_id IS NOT NULL AND content ->> 'reason' <> ''));
