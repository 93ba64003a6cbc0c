-- What a reaction leaves in force: opened by the evaluation, ended once, never deleted.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['quality_tightening', 'quality_streamstop'] LOOP
        EXECUTE format('CREATE TRIGGER never_deleted BEFORE DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
        EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_audit(%L, %L)', name, name, 'id');
    END LOOP;
END $$;
CREATE TRIGGER set_once BEFORE UPDATE ON quality_tightening FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('ended_at', 'end_reason', 'ended_by_id', 'end_signature_id');
CREATE TRIGGER set_once BEFORE UPDATE ON quality_streamstop FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('lifted_at', 'lift_reason', 'lifted_by_id', 'lift_signature_id');
GRANT UPDATE (ended_at, end_reason, ended_by_id, end_signature_id) ON quality_tightening TO halite_app;
GRANT UPDATE (lifted_at, lift_reason, lifted_by_id, lift_signature_id) ON quality_streamstop TO halite_app;

-- Only a quality engineer of the site lifts a stop, under their own signature.
CREATE FUNCTION halite_stop_authority() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.lifted_at IS NOT NULL AND (
        NOT EXISTS (SELECT 1 FROM lots_membership m JOIN lots_user u ON u.id = m.user_id
                    WHERE m.user_id = NEW.lifted_by_id AND m.site_id = NEW.site_id AND u.is_active
                      AND m.retired_at IS NULL AND m.role = 'quality_engineer')
        OR NOT EXISTS (SELECT 1 FROM quality_signature s
                       WHERE s.id = NEW.lift_signature_id AND s.signer_id = NEW.lifted_by_id)) THEN
        RAISE EXCEPTION 'a stop is lifted by a quality engineer of the site and their signature'
            USING ERRCODE = 'HL004';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stop_authority BEFORE INSERT OR UPDATE ON quality_streamstop
    FOR EACH ROW EXECUTE FUNCTION halite_stop_authority();

SELECT halite_watch_masters(ARRAY['quality_tightening', 'quality_streamstop']);
