-- What was proposed is evidence, and only another person than its author puts it in force.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_specificationdraft
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_specificationdraft
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_specificationdraft', 'id');
CREATE FUNCTION halite_specification_authority() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.draft_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM quality_specificationdraft d, quality_signature s
        WHERE d.id = NEW.draft_id AND d.specification_id = NEW.specification_id
          AND s.id = NEW.approval_id AND s.signer_id <> d.drafted_by_id) THEN
        RAISE EXCEPTION 'a drafted specification needs the signature of another person than its author'
            USING ERRCODE = 'HL004';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER specification_authority BEFORE INSERT ON quality_specificationline
    FOR EACH ROW EXECUTE FUNCTION halite_specification_authority();
