-- What is written in a case stays as it was written; a closed case takes nothing more.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_caseentry
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_caseentry
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_nonconformance', 'case_id');
CREATE FUNCTION halite_case_is_open() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM quality_nonconformance c WHERE c.id = NEW.case_id AND c.state = 'closed') THEN
        RAISE EXCEPTION 'a closed case takes no entry' USING ERRCODE = 'HL002';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER case_is_open BEFORE INSERT ON quality_caseentry
    FOR EACH ROW EXECUTE FUNCTION halite_case_is_open();
