CREATE OR REPLACE FUNCTION halite_refuse_expired() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    lot_code text;
    ends timestamptz;
    here timestamptz;
BEGIN
    IF NEW.reported OR NEW.kind = 'scrap' THEN
        RETURN NEW;
    END IF;
    SELECT l.code, least(l.expires_at, o.use_by),
           now() + make_interval(secs => CASE WHEN s.simulated THEN s.clock_offset_s ELSE 0 END)
    INTO lot_code, ends, here
    FROM lots_lot l JOIN lots_site s ON s.id = l.site_id LEFT JOIN lots_opening o ON o.lot_id = l.id
    WHERE l.id = NEW.lot_id;
    IF ends <= here THEN
        RAISE EXCEPTION 'the shelf life of lot % ended at %', lot_code, ends USING ERRCODE = 'HL006';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER extension_authority ON quality_extensionapproval;
DROP FUNCTION halite_extension_authority();
DROP TRIGGER audit ON quality_extensionapproval;
DROP TRIGGER audit ON quality_retestvalue;
DROP TRIGGER audit ON quality_shelflifeextension;
DROP TRIGGER append_only ON quality_extensionapproval;
DROP TRIGGER append_only ON quality_retestvalue;
DROP TRIGGER append_only ON quality_shelflifeextension;
