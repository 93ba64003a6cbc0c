"""A held lot never moves, by any path that the application's database role has (invariant I5)."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import GateDecision, HoldLot, Lot, Movement, StepExecution
from lots.queries import active_holds
from quality.actions.gate import GateRefused
from quality.actions.hold import hold_by_hand
from quality.actions.taking import Input
from tests.support.builders import Plant, make_plant, publish

pytestmark = [pytest.mark.django_db, pytest.mark.core]


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


def hold(plant: Plant, lot: Lot, from_mm: int | None = None, to_mm: int | None = None) -> None:
    extent = HeldExtent(lot.pk, from_mm, to_mm)
    hold_by_hand([extent], site=plant.site, reason="test", user=plant.operator, now=timezone.now())


def refused(sql: str, parameters: list[object], state: str) -> str:
    """Run raw SQL as the application role; it must fail with the guard's SQLSTATE. Returns its message."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
    assert caught.value.__cause__.sqlstate == state
    return str(caught.value)


def test_tests_run_as_the_application_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("halite_app", False)


def test_held_lot_cannot_start_a_step(plant: Plant) -> None:
    lot = plant.lot()
    hold(plant, lot)
    with pytest.raises(GateRefused) as caught:
        plant.start(lot, "mixing")
    assert [blocker.code for blocker in caught.value.blockers] == ["held"]
    assert not StepExecution.objects.filter(lot=lot).exists()


def test_held_lot_cannot_be_consumed(plant: Plant) -> None:
    raw = plant.raw()
    hold(plant, raw)
    with pytest.raises(GateRefused):
        plant.lot(inputs=[Input(parent=raw.code, quantity=1)])
    assert not raw.links_to_children.exists()


def passing_ticket(lot: Lot, purpose: str) -> int:
    return GateDecision.objects.create(lot=lot, purpose=purpose, passed=True, decided_at=timezone.now()).pk


@pytest.mark.parametrize("kind", ["consume", "split", "merge", "pack", "ship"])
def test_raw_movement_of_a_held_lot_is_refused_even_with_a_forged_ticket(plant: Plant, kind: str) -> None:
    lot = plant.raw()
    hold(plant, lot)
    message = refused(
        "INSERT INTO lots_movement (lot_id, kind, gate_decision_id, reported, moved_by_id, moved_at, reason)"
        " VALUES (%s, %s, %s, false, %s, now(), '')",
        [lot.pk, kind, passing_ticket(lot, kind), plant.operator.pk],
        "HL001",
    )
    assert lot.code in message


def test_movement_without_a_ticket_of_its_transaction_is_refused(plant: Plant) -> None:
    lot = plant.raw()
    other = plant.raw()
    for ticket in (passing_ticket(other, "ship"), passing_ticket(lot, "pack")):
        refused(
            "INSERT INTO lots_movement (lot_id, kind, gate_decision_id, reported, moved_by_id, moved_at, reason)"
            " VALUES (%s, 'ship', %s, false, %s, now(), '')",
            [lot.pk, ticket, plant.operator.pk],
            "HL003",
        )


def test_raw_execution_of_a_held_lot_is_refused(plant: Plant) -> None:
    lot = plant.lot()
    hold(plant, lot)
    step = plant.product.route.steps.get(step__code="mixing")
    refused(
        "INSERT INTO lots_stepexecution (uuid, lot_id, route_step_id, attempt, operator_id, started_at, reported)"
        " VALUES (gen_random_uuid(), %s, %s, 1, %s, now(), false)",
        [lot.pk, step.pk, plant.operator.pk],
        "HL001",
    )


def test_raw_execution_without_a_movement_does_not_commit(plant: Plant) -> None:
    lot = plant.lot()
    step = plant.product.route.steps.get(step__code="mixing")
    with pytest.raises(DatabaseError, match="needs the movement"), transaction.atomic():
        StepExecution.objects.create(
            lot=lot, route_step=step, operator=plant.operator, started_at=timezone.now()
        )
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("change", ["state = 'shipped'", "quantity = 1", "length_mm = 5", "lanes = 9"])
def test_held_lot_row_keeps_its_state_and_geometry(plant: Plant, change: str) -> None:
    lot = plant.lot()
    hold(plant, lot)
    refused(f"UPDATE lots_lot SET {change} WHERE id = %s", [lot.pk], "HL001")


