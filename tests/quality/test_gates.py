"""Gates fail closed: each blocker appears when it must, says in words what to do, and goes when that is done (I8)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import Lot, MaterialDefinition, Movement, WorkOrder, Zone
from lots.science.humidity_events import ChecklistItem
from mes import pipeline
from quality.actions.dispose import Ruling, dispose
from quality.actions.end_reaction import lift_stop
from quality.actions.gate import GateRefused
from quality.actions.hold import hold_by_hand
from quality.actions.load_gates import load_gates
from quality.actions.produce import NewLot, produce_lots
from quality.actions.receive import set_incoming_rule
from quality.actions.release import let_leave, release_lot
from quality.actions.shift_check import answer_checklist, set_zone_rule
from quality.actions.sign import sign
from quality.actions.switch_sampling import resume_sampling
from quality.actions.taking import Input
from quality.blockers import Blocker, Code
from quality.gates import can_leave, can_proceed, next_step
from quality.models import Disposition, Nonconformance, SamplingEvent, StreamStop
from quality.release_view import release_blockers
from spc.engine.sampling_standards import Severity, Switching
from spc.models import Chart, Signal
from tests.support.builders import (
    PASSWORD,
    Plant,
    add_chart,
    add_line,
    make_gauge,
    make_plant,
    make_user,
    publish,
    specify,
)
from tests.support.frozen_chart import frozen_plant
from tests.support.worked import SOLIDS, evaluate_all, mixing_lot

pytestmark = [pytest.mark.django_db, pytest.mark.core]


@pytest.fixture
def plant() -> Plant:
    return make_plant()


ROLL_STEPS = ("coating", "drying", "calendering", "slitting")


def assert_only(blockers: list[Blocker], code: Code) -> Blocker:
    """The one blocker there is."""
    assert [blocker.code for blocker in blockers] == [code]
    return blockers[0]


def leave(lot: Lot, *, after: timedelta = timedelta(0)) -> list[Blocker]:
    return can_leave(lot, now=timezone.now() + after)


def mixed(plant: Plant) -> Lot:
    lot = plant.lot()
    plant.run(lot, "mixing")
    return lot


def decide(plant: Plant, lot: Lot, ruling: Ruling) -> None:
    """Hold the lot and dispose of it."""
    hold = hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="scratch", user=plant.operator, now=timezone.now()
    )
    keys = list(hold.members.filter(lot=lot).values_list("pk", flat=True))
    dispose(keys, ruling, site=plant.site, user=plant.engineer, password=PASSWORD, now=timezone.now())


def test_a_finished_lot_with_all_its_evidence_may_leave(plant: Plant) -> None:
    add_line(plant, SOLIDS)
    publish(plant)
    lot = plant.lot()
    plant.run(lot, "mixing", [plant.reading(SOLIDS, "65", lot)])
    assert leave(lot) == []
    assert next_step(lot) is None


def test_held(plant: Plant) -> None:
    publish(plant)
    lot = mixed(plant)
    hold = hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="scratch", user=plant.operator, now=timezone.now()
    )
    blocker = assert_only(leave(lot), Code.HELD)
    assert blocker.message == "scratch — a quality engineer must dispose of it"
    assert (blocker.kind, blocker.key) == ("hold", hold.pk)


def test_not_active(plant: Plant) -> None:
    publish(plant)
    lot = mixed(plant)
    decide(plant, lot, Ruling(Disposition.Decision.SCRAP, "beyond repair"))
    lot.refresh_from_db()
    assert "scrapped" in assert_only(leave(lot), Code.NOT_ACTIVE).message


def test_no_plan(plant: Plant) -> None:
    publish(plant)
    order = WorkOrder.objects.create(
        site=plant.site,
        code="WO-2",
        product_revision=plant.product,
        quantity=1,
        unit="1",
        opened_at=timezone.now(),
    )
    spec = NewLot(code=plant.code("X"), material="T-SLURRY", work_order=order.code)
    stray = produce_lots([spec], site=plant.site, user=plant.operator, now=timezone.now())[0]
    assert "no work order with a control plan" in assert_only(leave(stray), Code.NO_PLAN).message


def test_not_on_route(plant: Plant) -> None:
    publish(plant)
    blocker = assert_only(can_proceed(plant.lot(), "coating", now=timezone.now()), Code.NOT_ON_ROUTE)
    assert "coating is not on the route" in blocker.message


def test_out_of_order(plant: Plant) -> None:
    publish(plant)
    assert assert_only(leave(plant.lot()), Code.OUT_OF_ORDER).message == "Mixing has not been done"


def test_step_open(plant: Plant) -> None:
    publish(plant)
    assert assert_only(leave(mixing_lot(plant)), Code.STEP_OPEN).message == "Mixing is not finished"


def test_step_runs(plant: Plant) -> None:
    publish(plant)
    assert_only(can_proceed(mixing_lot(plant), "mixing", now=timezone.now()), Code.STEP_RUNS)


def test_already_done(plant: Plant) -> None:
    publish(plant)
    assert_only(can_proceed(mixed(plant), "mixing", now=timezone.now()), Code.ALREADY_DONE)


def test_rework_due(plant: Plant) -> None:
    publish(plant)
    lot = mixed(plant)
    step = plant.product.route.steps.get(step__code="mixing")
    decide(plant, lot, Ruling(Disposition.Decision.REWORK, "lumps", rework_from=step))
    assert "Mixing must be repeated" in assert_only(leave(lot), Code.REWORK_DUE).message
    assert next_step(lot) == step
    plant.run(lot, "mixing")
    assert leave(lot) == []


def test_a_later_rework_does_not_lift_an_earlier_one_that_begins_before_it(plant: Plant) -> None:
    publish(plant)
    lot = plant.lot("T-ROLL", quantity=10)
    route = plant.product.route.steps
    for code in ROLL_STEPS:
        plant.run(lot, code)
    for code in (ROLL_STEPS[0], ROLL_STEPS[-1]):
        decide(plant, lot, Ruling(Disposition.Decision.REWORK, code, rework_from=route.get(step__code=code)))
    assert next_step(lot) == route.get(step__code=ROLL_STEPS[0])
    due = [b for b in leave(lot) if b.code is Code.REWORK_DUE]
    assert len(due) == len(ROLL_STEPS)
    refused = can_proceed(lot, ROLL_STEPS[-1], now=timezone.now())
    assert refused and {b.code for b in refused} == {Code.REWORK_DUE}


def test_rework_demands_its_values_again(plant: Plant) -> None:
    add_line(plant, SOLIDS)
    publish(plant)
    lot = plant.lot()
    plant.run(lot, "mixing", [plant.reading(SOLIDS, "65", lot)])
    step = plant.product.route.steps.get(step__code="mixing")
    decide(plant, lot, Ruling(Disposition.Decision.REWORK, "lumps", rework_from=step))
    execution = plant.start(lot, "mixing")
    plant.finish(execution)
    assert_only(leave(lot), Code.MISSING)


def test_missing(plant: Plant) -> None:
    add_line(plant, SOLIDS, required_count=2)
    publish(plant)
    lot = plant.lot()
    plant.run(lot, "mixing", [plant.reading(SOLIDS, "65", lot)])
    assert assert_only(leave(lot), Code.MISSING).message.endswith("1 of 2 values")
    plant.submit([plant.reading(SOLIDS, "65", lot)])
    assert leave(lot) == []


def test_a_value_from_a_gauge_out_of_calibration_counts_as_missing(plant: Plant) -> None:
    add_line(plant, SOLIDS)
    gauge = make_gauge(plant, "moisture_balance", due_in=timedelta(days=-1))
    publish(plant)
    lot = plant.lot()
    plant.run(lot, "mixing", [plant.reading(SOLIDS, "65", lot, gauge=gauge.code)])
    blocker = assert_only(leave(lot), Code.MISSING)
    assert (
        "0 of 1 values (not counted: 1 of a gauge that cannot be relied upon; measure again)"
        in blocker.message
    )


def test_undetermined(plant: Plant) -> None:
    specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    lot = plant.lot()
    plant.run(lot, "mixing", [plant.reading(SOLIDS, "65", lot, qualifier="<")])
    assert "measure again" in assert_only(leave(lot), Code.UNDETERMINED).message


def test_quarantined(plant: Plant) -> None:
    publish(plant)
    lot = plant.lot()
    future = timezone.now() + timedelta(minutes=6)
    plant.run(lot, "mixing", [plant.reading(SOLIDS, "65", lot, measured_at=future)])
    assert "clock" in assert_only(leave(lot), Code.QUARANTINED).message


def test_evaluation_pending(plant: Plant) -> None:
    add_chart(plant, SOLIDS)
    publish(plant)
    lot = plant.lot()
    plant.run(lot, "mixing", [plant.reading(SOLIDS, "65", lot)])
    blocker = assert_only(leave(lot), Code.EVALUATION_PENDING)
    assert (blocker.kind, blocker.key) == ("chart", Chart.objects.get().pk)
    evaluate_all()
    assert leave(lot) == []


def test_containment_pending(plant: Plant) -> None:
    """A signal that nothing has reacted to yet blocks every lot that its stream touched."""
    add_chart(plant, SOLIDS)
    publish(plant)
    lot = plant.lot()
    plant.run(lot, "mixing", [plant.reading(SOLIDS, "65", lot)])
    evaluate_all()
    chart = Chart.objects.get()
    Signal.objects.create(
        chart=chart,
        point=chart.points.get(),
        rule="beyond_limits",
        panel=Signal.Panel.LOCATION,
        provisional=False,
    )
    assert assert_only(leave(lot), Code.CONTAINMENT_PENDING).key == chart.pk


def test_calibration(plant: Plant) -> None:
    add_line(plant, SOLIDS, required_count=0, gauge_kind="moisture_balance")
    make_gauge(plant, "moisture_balance", due_in=timedelta(days=-1))
    publish(plant)
    lot = plant.lot()
    blocker = assert_only(can_proceed(lot, "mixing", now=timezone.now()), Code.CALIBRATION)
    assert "no moisture balance in calibration" in blocker.message
    make_gauge(plant, "moisture_balance")
    assert can_proceed(lot, "mixing", now=timezone.now()) == []


def test_container_open(plant: Plant) -> None:
    publish(plant)
    lot = mixed(plant)
    zone = Zone.objects.create(site=plant.site, code="DRY-1", name="Dry room")
    pipeline.open_container(lot, zone, user=plant.operator, now=timezone.now(), at=timezone.now())
    assert "close it first" in assert_only(leave(lot), Code.CONTAINER_OPEN).message
    pipeline.close_container(lot, user=plant.operator, at=timezone.now())
    assert leave(lot) == []


def test_expired(plant: Plant) -> None:
    publish(plant)
    raw = plant.lot("T-RAW", expires_at=timezone.now() + timedelta(hours=1))
    assert leave(raw) == []
    assert "shelf life ended" in assert_only(leave(raw, after=timedelta(hours=2)), Code.EXPIRED).message


def test_concession_expired(plant: Plant) -> None:
    publish(plant)
    lot = mixed(plant)
    ruling = Ruling(
        Disposition.Decision.CONCESSION,
        "usable today",
        concession_quantity=lot.quantity,
        concession_expires_at=timezone.now() + timedelta(hours=1),
    )
    decide(plant, lot, ruling)
    assert leave(lot) == []
    blocker = assert_only(leave(lot, after=timedelta(hours=2)), Code.CONCESSION_EXPIRED)
    assert "decide again" in blocker.message


def test_conceded_in_part(plant: Plant) -> None:
    publish(plant)
    lot = mixed(plant)
    ruling = Ruling(
        Disposition.Decision.CONCESSION,
        "usable for trials",
        concession_quantity=lot.quantity - 1,
        concession_expires_at=timezone.now() + timedelta(hours=1),
    )
    decide(plant, lot, ruling)
    blocker = assert_only(leave(lot), Code.CONCEDED_IN_PART)
    assert "only 99 kg of it were conceded; take that out" in blocker.message


def test_every_reason_is_given_at_once(plant: Plant) -> None:
    """Nobody fixes one thing to be told of the next."""
    add_line(plant, SOLIDS)
    publish(plant)
    lot = mixing_lot(plant)
    hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="scratch", user=plant.operator, now=timezone.now()
    )
    assert {blocker.code for blocker in leave(lot)} == {Code.HELD, Code.STEP_OPEN, Code.MISSING}


def test_raw_material_has_no_steps_but_its_own_reasons(plant: Plant) -> None:
    raw = plant.raw(quantity=1)
    assert leave(raw) == []
    plant.lot(inputs=[Input(parent=raw.code, quantity=1)])  # type: ignore[arg-type]
    raw.refresh_from_db()
    assert_only(leave(raw), Code.NOT_ACTIVE)


def finished(plant: Plant) -> Lot:
    """A lot with all its evidence, ready to be released."""
    add_line(plant, SOLIDS)
    publish(plant)
    lot = plant.lot()
    plant.run(lot, "mixing", [plant.reading(SOLIDS, "65", lot)])
    return lot


def test_nonconformance(plant: Plant) -> None:
    lot = finished(plant)
    assert release_blockers(lot, user=plant.engineer, now=timezone.now()) == []
    hold = hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="lumps", user=plant.operator, now=timezone.now()
    )
    case = Nonconformance.objects.create(
        site=plant.site, code="NC-1", title="lumps", lot=lot, hold=hold, opened_at=timezone.now()
    )
    dispose(
        list(hold.members.values_list("pk", flat=True)),
        Ruling(Disposition.Decision.RELEASE, "none found"),
        site=plant.site,
        user=plant.engineer,
        password=PASSWORD,
        now=timezone.now(),
    )
    blocker = assert_only(release_blockers(lot, user=plant.engineer, now=timezone.now()), Code.NONCONFORMANCE)
    assert blocker.message == "NC-1 is open: lumps"
    case.state = Nonconformance.State.CLOSED
    case.save(update_fields=["state"])
    assert release_blockers(lot, user=plant.engineer, now=timezone.now()) == []


def test_independence(plant: Plant) -> None:
    add_line(plant, SOLIDS)
    publish(plant)
    lot = plant.lot()
    execution = plant.start(lot, "mixing")
    recorder = make_user(plant.site, "quality_engineer")
    pipeline.record(plant.envelope([plant.reading(SOLIDS, "65", lot)], user=recorder), now=timezone.now())
    plant.finish(execution)
    assert_only(release_blockers(lot, user=recorder, now=timezone.now()), Code.INDEPENDENCE)
    assert release_blockers(lot, user=plant.engineer, now=timezone.now()) == []


def test_not_released(plant: Plant) -> None:
    lot = finished(plant)
    with pytest.raises(GateRefused) as refused:
        let_leave([lot], Movement.Kind.SHIP, user=plant.operator, now=timezone.now())
    assert_only(list(refused.value.blockers), Code.NOT_RELEASED)
    release_lot(lot, user=plant.engineer, password=PASSWORD, now=timezone.now())
    assert let_leave([lot], Movement.Kind.SHIP, user=plant.operator, now=timezone.now())


def test_not_received(plant: Plant) -> None:
    """Expired after opening, and every paper: tests/quality/actions/test_receive.py."""
    publish(plant)
    set_incoming_rule(
        MaterialDefinition.objects.get(code="T-RAW"),
        [],
        shelf_life_d=None,
        open_life_h=None,
        warn_before_h=24,
        reason="new supplier",
        site=plant.site,
        user=plant.process_engineer,
        now=timezone.now(),
    )
    assert_only(leave(plant.raw()), Code.NOT_RECEIVED)


def test_shift_check(plant: Plant) -> None:
    """The windows and every item: tests/quality/actions/test_shift_check.py."""
    publish(plant)
    roll, now = plant.lot("T-SLIT", quantity=1), timezone.now()
    zone = Zone.objects.create(site=plant.site, code="DR-1", name="Staging room")
    make_gauge(plant, "frost_point_sensor", zone=zone)
    set_zone_rule(zone, ["dry_room"], hours=None, reason="7.2", user=plant.process_engineer, now=now)
    blocker = assert_only(can_proceed(roll, "dry_room", now=now), Code.SHIFT_CHECK)
    assert (blocker.kind, blocker.key) == ("zone", zone.pk)
    answer_checklist(zone, dict.fromkeys(ChecklistItem, True), user=plant.operator, now=now)
    assert can_proceed(roll, "dry_room", now=now) == []


def test_gate(plant: Plant) -> None:
    """States, deviations and every door: tests/quality/actions/test_deviate.py."""
    load_gates()
    add_line(plant, SOLIDS, gate="incoming", required_count=0)
    publish(plant)
    lot = mixed(plant)
    blocker = assert_only(leave(lot), Code.GATE)
    assert blocker.kind == "gate" and "has 0 of 1 values" in blocker.message
    plant.submit([plant.reading(SOLIDS, "65", lot)])
    assert leave(lot) == []


def test_stopped() -> None:
    """What a stop does else, machine by machine: tests/quality/actions/test_reactions.py."""
    charted = frozen_plant(reaction="stop")
    charted.measure("6.5")
    stop, lot = StreamStop.objects.get(), charted.plant.lot()
    blocker = assert_only(can_proceed(lot, "mixing", now=timezone.now()), Code.STOPPED)
    assert (blocker.kind, blocker.key) == ("stop", stop.pk)
    lift_stop(stop, reason="ok", user=charted.plant.engineer, password=PASSWORD, now=timezone.now())
    assert can_proceed(lot, "mixing", now=timezone.now()) == []


def test_sampling(plant: Plant) -> None:
    """How lots come to discontinue it: tests/quality/test_lot_sampling.py."""
    step = "stacking"
    line = add_line(
        plant,
        f"{step}.alignment_um",
        sampling="attributes",
        inspection_level="II",
        aql="1.0",
        required_count=0,
    )
    publish(plant)
    now, cell = timezone.now(), plant.lot("T-CELL", quantity=1)
    signed = {"user": plant.engineer, "password": PASSWORD, "now": now}
    state = Switching(Severity.DISCONTINUED)
    event = SamplingEvent.objects.create(
        site=plant.site,
        plan=plant.plan.plan,
        characteristic=line.characteristic,
        counted=True,
        state=asdict(state) | {"recent": []},
        severity=state.severity.value,
        words="5 lots",
        at=now,
        signature=sign(meaning="made up", record_kind="sampling", record_id="1", content={}, **signed),
    )
    blocker = assert_only(can_proceed(cell, step, now=now), Code.SAMPLING)
    assert (blocker.kind, blocker.key) == ("sampling", event.pk)
    resume_sampling(line, reason="new cutter", **signed)
    assert can_proceed(cell, step, now=timezone.now()) == []


def test_every_code_has_its_test() -> None:
    assert {f"test_{code.value}" for code in Code} <= globals().keys()
