-- ---------------------------------------------------------------------------------------------------------
-- Rows that never change, columns that are set once, columns that may change
-- ---------------------------------------------------------------------------------------------------------
CREATE FUNCTION halite_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: evidence is append-only; record a correction instead', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'HL002';
END $$;

-- Arguments: columns that may go once from empty to a value. Every other column is fixed.
CREATE FUNCTION halite_set_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := to_jsonb(OLD);
    after jsonb := to_jsonb(NEW);
    name text;
BEGIN
    FOR name IN SELECT jsonb_object_keys(after) LOOP
        CONTINUE WHEN before -> name = after -> name;
        IF NOT name = ANY (TG_ARGV) THEN
            RAISE EXCEPTION 'column % of % never changes', name, TG_TABLE_NAME USING ERRCODE = 'HL002';
        END IF;
        IF before -> name NOT IN ('null'::jsonb, '""'::jsonb) THEN
            RAISE EXCEPTION 'column % of % is set already', name, TG_TABLE_NAME USING ERRCODE = 'HL002';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

-- Arguments: columns that may change. Every other column is fixed.
CREATE FUNCTION halite_change_only() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- ---------------------------------------------------------------------------------------------------------
-- The movement guard (invariant I5)
-- ---------------------------------------------------------------------------------------------------------
-- Locks the lot row and then looks for an active hold. Placing a hold updates the same row, so whichever came
-- second sees the other: READ COMMITTED takes a new snapshot after the lock; REPEATABLE READ and SERIALIZABLE
-- fail with a serialization error.
CREATE FUNCTION halite_refuse_held(moving bigint, taken_from bigint, taken_to bigint, carries boolean)
RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public AS $$
DECLARE
    lot_code text;
    why text;
BEGIN
    SELECT code INTO lot_code FROM lots_lot WHERE id = moving FOR NO KEY UPDATE;
    SELECT h.reason INTO why
    FROM lots_holdlot m JOIN lots_hold h ON h.id = m.hold_id
    WHERE m.lot_id = moving AND m.disposition_id IS NULL
      AND (m.from_mm IS NULL
           OR (taken_from IS NULL AND NOT carries)
           OR (taken_from IS NOT NULL AND int8range(m.from_mm, m.to_mm) && int8range(taken_from, taken_to)))
    ORDER BY m.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'lot % is on hold: %', lot_code, why
            USING ERRCODE = 'HL001', HINT = 'A quality engineer must dispose of the hold first.';
    END IF;
END $$;

CREATE FUNCTION halite_guard_movement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    decision lots_gatedecision%ROWTYPE;
    execution lots_stepexecution%ROWTYPE;
    carries boolean := false;
BEGIN
    IF NEW.transaction_id <> halite_transaction_id() THEN
        RAISE EXCEPTION 'a movement carries the number of its own transaction' USING ERRCODE = 'HL003';
    END IF;
    IF NEW.reported THEN
        RETURN NEW;
    END IF;
    SELECT * INTO execution FROM lots_stepexecution WHERE id = NEW.execution_id;
    SELECT * INTO decision FROM lots_gatedecision WHERE id = NEW.gate_decision_id;
    IF decision.id IS NULL OR NOT decision.passed OR decision.lot_id <> NEW.lot_id
       OR decision.purpose <> NEW.kind
       OR decision.transaction_id <> halite_transaction_id()
       OR (NEW.kind = 'start_step' AND decision.route_step_id IS DISTINCT FROM execution.route_step_id) THEN
        RAISE EXCEPTION 'a movement needs a gate decision that passed for this lot, purpose and transaction'
            USING ERRCODE = 'HL003';
    END IF;
    IF NEW.kind = 'start_step' THEN
        SELECT carries_interval_hold INTO carries FROM lots_routestep WHERE id = execution.route_step_id;
    ELSIF NEW.kind IN ('consume', 'split') THEN
        carries := true;  -- the link names the interval and is guarded itself
    END IF;
    PERFORM halite_refuse_held(NEW.lot_id, NULL, NULL, coalesce(carries, false));
    RETURN NEW;
END $$;
CREATE TRIGGER guard_movement BEFORE INSERT ON lots_movement
    FOR EACH ROW EXECUTE FUNCTION halite_guard_movement();

CREATE FUNCTION halite_guard_execution() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    carries boolean;
BEGIN
    IF NOT NEW.reported THEN
        SELECT carries_interval_hold INTO carries FROM lots_routestep WHERE id = NEW.route_step_id;
        PERFORM halite_refuse_held(NEW.lot_id, NULL, NULL, coalesce(carries, false));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_execution BEFORE INSERT ON lots_stepexecution
    FOR EACH ROW EXECUTE FUNCTION halite_guard_execution();

-- No execution without the movement that permitted (or reported) it.
CREATE FUNCTION halite_execution_has_movement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM lots_movement m
                   WHERE m.execution_id = NEW.id AND m.lot_id = NEW.lot_id AND m.kind = 'start_step'
                     AND m.reported = NEW.reported) THEN
        RAISE EXCEPTION 'a step execution needs the movement that started it' USING ERRCODE = 'HL003';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER execution_has_movement AFTER INSERT ON lots_stepexecution
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION halite_execution_has_movement();

CREATE FUNCTION halite_guard_link() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
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
CREATE TRIGGER guard_link BEFORE INSERT ON lots_genealogylink
    FOR EACH ROW EXECUTE FUNCTION halite_guard_link();

