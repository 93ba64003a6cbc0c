-- Quantities are conserved by the database: a lot counts what was taken from it, and cannot be overdrawn by any path.
CREATE OR REPLACE FUNCTION halite_guard_link() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    movement lots_movement%ROWTYPE;
BEGIN
    SELECT * INTO movement FROM lots_movement WHERE id = NEW.movement_id;
    IF NEW.kind <> 'member' AND (movement.lot_id <> NEW.parent_id OR movement.kind <> NEW.kind
                                 OR movement.transaction_id <> halite_transaction_id()) THEN
        RAISE EXCEPTION 'a genealogy link needs a movement of its parent, of its kind, in its transaction'
            USING ERRCODE = 'HL003';
    END IF;
    -- Genealogy has no cycles; a new child has no children yet, so this costs nothing for it.
    IF EXISTS (
        WITH RECURSIVE below (id) AS (
            SELECT NEW.child_id::bigint
            UNION
            SELECT l.child_id::bigint FROM below b JOIN lots_genealogylink l ON l.parent_id = b.id
        ) SELECT 1 FROM below WHERE id = NEW.parent_id) THEN
        RAISE EXCEPTION 'a lot cannot be made from what was made from it' USING ERRCODE = 'HL005';
    END IF;
    IF movement.id IS NOT NULL AND movement.reported THEN
        PERFORM 1 FROM lots_lot WHERE id = NEW.parent_id FOR NO KEY UPDATE;
    ELSIF NEW.parent_from_mm IS NULL THEN
        PERFORM halite_refuse_held(NEW.parent_id, NULL, NULL, false);
    ELSE
        PERFORM halite_refuse_held(
            NEW.parent_id, greatest(0, NEW.parent_from_mm - NEW.uncertainty_mm),
            NEW.parent_to_mm + NEW.uncertainty_mm, false);
    END IF;
    -- A hold being placed on a snapshot from before this link would not see the child: under REPEATABLE READ the
    -- changed row makes it fail, and its client tries again.
    -- What is taken is counted in the same update, and the lot's own constraint refuses more than there is.
    UPDATE lots_lot SET hold_revision = hold_revision + 1,
                        taken = taken + CASE WHEN NEW.kind = 'member' THEN 0 ELSE NEW.quantity END
    WHERE id = NEW.parent_id;
    RETURN NEW;
END $$;

-- A voided link gives back what it had taken.
CREATE FUNCTION halite_give_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE lots_lot SET taken = taken - OLD.quantity WHERE id = OLD.parent_id;
    RETURN NULL;
END $$;
CREATE TRIGGER give_back AFTER UPDATE ON lots_genealogylink FOR EACH ROW
    WHEN (OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL AND OLD.kind <> 'member')
    EXECUTE FUNCTION halite_give_back();

-- A new lot is whole, whatever its maker says.
CREATE FUNCTION halite_lot_starts_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.taken := 0;
    RETURN NEW;
END $$;
CREATE TRIGGER lot_starts_whole BEFORE INSERT ON lots_lot FOR EACH ROW EXECUTE FUNCTION halite_lot_starts_whole();

DROP TRIGGER fixed_columns ON lots_lot;
DO $$
DECLARE
    before text;
    after text;
BEGIN
    SELECT string_agg('OLD.' || quote_ident(attname), ', '), string_agg('NEW.' || quote_ident(attname), ', ')
    INTO before, after FROM pg_attribute
    WHERE attrelid = 'lots_lot'::regclass AND attnum > 0 AND NOT attisdropped
      AND attname NOT IN ('quantity', 'length_mm', 'lanes', 'state', 'hold_revision', 'taken');
    EXECUTE format('CREATE TRIGGER fixed_columns BEFORE UPDATE ON lots_lot FOR EACH ROW
                    WHEN ((%s) IS DISTINCT FROM (%s)) EXECUTE FUNCTION
                    halite_change_only(''quantity'', ''length_mm'', ''lanes'', ''state'', ''hold_revision'', ''taken'')', before, after);
END $$;

UPDATE lots_lot l SET taken = used.quantity FROM (
    SELECT parent_id, sum(quantity) AS quantity FROM lots_genealogylink
    WHERE voided_at IS NULL AND kind <> 'member' GROUP BY parent_id) used
WHERE used.parent_id = l.id;
