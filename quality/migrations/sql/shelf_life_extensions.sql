-- An extension is a signed permission: it does not change, and who asked does not sign.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['quality_shelflifeextension', 'quality_retestvalue', 'quality_extensionapproval'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_shelflifeextension
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'lot_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_retestvalue
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_shelflifeextension', 'extension_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON quality_extensionapproval
    FOR EACH ROW EXECUTE FUNCTION halite_audit('quality_shelflifeextension', 'extension_id');

CREATE FUNCTION halite_extension_authority() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM quality_shelflifeextension x
                   JOIN lots_lot l ON l.id = x.lot_id
                   JOIN quality_signature s ON s.id = NEW.signature_id
                   JOIN lots_membership m ON m.site_id = l.site_id AND m.user_id = s.signer_id
                   JOIN lots_user u ON u.id = m.user_id
                   WHERE x.id = NEW.extension_id AND s.signer_id <> x.requested_by_id AND u.is_active
                     AND m.retired_at IS NULL AND m.role IN ('quality_engineer', 'reviewer')) THEN
        RAISE EXCEPTION 'a longer shelf life needs the signature of another person, a quality engineer or reviewer'
            USING ERRCODE = 'HL004';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER extension_authority BEFORE INSERT ON quality_extensionapproval
    FOR EACH ROW EXECUTE FUNCTION halite_extension_authority();

-- As quality.shelf_life: the latest approved extension takes the place of all that ended before it.
CREATE OR REPLACE FUNCTION halite_refuse_expired() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    lot_code text;
    ends timestamptz;
    here timestamptz;
BEGIN
    IF NEW.reported OR NEW.kind = 'scrap' THEN
        RETURN NEW;
    END IF;
    SELECT l.code,
           least(coalesce(e.ends_at, l.expires_at), CASE WHEN e.ends_at IS NULL OR o.opened_at > e.approved_at THEN o.use_by END),
           now() + make_interval(secs => CASE WHEN s.simulated THEN s.clock_offset_s ELSE 0 END)
    INTO lot_code, ends, here
    FROM lots_lot l JOIN lots_site s ON s.id = l.site_id LEFT JOIN lots_opening o ON o.lot_id = l.id
    LEFT JOIN LATERAL (SELECT x.ends_at, a.approved_at
                       FROM quality_shelflifeextension x JOIN quality_extensionapproval a ON a.extension_id = x.id
                       WHERE x.lot_id = l.id ORDER BY a.id DESC LIMIT 1) e ON true
    WHERE l.id = NEW.lot_id;
    IF ends <= here THEN
        RAISE EXCEPTION 'the shelf life of lot % ended at %', lot_code, ends USING ERRCODE = 'HL006';
    END IF;
    RETURN NEW;
END $$;
