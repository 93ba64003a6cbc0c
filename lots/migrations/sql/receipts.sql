-- Receipts, certificates and openings are evidence.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['lots_receipt', 'lots_certificatevalue', 'lots_opening'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_receipt
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'lot_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_opening
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'lot_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_certificatevalue
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lots_receipt', 'receipt_id');

-- Past its shelf life nothing is used, by any path: the earlier of the label's date and that of the opened container.
-- What has happened all the same is reported, and scrapping is what is left to do.
CREATE FUNCTION halite_refuse_expired() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
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
CREATE TRIGGER refuse_expired BEFORE INSERT ON lots_movement
    FOR EACH ROW EXECUTE FUNCTION halite_refuse_expired();
