DROP TRIGGER lot_starts_whole ON lots_lot;
DROP FUNCTION halite_lot_starts_whole();
DROP TRIGGER give_back ON lots_genealogylink;
DROP FUNCTION halite_give_back();
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
    UPDATE lots_lot SET hold_revision = hold_revision + 1 WHERE id = NEW.parent_id;
    RETURN NEW;
END $$;
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
                    halite_change_only(''quantity'', ''length_mm'', ''lanes'', ''state'', ''hold_revision'')', before, after);
END $$;
