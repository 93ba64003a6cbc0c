"""Steps start in order, once, on the right machine, and finish after they started."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.actions.record_submission import IdempotencyConflict
from lots.clock import ImplausibleInstant
from lots.models import Equipment, Lot, Movement, ProcessStep, StepExecution, Zone
from mes import pipeline
from quality.actions.gate import GateRefused
from quality.actions.hold import hold_by_hand
from quality.actions.run_step import StepRefused, start_step
from quality.permissions import NotPermitted
from tests.support.builders import Plant, add_line, make_gauge, make_plant, make_user, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


def roll(plant: Plant) -> Lot:
    return plant.lot("T-ROLL", quantity=240, length_mm=240_000, lanes=2)


def blockers(refusal: pytest.ExceptionInfo[GateRefused]) -> list[str]:
    return [blocker.code.value for blocker in refusal.value.blockers]


def nothing_started(lot: Lot) -> bool:
    return not (
        StepExecution.objects.filter(lot=lot).exists()
        or Movement.objects.filter(lot=lot).exists()
        or lot.gate_decisions.exists()
    )


def test_start_leaves_execution_movement_and_ticket(plant: Plant) -> None:
    lot = roll(plant)
    execution = plant.start(lot, "coating")
    movement = Movement.objects.get(lot=lot)
    assert (execution.attempt, execution.equipment, execution.operator) == (
        1,
        plant.equipment["coating"],
        plant.operator,
    )
    assert (movement.execution, movement.gate_decision.passed) == (execution, True)
    assert movement.gate_decision.transaction_id == movement.transaction_id


def test_a_step_out_of_order_is_refused_by_the_name_of_what_comes_first(plant: Plant) -> None:
    lot = roll(plant)
    with pytest.raises(GateRefused, match="Coating comes first") as caught:
        plant.start(lot, "drying")
    assert blockers(caught) == ["out_of_order"]
    assert nothing_started(lot)


def test_a_step_waits_for_the_one_before_to_finish(plant: Plant) -> None:
    lot = roll(plant)
    plant.start(lot, "coating")
    with pytest.raises(GateRefused, match="Coating is not finished") as caught:
        plant.start(lot, "drying")
    assert blockers(caught) == ["step_open"]


def test_a_running_step_is_not_started_again(plant: Plant) -> None:
    lot = roll(plant)
    plant.start(lot, "coating")
    with pytest.raises(GateRefused, match="running already") as caught:
        plant.start(lot, "coating")
    assert blockers(caught) == ["step_runs"]
    assert StepExecution.objects.filter(lot=lot).count() == 1


def test_a_finished_step_is_not_done_again(plant: Plant) -> None:
    lot = roll(plant)
    plant.run(lot, "coating")
    with pytest.raises(GateRefused) as caught:
        plant.start(lot, "coating")
    assert blockers(caught) == ["already_done"]


def test_the_same_lot_twice_in_one_start_starts_nothing(plant: Plant) -> None:
    lot = roll(plant)
    with pytest.raises(GateRefused):
        start_step(
            [lot, lot],
            "coating",
            user=plant.operator,
            equipment=plant.equipment["coating"],
            now=timezone.now(),
        )
    assert nothing_started(lot)


def test_one_held_lot_keeps_all_of_a_start_back(plant: Plant) -> None:
    free, held = roll(plant), roll(plant)
    hold_by_hand(
        [HeldExtent(held.pk)], site=plant.site, reason="test", user=plant.operator, now=timezone.now()
    )
    with pytest.raises(GateRefused) as caught:
        start_step(
            [free, held],
            "coating",
            user=plant.operator,
            equipment=plant.equipment["coating"],
            now=timezone.now(),
        )
    assert (caught.value.lot.pk, blockers(caught)) == (held.pk, ["held"])
    assert nothing_started(free)


def test_equipment_of_another_step_is_refused(plant: Plant) -> None:
    lot = roll(plant)
    with pytest.raises(StepRefused, match="DRYING-1 does not run coating"):
        start_step(
            [lot],
            "coating",
            user=plant.operator,
            equipment=plant.equipment["drying"],
            now=timezone.now(),
        )
    assert nothing_started(lot)


def test_equipment_of_another_site_is_refused(plant: Plant) -> None:
    lot = roll(plant)
    elsewhere = make_plant().equipment["coating"]
    with pytest.raises(StepRefused, match="does not run coating"):
        start_step([lot], "coating", user=plant.operator, equipment=elsewhere, now=timezone.now())
    assert nothing_started(lot)


def test_each_lot_gets_its_own_machine(plant: Plant) -> None:
    lots = [roll(plant), roll(plant)]
    step = ProcessStep.objects.get(code="coating")
    second = Equipment.objects.create(site=plant.site, code="COATING-2", name="Coater 2", step=step)
    machines = [second, plant.equipment["coating"]]
    started = start_step(lots, "coating", user=plant.operator, equipment=machines, now=timezone.now())
    assert [(e.lot, e.equipment) for e in started] == list(zip(lots, machines, strict=True))
    with pytest.raises(StepRefused, match="2 machines given for 1 lots"):
        start_step([roll(plant)], "coating", user=plant.operator, equipment=machines, now=timezone.now())


def test_only_people_of_the_line_start_steps(plant: Plant) -> None:
    lot = roll(plant)
    for user in (plant.engineer, make_plant().operator, make_user(plant.site, "auditor")):
        with pytest.raises(NotPermitted):
            start_step([lot], "coating", user=user, equipment=None, now=timezone.now())
    assert nothing_started(lot)


def test_a_step_does_not_finish_before_it_started(plant: Plant) -> None:
    execution = plant.start(roll(plant), "coating")
    early = execution.started_at - timedelta(seconds=1)
    with pytest.raises(StepRefused, match="before it started"):
        pipeline.finish_step(execution, plant.envelope([]), now=timezone.now(), at=early)
    execution.refresh_from_db()
    assert execution.finished_at is None


def test_a_step_does_not_start_in_the_future(plant: Plant) -> None:
    lot = roll(plant)
    now = timezone.now()
    with pytest.raises(ImplausibleInstant, match="future"):
        start_step(
            [lot],
            "coating",
            user=plant.operator,
            equipment=None,
            now=now,
            at=now + timedelta(minutes=6),
        )
    assert nothing_started(lot)


def test_a_step_finishes_once_and_a_repetition_gets_the_same_answer(plant: Plant) -> None:
    lot = roll(plant)
    execution = plant.start(lot, "coating")
    last = plant.envelope([plant.reading("coating.solids_pct", "65", lot)])
    now = timezone.now()
    answer = pipeline.finish_step(execution, last, now=now)
    again = pipeline.finish_step(execution, last, now=now)
    assert (again.body, again.replayed) == (answer.body, True)
    with pytest.raises(StepRefused, match="finished already"):
        plant.finish(execution)


def test_one_key_does_not_answer_for_another_execution(plant: Plant) -> None:
    """The caller would take a step for finished that still runs."""
    first, second = (plant.start(roll(plant), "coating") for _ in range(2))
    now = timezone.now()
    pipeline.finish_step(first, plant.envelope([], key="same"), now=now)
    with pytest.raises(IdempotencyConflict):
        pipeline.finish_step(second, plant.envelope([], key="same"), now=now)
    second.refresh_from_db()
    assert second.finished_at is None


def test_a_held_lots_running_step_may_finish_but_the_next_does_not_start(plant: Plant) -> None:
    lot = roll(plant)
    execution = plant.start(lot, "coating")
    hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="test", user=plant.operator, now=timezone.now()
    )
    plant.finish(execution)
    with pytest.raises(GateRefused) as caught:
        plant.start(lot, "drying")
    assert blockers(caught) == ["held"]


@pytest.fixture
def gauged() -> Plant:
    """The plan wants a profile gauge at coating."""
    plant = make_plant()
    add_line(plant, "coating.thickness_um", required_count=0, gauge_kind="micrometer")
    publish(plant)
    return plant


def test_a_gauge_out_of_calibration_blocks(gauged: Plant) -> None:
    make_gauge(gauged, "micrometer", due_in=timedelta(days=-1))
    lot = roll(gauged)
    with pytest.raises(GateRefused, match="no micrometer in calibration") as caught:
        gauged.start(lot, "coating")
    assert blockers(caught) == ["calibration"]
    assert nothing_started(lot)
    make_gauge(gauged, "micrometer")
    assert gauged.start(lot, "coating").pk


def test_an_unclosed_container_blocks_until_it_is_closed(plant: Plant) -> None:
    lot = roll(plant)
    zone = Zone.objects.create(site=plant.site, code="DRY-1", name="Dry room")
    pipeline.open_container(lot, zone, user=plant.operator, now=timezone.now(), at=timezone.now())
    with pytest.raises(GateRefused, match="close it first") as caught:
        plant.start(lot, "coating")
    assert blockers(caught) == ["container_open"]
    pipeline.close_container(lot, user=plant.operator, at=timezone.now())
    assert plant.start(lot, "coating").pk
