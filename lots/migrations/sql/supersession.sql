-- A correction belongs to the chain of what was measured: whoever verifies a lot verifies its corrections.
DROP TRIGGER audit ON lots_supersession;
CREATE FUNCTION halite_audit_supersession() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    subject text;
BEGIN
    SELECT CASE WHEN m.lot_id IS NOT NULL THEN 'lot:' || m.lot_id
                WHEN m.zone_id IS NOT NULL THEN 'zone:' || m.zone_id
                WHEN m.gauge_is_subject THEN 'gauge:' || m.gauge_id
                ELSE 'equipment:' || m.equipment_id END
    INTO subject FROM lots_measurement m WHERE m.received_at = NEW.old_received_at AND m.id = NEW.old_id;
    IF subject IS NULL THEN
        RAISE EXCEPTION 'a supersession needs the measurement that it supersedes' USING ERRCODE = 'foreign_key_violation';
    END IF;
    PERFORM halite_append_audit(subject, 'insert', 'lots_supersession', NEW.id::text, to_jsonb(NEW)::text);
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT ON lots_supersession
    FOR EACH ROW EXECUTE FUNCTION halite_audit_supersession();
