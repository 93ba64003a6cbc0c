DROP TRIGGER audit_update ON lots_lot;
DROP TRIGGER audit ON lots_lot;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON lots_lot
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'id', 'hold_revision');
DROP TRIGGER touch_held_lots_update ON lots_holdlot;
DROP TRIGGER touch_held_lots_insert ON lots_holdlot;
DROP FUNCTION halite_touch_held_lots();
CREATE FUNCTION halite_touch_held_lot() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE lots_lot SET hold_revision = hold_revision + 1 WHERE id = NEW.lot_id;
    RETURN NULL;
END $$;
CREATE TRIGGER touch_held_lot AFTER INSERT OR UPDATE ON lots_holdlot
    FOR EACH ROW EXECUTE FUNCTION halite_touch_held_lot();
CREATE OR REPLACE FUNCTION halite_change_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT jsonb_object_keys(to_jsonb(NEW)) LOOP
        IF to_jsonb(OLD) -> name IS DISTINCT FROM to_jsonb(NEW) -> name AND NOT name = ANY (TG_ARGV) THEN
            RAISE EXCEPTION 'column % of % never changes', name, TG_TABLE_NAME USING ERRCODE = 'HL002';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
