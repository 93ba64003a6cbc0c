-- Gates are masters; a deviation is a signed permission: neither changes.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['quality_namedgate', 'quality_deviation', 'quality_deviationsignature'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_namedgate
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_namedgate', 'id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_deviation
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'lot_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_deviationsignature
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_deviation', 'deviation_id');

-- Two people sign, each in a role of their side.
CREATE FUNCTION halite_deviation_authority() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    PERFORM 1 FROM quality_deviation WHERE id = NEW.deviation_id FOR UPDATE;  -- one signature at a time
    IF NOT EXISTS (SELECT 1 FROM quality_deviation d
                   JOIN quality_signature s ON s.id = NEW.signature_id
                   JOIN lots_membership m ON m.site_id = d.site_id AND m.user_id = s.signer_id
                   JOIN lots_user u ON u.id = m.user_id
                   WHERE d.id = NEW.deviation_id AND u.is_active AND m.retired_at IS NULL
                     AND (NEW.side = 'quality' AND m.role = 'quality_engineer'
                          OR NEW.side = 'process' AND m.role IN ('process_engineer', 'reviewer')))
       OR EXISTS (SELECT 1 FROM quality_deviationsignature o
                  JOIN quality_signature other ON other.id = o.signature_id
                  JOIN quality_signature own ON own.id = NEW.signature_id
                  WHERE o.deviation_id = NEW.deviation_id AND other.signer_id = own.signer_id) THEN
        RAISE EXCEPTION 'a deviation needs the signatures of two people, a quality engineer and a process engineer or reviewer'
            USING ERRCODE = 'HL004';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER deviation_authority BEFORE INSERT ON quality_deviationsignature
    FOR EACH ROW EXECUTE FUNCTION halite_deviation_authority();

SELECT halite_watch_masters(ARRAY['quality_namedgate']);
