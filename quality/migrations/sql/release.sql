-- A release is a signed statement: it is never changed, and only somebody who may release signs one.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON quality_release
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_change();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_release
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'lot_id');
CREATE FUNCTION halite_release_authority() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM lots_membership m JOIN lots_user u ON u.id = m.user_id
                   WHERE m.user_id = NEW.released_by_id AND m.site_id = NEW.site_id AND u.is_active
                     AND m.retired_at IS NULL AND m.role IN ('quality_engineer', 'reviewer'))
       OR NOT EXISTS (SELECT 1 FROM quality_signature s
                      WHERE s.id = NEW.signature_id AND s.signer_id = NEW.released_by_id) THEN
        RAISE EXCEPTION 'a release needs a quality engineer or reviewer of the site and their signature'
            USING ERRCODE = 'HL004';
    END IF;
    PERFORM halite_refuse_held(NEW.lot_id, NULL, NULL, false);
    RETURN NEW;
END $$;
CREATE TRIGGER release_authority BEFORE INSERT ON quality_release
    FOR EACH ROW EXECUTE FUNCTION halite_release_authority();