def test_orm_update_of_a_held_lot_is_refused(plant: Plant) -> None:
    lot = plant.lot()
    hold(plant, lot)
    with pytest.raises(DatabaseError, match="on hold"), transaction.atomic():
        Lot.objects.filter(pk=lot.pk).update(state=Lot.State.SHIPPED)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM lots_holdlot WHERE lot_id = %s",
        "DELETE FROM lots_lot WHERE id = %s",
        "TRUNCATE lots_holdlot",
        "ALTER TABLE lots_movement DISABLE TRIGGER ALL",
        "DROP TRIGGER guard_movement ON lots_movement",
        "SET session_replication_role = replica",
        "UPDATE lots_hold SET reason = 'never mind'",
        "INSERT INTO lots_auditevent (chain) VALUES ('x')",
    ],
)
def test_application_role_cannot_switch_the_guard_off(plant: Plant, sql: str) -> None:
    lot = plant.lot()
    hold(plant, lot)
    refused(sql, [lot.pk] if "%s" in sql else [], "42501")
    assert active_holds([lot.pk]).exists()


def test_hold_is_not_closed_without_a_disposition_that_names_it(plant: Plant) -> None:
    lot = plant.lot()
    hold(plant, lot)
    refused("UPDATE lots_holdlot SET closed_at = now() WHERE lot_id = %s", [lot.pk], "23514")
    refused(
        "UPDATE lots_holdlot SET closed_at = now(), disposition_id = 1 WHERE lot_id = %s", [lot.pk], "HL004"
    )


def test_disposition_by_an_operator_is_refused_by_the_database(plant: Plant) -> None:
    refused(
        "WITH s AS (INSERT INTO quality_signature (signer_id, printed_name, meaning, record_kind, record_id,"
        " record_hash, signed_at) VALUES (%s, 'x', 'x', 'disposition', '1', '', now()) RETURNING id)"
        " INSERT INTO quality_disposition (site_id, decision, reason, cause, decided_by_id, decided_at, signature_id)"
        " SELECT %s, 'release', 'because', '', %s, now(), id FROM s",
        [plant.operator.pk, plant.site.pk, plant.operator.pk],
        "HL004",
    )


def test_interval_hold_refuses_only_what_overlaps_it(plant: Plant) -> None:
    roll = plant.lot("T-RAW", quantity=100, length_mm=100_000)
    hold(plant, roll, 40_000, 50_000)
    held = HoldLot.objects.get(lot=roll)
    assert (held.from_mm, held.to_mm) == (40_000, 50_000)
    movement = Movement.objects.create(
        lot=roll,
        kind="consume",
        gate_decision_id=passing_ticket(roll, "consume"),
        moved_by=plant.operator,
        moved_at=timezone.now(),
    )
    child = plant.lot()
    insert = (
        "INSERT INTO lots_genealogylink (parent_id, child_id, kind, movement_id, quantity, unit, parent_from_mm,"
        " parent_to_mm, child_offset_mm, scale, uncertainty_mm, linked_at, void_reason)"
        " VALUES (%s, %s, 'consume', %s, 1, 'kg', %s, %s, 0, 1, 100, now(), '')"
    )
    refused(insert, [roll.pk, child.pk, movement.pk, 49_000, 52_000], "HL001")
    refused(insert, [roll.pk, child.pk, movement.pk, 50_050, 52_000], "HL001")  # inside the uncertainty
    with connection.cursor() as cursor:
        cursor.execute(insert, [roll.pk, child.pk, movement.pk, 50_100, 52_000])
    assert roll.links_to_children.count() == 1


def test_reported_movement_is_recorded_and_its_output_is_born_held(plant: Plant) -> None:
    parent, child = plant.raw(), plant.lot()
    hold(plant, parent)
    movement = Movement.objects.create(
        lot=parent,
        kind="consume",
        reported=True,
        moved_by=plant.operator,
        moved_at=timezone.now(),
        reason="offline",
    )
    child.links_to_parents.create(
        parent=parent, kind="consume", movement=movement, quantity=1, unit="kg", linked_at=timezone.now()
    )
    inherited = active_holds([child.pk]).get()
    assert inherited.inherited_from_id == parent.pk


def test_hold_reaches_every_descendant(plant: Plant) -> None:
    raw = plant.raw()
    children = [plant.lot(inputs=[Input(parent=raw.code, quantity=1)]) for _ in range(3)]
    hold(plant, raw)
    assert set(active_holds([c.pk for c in children]).values_list("lot_id", flat=True)) == {
        c.pk for c in children
    }
