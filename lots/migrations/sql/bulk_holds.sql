-- A hold on 100,000 cells is one statement each on two tables: what runs a row at a time must be cheap, and what can
-- run once a statement does.

-- As before, and without looking at the columns one by one when none of the fixed ones has changed.
CREATE OR REPLACE FUNCTION halite_change_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    name text;
    before jsonb := to_jsonb(OLD) - TG_ARGV;
    after jsonb := to_jsonb(NEW) - TG_ARGV;
BEGIN
    IF before = after THEN RETURN NEW; END IF;
    FOR name IN SELECT jsonb_object_keys(after) LOOP
        IF before -> name IS DISTINCT FROM after -> name THEN
            RAISE EXCEPTION 'column % of % never changes', name, TG_TABLE_NAME USING ERRCODE = 'HL002';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

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
