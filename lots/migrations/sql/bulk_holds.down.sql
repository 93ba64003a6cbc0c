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
ALTER TABLE lots_lot RESET (fillfactor);
DROP TRIGGER guard_lot ON lots_lot;
CREATE TRIGGER guard_lot BEFORE UPDATE ON lots_lot
    FOR EACH ROW EXECUTE FUNCTION halite_guard_lot();
DROP TRIGGER fixed_columns ON lots_lot;
CREATE TRIGGER fixed_columns BEFORE UPDATE ON lots_lot FOR EACH ROW
    EXECUTE FUNCTION halite_change_only('quantity', 'length_mm', 'lanes', 'state', 'hold_revision');
