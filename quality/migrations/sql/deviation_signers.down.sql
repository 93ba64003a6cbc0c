-- As it was in named_gates.sql.
CREATE OR REPLACE FUNCTION halite_deviation_authority() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
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