-- What is made from held material (a report, or a new member of a group) is born held.
CREATE FUNCTION halite_inherit_holds() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO lots_holdlot (hold_id, lot_id, inherited_from_id, created_at)
    SELECT DISTINCT m.hold_id, NEW.child_id::bigint, NEW.parent_id::bigint, now()
    FROM lots_holdlot m
    WHERE m.lot_id = NEW.parent_id AND m.disposition_id IS NULL
      AND (m.from_mm IS NULL OR NEW.parent_from_mm IS NULL
           OR int8range(m.from_mm, m.to_mm)
              && int8range(greatest(0, NEW.parent_from_mm - NEW.uncertainty_mm), NEW.parent_to_mm + NEW.uncertainty_mm))
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER inherit_holds AFTER INSERT ON lots_genealogylink
    FOR EACH ROW EXECUTE FUNCTION halite_inherit_holds();

-- Placing or closing a hold updates the lot's row: this is what the guard's lock meets.
CREATE FUNCTION halite_touch_held_lot() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE lots_lot SET hold_revision = hold_revision + 1 WHERE id = NEW.lot_id;
    RETURN NULL;
END $$;
CREATE TRIGGER touch_held_lot AFTER INSERT OR UPDATE ON lots_holdlot
    FOR EACH ROW EXECUTE FUNCTION halite_touch_held_lot();

-- A lot's state, amount and geometry follow movements; a held lot's do not change but by a report.
CREATE FUNCTION halite_guard_lot() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF (OLD.state, OLD.quantity, OLD.length_mm, OLD.lanes)
       IS DISTINCT FROM (NEW.state, NEW.quantity, NEW.length_mm, NEW.lanes)
       AND NOT EXISTS (SELECT 1 FROM lots_movement m WHERE m.lot_id = NEW.id AND m.reported
                         AND m.transaction_id = halite_transaction_id()) THEN
        PERFORM halite_refuse_held(NEW.id, NULL, NULL, false);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_lot BEFORE UPDATE ON lots_lot
    FOR EACH ROW EXECUTE FUNCTION halite_guard_lot();
CREATE TRIGGER fixed_columns BEFORE UPDATE ON lots_lot FOR EACH ROW
    EXECUTE FUNCTION halite_change_only('quantity', 'length_mm', 'lanes', 'state', 'hold_revision');

-- A real site is never switched to simulated, nor back.
CREATE FUNCTION halite_site_stays_real() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.simulated <> OLD.simulated OR NEW.code <> OLD.code THEN
        RAISE EXCEPTION 'a site keeps its code, and stays real or simulated' USING ERRCODE = 'HL002';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER site_stays_real BEFORE UPDATE ON lots_site FOR EACH ROW EXECUTE FUNCTION halite_site_stays_real();

-- ---------------------------------------------------------------------------------------------------------
-- Which table is of which sort
-- ---------------------------------------------------------------------------------------------------------
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'lots_measurement', 'lots_submission', 'lots_idempotencykey', 'lots_supersession', 'lots_movement',
        'lots_gatedecision', 'lots_hold', 'lots_calibration', 'lots_lotalias', 'lots_recipeparameter',
        'lots_productrevision', 'lots_reciperevision', 'lots_routestep', 'lots_workorderrecipe',
        'lots_auditevent'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
        'lots_lot', 'lots_stepexecution', 'lots_openinterval', 'lots_genealogylink', 'lots_holdlot', 'lots_site',
        'lots_user', 'lots_membership', 'lots_auditchain'] LOOP
        EXECUTE format('CREATE TRIGGER never_deleted BEFORE DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
        'lots_measurement', 'lots_submission', 'lots_idempotencykey', 'lots_supersession', 'lots_movement',
        'lots_gatedecision', 'lots_hold', 'lots_holdlot', 'lots_genealogylink', 'lots_lot', 'lots_stepexecution',
        'lots_auditevent', 'lots_auditchain'] LOOP
        EXECUTE format('CREATE TRIGGER never_truncated BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION halite_refuse_change()', name);
    END LOOP;
END $$;
CREATE TRIGGER set_once BEFORE UPDATE ON lots_stepexecution FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('finished_at');
CREATE TRIGGER set_once BEFORE UPDATE ON lots_openinterval FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('closed_at', 'closed_by_id');
CREATE TRIGGER set_once BEFORE UPDATE ON lots_genealogylink FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('voided_at', 'voided_by_id', 'void_reason');
CREATE TRIGGER set_once BEFORE UPDATE ON lots_holdlot FOR EACH ROW
    EXECUTE FUNCTION halite_set_once('disposition_id', 'closed_at');

GRANT UPDATE (clock_offset_s, name, retired_at) ON lots_site TO halite_app;
GRANT UPDATE (password, last_login, is_superuser, first_name, last_name, email, is_staff, is_active)
    ON lots_user TO halite_app;
GRANT UPDATE (retired_at) ON lots_membership, lots_source, lots_materialdefinition, lots_product, lots_recipe,
    lots_equipment, lots_zone, lots_gauge TO halite_app;
GRANT UPDATE (key_hash, key_expires_at) ON lots_source TO halite_app;
GRANT UPDATE (name, help, decimals, gauge_kind) ON lots_characteristic TO halite_app;
GRANT UPDATE (name) ON lots_processstep TO halite_app;
GRANT UPDATE (closed_at) ON lots_workorder TO halite_app;
GRANT UPDATE (quantity, length_mm, lanes, state, hold_revision) ON lots_lot TO halite_app;
GRANT UPDATE (finished_at) ON lots_stepexecution TO halite_app;
GRANT UPDATE (closed_at, closed_by_id) ON lots_openinterval TO halite_app;
GRANT UPDATE (voided_at, voided_by_id, void_reason) ON lots_genealogylink TO halite_app;
GRANT UPDATE (disposition_id, closed_at) ON lots_holdlot TO halite_app;
GRANT DELETE ON lots_user_groups, lots_user_user_permissions TO halite_app;
