-- A hold on 100,000 cells is one statement each on two tables: what runs a row at a time must be cheap, and what can
-- run once a statement does.

-- The fixed columns of a lot are compared by the trigger's own condition, its function only runs to refuse; the same
-- for the columns that the guard watches. The catalog test demands that every column stands in one of the two.
DROP TRIGGER fixed_columns ON lots_lot;
DROP TRIGGER guard_lot ON lots_lot;
DO $$
DECLARE
    before text;
    after text;
BEGIN
    SELECT string_agg('OLD.' || quote_ident(attname), ', '), string_agg('NEW.' || quote_ident(attname), ', ')
    INTO before, after FROM pg_attribute
    WHERE attrelid = 'lots_lot'::regclass AND attnum > 0 AND NOT attisdropped
      AND attname NOT IN ('quantity', 'length_mm', 'lanes', 'state', 'hold_revision');
    EXECUTE format('CREATE TRIGGER fixed_columns BEFORE UPDATE ON lots_lot FOR EACH ROW
                    WHEN ((%s) IS DISTINCT FROM (%s)) EXECUTE FUNCTION
                    halite_change_only(''quantity'', ''length_mm'', ''lanes'', ''state'', ''hold_revision'')', before, after);
END $$;
CREATE TRIGGER guard_lot BEFORE UPDATE ON lots_lot FOR EACH ROW
    WHEN ((OLD.state, OLD.quantity, OLD.length_mm, OLD.lanes) IS DISTINCT FROM
          (NEW.state, NEW.quantity, NEW.length_mm, NEW.lanes)) EXECUTE FUNCTION halite_guard_lot();
-- Room on each page for the rows that a hold changes, so that no index has to follow.
ALTER TABLE lots_lot SET (fillfactor = 85);

-- Placing or closing a hold updates the lots' rows: this is what the guard's lock meets.
DROP TRIGGER touch_held_lot ON lots_holdlot;
DROP FUNCTION halite_touch_held_lot();
CREATE FUNCTION halite_touch_held_lots() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE lots_lot SET hold_revision = hold_revision + 1 WHERE id IN (SELECT lot_id FROM changed);
    RETURN NULL;
END $$;
CREATE TRIGGER touch_held_lots_insert AFTER INSERT ON lots_holdlot REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION halite_touch_held_lots();
CREATE TRIGGER touch_held_lots_update AFTER UPDATE ON lots_holdlot REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION halite_touch_held_lots();

-- The count of holds is no part of a lot's record: an update of nothing else is not offered to the audit at all.
DROP TRIGGER audit ON lots_lot;
CREATE TRIGGER audit AFTER INSERT OR DELETE ON lots_lot
    FOR EACH ROW EXECUTE FUNCTION halite_audit('lot', 'id', 'hold_revision');
DO $$
DECLARE
    recorded text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ') INTO recorded FROM pg_attribute
    WHERE attrelid = 'lots_lot'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'hold_revision';
    EXECUTE format('CREATE TRIGGER audit_update AFTER UPDATE OF %s ON lots_lot
                    FOR EACH ROW EXECUTE FUNCTION halite_audit(%L, %L, %L)', recorded, 'lot', 'id', 'hold_revision');
END $$;
