"""The way of a measurement: recorded, judged, evaluated, reacted to; each with one effect."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from lots.actions.clock import set_site_clock
from lots.actions.record_submission import IdempotencyConflict
from lots.audit import verify
from lots.digest import submission_digest
from lots.envelope import InvalidSubmission
from lots.models import AuditEvent, Lot, Measurement, StepExecution, Submission, Supersession, WorkOrder
from lots.queries import active_holds
from mes import pipeline
from quality.actions.approve_limits import approve_limits
from quality.actions.gate import GateRefused
from quality.actions.produce import NewLot, produce_lots
from quality.actions.quarantine import note_failure
from quality.gates import can_leave, can_proceed
from quality.models import Defect, Judgement
from spc.actions.evaluate import Evaluation
from spc.actions.freeze import FreezeRefused
from spc.models import Chart, LimitRevision, OutboxEntry, Point, Signal
from spc.queries import subgroup_values
from tests.support.builders import PASSWORD, Plant, add_chart, add_line, make_plant, publish, specify
from tests.support.worked import frozen_chart

pytestmark = pytest.mark.django_db
SOLIDS = "mixing.solids_pct"


@pytest.fixture
def plant() -> Plant:
    return make_plant()


def mixing_lot(plant: Plant) -> Lot:
    lot = plant.lot()
    plant.start(lot, "mixing")
    return lot


def evaluate_all() -> None:
    while pipeline.sweep_once(now=timezone.now())["charts"]:
        pass


def test_value_is_kept_as_entered_with_its_digest_and_audit_link(plant: Plant) -> None:
    publish(plant)
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "65.10", lot)])
    row = Measurement.objects.get(lot_id=lot.pk)
    assert (row.entered_text, row.value) == ("65.10", Decimal("65.1"))
    submission = row.submission
    assert bytes(submission.digest) == submission_digest(
        submission.uuid, plant.source.code, submission.received_at, [row]
    )
    linked = AuditEvent.objects.filter(chain=f"lot:{lot.pk}", table_name="lots_submission")
    assert linked.count() == 1
    assert bytes(submission.digest).hex() in linked.get().payload
    assert list(verify(lot.pk)) == []


def test_derived_value_is_computed_when_its_last_input_arrives(plant: Plant) -> None:
    publish(plant)
    roll = plant.lot("T-ROLL", quantity=240, length_mm=240_000, lanes=2)
    plant.start(roll, "coating")
    first = plant.submit(
        [plant.reading("coating.punch_mass_g", "0.7200", roll, position="3", roll_position_mm=1000)]
    )
    assert first.body["derived"] == []
    second = plant.submit([plant.reading("coating.foil_mass_g", "0.0486", roll)])
    derived = {d["characteristic"]: (d["position"], d["value"]) for d in second.body["derived"]}
    lane, loading = derived["coating.areal_loading_mg_cm2"]
    assert (lane, Decimal(loading)) == ("3", Decimal("27.975"))
    row = Measurement.objects.get(lot_id=roll.pk, characteristic__code="coating.areal_loading_mg_cm2")
    assert (row.position, row.roll_position_mm, len(row.input_ids)) == (3, 1000, 2)


def test_changed_input_supersedes_the_derived_value(plant: Plant) -> None:
    publish(plant)
    cell = plant.lot("T-CELL", quantity=1)
    for step in ("stacking",):
        plant.run(cell, step)
    plant.start(cell, "filling")
    plant.submit(
        [
            plant.reading("filling.mass_before_g", "300", cell),
            plant.reading("filling.mass_filled_g", "360", cell),
        ]
    )
    plant.submit([plant.reading("filling.mass_filled_g", "361", cell)])
    rows = Measurement.objects.filter(lot_id=cell.pk, characteristic__code="filling.dosed_mass_g").order_by(
        "id"
    )
    assert [row.value for row in rows] == [60, 61]
    assert Supersession.objects.get(old_id=rows[0].id).new_id == rows[1].id


def test_violation_is_a_defect_and_a_hold_that_names_the_requirement(plant: Plant) -> None:
    line = specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    lot = mixing_lot(plant)
    answer = plant.submit([plant.reading(SOLIDS, "66.0001", lot)])
    violation = answer.body["violations"][0]
    assert violation["requirement"] == line.requirement.code
    assert "above USL 66" in violation["message"]
    hold = active_holds([lot.pk]).get().hold
    assert str(hold.uuid) == violation["hold"]
    defect = Defect.objects.get(lot=lot)
    assert (defect.hold, defect.requirement, defect.judgement.usl) == (hold, line.requirement, 66)


@pytest.mark.parametrize("value", ["64", "66", "64.0000000000"])
def test_value_exactly_on_a_limit_conforms(plant: Plant, value: str) -> None:
    specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    lot = mixing_lot(plant)
    assert plant.submit([plant.reading(SOLIDS, value, lot)]).body["violations"] == []
    assert Judgement.objects.get(lot_id=lot.pk).verdict == "conforms"


@pytest.mark.parametrize(
    ("qualifier", "value", "verdict"),
    [
        ("<", "65", "undetermined"),
        ("<", "64", "violates"),
        (">", "65", "undetermined"),
        (">", "66", "violates"),
    ],
)
def test_censored_value_is_judged_only_when_unambiguous(
    plant: Plant, qualifier: str, value: str, verdict: str
) -> None:
    specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, value, lot, qualifier=qualifier)])
    assert Judgement.objects.get(lot_id=lot.pk).verdict == verdict
    assert can_leave(lot, now=timezone.now())


def test_same_key_and_payload_replays_the_answer(plant: Plant) -> None:
    publish(plant)
    lot = mixing_lot(plant)
    reading = plant.reading(SOLIDS, "65", lot)
    first = plant.submit([reading], key="k")
    again = plant.submit([reading], key="k")
    assert (again.body, again.replayed) == (first.body, True)
    assert Measurement.objects.filter(lot_id=lot.pk).count() == 1


def test_same_key_with_another_payload_is_refused(plant: Plant) -> None:
    publish(plant)
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "65", lot)], key="k")
    with pytest.raises(IdempotencyConflict):
        plant.submit([plant.reading(SOLIDS, "65.1", lot)], key="k")
    assert Measurement.objects.filter(lot_id=lot.pk).count() == 1


def test_bad_readings_are_refused_whole_with_field_and_fix(plant: Plant) -> None:
    publish(plant)
    lot = mixing_lot(plant)
    before = Submission.objects.count()
    with pytest.raises(InvalidSubmission) as caught:
        plant.submit(
            [
                plant.reading(SOLIDS, "65", lot),
                plant.reading(SOLIDS, "65,1", lot),
                plant.reading(SOLIDS, "65", lot, unit="kg"),
                plant.reading(SOLIDS, "65", lot, position="1"),
                plant.reading("coating.solids_pct", "65", lot),
            ]
        )
    assert [(p.reading, p.field) for p in caught.value.problems] == [
        (1, "value"),
        (2, "unit"),
        (3, "position"),
        (4, "lot"),
    ]
    assert Submission.objects.count() == before


def test_value_from_the_future_is_quarantined_and_blocks(plant: Plant) -> None:
    add_line(plant, SOLIDS)
    publish(plant)
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "65", lot, measured_at=timezone.now() + timedelta(minutes=6))])
    assert Measurement.objects.get(lot_id=lot.pk).quality == "quarantined"
    codes = {blocker.code for blocker in can_leave(lot, now=timezone.now())}
    assert {"missing", "quarantined"} <= codes


def test_missing_required_value_blocks_the_next_movement(plant: Plant) -> None:
    add_line(plant, SOLIDS)
    publish(plant)
    lot = mixing_lot(plant)
    plant.finish(StepExecution.objects.get(lot=lot))
    assert [blocker.code for blocker in can_leave(lot, now=timezone.now())] == ["missing"]


def test_lot_without_a_control_plan_does_not_move(plant: Plant) -> None:
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
    assert [b.code for b in can_proceed(stray, "mixing", now=timezone.now())] == ["no_plan"]


def test_pending_evaluation_blocks_and_evaluation_frees(plant: Plant) -> None:
    add_chart(plant, SOLIDS)
    publish(plant)
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "65", lot)])
    plant.finish(StepExecution.objects.get(lot=lot))
    assert [b.code for b in can_leave(lot, now=timezone.now())] == ["evaluation_pending"]
    evaluate_all()
    assert can_leave(lot, now=timezone.now()) == []


def chart_with_frozen_limits(plant: Plant, **fields: object) -> Chart:
    """Twenty points around 65 with a moving range of 0.2, frozen."""
    add_chart(plant, SOLIDS, **fields)
    publish(plant)
    for number in range(20):
        lot = mixing_lot(plant)
        plant.submit([plant.reading(SOLIDS, "65.1" if number % 2 else "64.9", lot)])
    evaluate_all()
    chart = Chart.objects.get(stream__plan__site=plant.site)
    approve_limits(
        chart,
        excluded={},
        reason="phase 1 done",
        user=plant.process_engineer,
        password=PASSWORD,
        now=timezone.now(),
    )
    return chart


def test_limits_are_provisional_while_learning_and_signals_only_alert(plant: Plant) -> None:
    add_chart(plant, SOLIDS)
    publish(plant)
    for number in range(10):
        plant.submit([plant.reading(SOLIDS, "65.1" if number % 2 else "64.9", mixing_lot(plant))])
    wild = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "70", wild)])
    evaluate_all()
    assert LimitRevision.objects.get().kind == "provisional"
    signal = Signal.objects.get(panel="location")
    assert (signal.provisional, signal.reaction) == (True, "alert")
    assert not active_holds([wild.pk]).exists()


def test_limits_are_learned_from_the_newest_points_only(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the history: what a milestone costs is bounded."""
    monkeypatch.setattr("spc.queries.LARGEST_BASIS", 10)
    add_chart(plant, SOLIDS)
    publish(plant)
    for number in range(20):
        level = 65 if number < 10 else 60
        plant.submit([plant.reading(SOLIDS, f"{level}.{number % 2}", mixing_lot(plant))])
    evaluate_all()
    latest = LimitRevision.objects.latest("pk")
    assert latest.reason == "provisional after 20 points"
    assert latest.center == pytest.approx(60.05)


def test_signal_on_frozen_limits_holds_its_lot(plant: Plant) -> None:
    chart = chart_with_frozen_limits(plant)
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "67", lot)])
    evaluate_all()
    signal = Signal.objects.get(chart=chart, panel="location", rule="beyond_limits")
    assert signal.point.statistic == 67
    member = active_holds([lot.pk]).filter(hold__source="signal", hold__source_id=signal.pk).get()
    assert "Solids" in member.hold.reason
    with pytest.raises(GateRefused):
        plant.start(lot, "mixing")


def test_moving_range_after_an_outlier_does_not_hold_the_next_lot(plant: Plant) -> None:
    chart = chart_with_frozen_limits(plant)
    outlier, innocent = mixing_lot(plant), mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "67", outlier)])
    plant.submit([plant.reading(SOLIDS, "65", innocent)])
    evaluate_all()
    echo = Signal.objects.get(chart=chart, panel="dispersion", point__statistic=65)
    assert echo.reaction == "alert"
    assert active_holds([outlier.pk]).exists()
    assert not active_holds([innocent.pk]).exists()


def test_contain_reaches_back_to_the_last_accepted_point(plant: Plant) -> None:
    chart = chart_with_frozen_limits(plant, reaction="contain")
    run = []
    for _ in range(9):
        run.append(mixing_lot(plant))
        plant.submit([plant.reading(SOLIDS, "65.15", run[-1])])
    evaluate_all()
    signal = Signal.objects.get(chart=chart, rule="run_one_side")
    held = set(
        active_holds([lot.pk for lot in run])
        .filter(hold__source_id=signal.pk)
        .values_list("lot_id", flat=True)
    )
    assert held == {lot.pk for lot in run}
    assert signal.firing.lots_in_window == len(run)


def test_evaluating_again_changes_nothing(plant: Plant) -> None:
    chart = chart_with_frozen_limits(plant)
    before = (Point.objects.count(), Signal.objects.count())
    OutboxEntry.objects.update(attempts=0)
    for _ in range(3):
        pipeline.evaluate_chart(chart.pk, now=timezone.now())
    assert (Point.objects.count(), Signal.objects.count()) == before


def test_freezing_needs_phase_1_points_and_the_password(plant: Plant) -> None:
    add_chart(plant, SOLIDS)
    publish(plant)
    plant.submit([plant.reading(SOLIDS, "65", mixing_lot(plant))])
    evaluate_all()
    chart = Chart.objects.get(stream__plan__site=plant.site)
    with pytest.raises(FreezeRefused, match="needs 10 points"):
        approve_limits(
            chart,
            excluded={},
            reason="early",
            user=plant.process_engineer,
            password=PASSWORD,
            now=timezone.now(),
        )
    assert not LimitRevision.objects.exists()


def test_poison_is_quarantined_after_three_attempts_and_its_lot_held(plant: Plant) -> None:
    add_chart(plant, SOLIDS, rules="no_such_rule", phase1_subgroups=10)
    publish(plant)
    lots = []
    for number in range(10):
        lots.append(mixing_lot(plant))
        plant.submit([plant.reading(SOLIDS, "65.1" if number % 2 else "64.9", lots[-1])])
    for _ in range(12):
        pipeline.sweep_once(now=timezone.now())
    entry = OutboxEntry.objects.get(quarantined_at__isnull=False)
    assert entry.attempts == 3
    assert "no_such_rule" in entry.error
    assert active_holds([lots[-1].pk]).get().hold.source == "poison"
    assert not active_holds([lot.pk for lot in lots[:-1]]).exists()


def test_entries_beside_the_poison_are_evaluated_in_the_same_attempt(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine before it, and nine behind it once it is out of the way: three sweeps, not one for each entry."""
    chart = frozen_chart(plant)
    lots = [mixing_lot(plant) for _ in range(19)]
    for number, lot in enumerate(lots):
        plant.submit([plant.reading(SOLIDS, "67" if number in (9, 18) else "65", lot)])
    poison = Measurement.objects.get(lot_id=lots[9].pk)

    def refuse(family: object, readings: object) -> object:
        rows = list(readings)  # type: ignore[call-overload]
        if any(row.measurement_id == poison.id for row in rows):
            raise ValueError("not this one")
        return subgroup_values(family, rows)  # type: ignore[arg-type]

    monkeypatch.setattr("spc.actions.evaluate.subgroup_values", refuse)
    pipeline.sweep_once(now=timezone.now())
    entries = OutboxEntry.objects.filter(chart=chart, processed_at__isnull=True).order_by("id")
    assert entries.values_list("submission", "attempts")[0] == (poison.submission_id, 1)
    assert entries.count() == 10
    for _ in range(2):
        pipeline.sweep_once(now=timezone.now())
    pipeline.sweep_once(now=timezone.now())
    assert entries.get().submission_id == poison.submission_id
    assert {hold.hold.source for hold in active_holds([lots[9].pk])} == {"poison"}
    assert active_holds([lots[18].pk]).filter(hold__source="signal").exists()


def test_reading_that_came_while_its_chart_was_locked_waits_for_no_sweep(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own hint finds the chart taken and goes away; who has the chart looks again."""
    chart = frozen_chart(plant)
    first, second = mixing_lot(plant), mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "65", first)])
    evaluate = pipeline.evaluate_chart

    def meanwhile(chart_id: int, **given: object) -> object:
        result = evaluate(chart_id, **given)  # type: ignore[arg-type]
        if not Measurement.objects.filter(lot_id=second.pk).exists():
            plant.submit([plant.reading(SOLIDS, "67", second)])
        return result

    monkeypatch.setattr(pipeline, "evaluate_chart", meanwhile)
    assert pipeline.attempt_chart(chart.pk, now=timezone.now())
    hold = active_holds([second.pk]).filter(hold__source="signal").first()
    entry = OutboxEntry.objects.latest("id")
    assert hold is not None and entry.processed_at is not None and entry.processed_at >= entry.created_at


def test_backlog_is_evaluated_in_pieces_that_commit_one_by_one(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = frozen_chart(plant)
    monkeypatch.setattr(pipeline, "MOST_ENTRIES", 4)
    for _ in range(10):
        plant.submit([plant.reading(SOLIDS, "65", mixing_lot(plant))])
    pieces: list[int] = []
    evaluate = pipeline.evaluate_chart

    def counted(chart_id: int, **given: object) -> Evaluation:
        result = evaluate(chart_id, **given)  # type: ignore[arg-type]
        pieces.append(result.entries)
        return result

    monkeypatch.setattr(pipeline, "evaluate_chart", counted)
    assert pipeline.attempt_chart(chart.pk, now=timezone.now())
    assert pieces == [4, 4, 2]
    monkeypatch.setattr(pipeline, "SLICE_S", 0.0)
    plant.submit([plant.reading(SOLIDS, "65", mixing_lot(plant))])
    assert not pipeline.attempt_chart(chart.pk, now=timezone.now())
    assert OutboxEntry.objects.filter(processed_at__isnull=True).count() == 1


def test_failure_of_an_entry_that_somebody_else_evaluated_counts_against_no_other(plant: Plant) -> None:
    frozen_chart(plant)
    for value in ("65", "65.1"):
        plant.submit([plant.reading(SOLIDS, value, mixing_lot(plant))])
    first, second = OutboxEntry.objects.filter(processed_at__isnull=True).order_by("id")
    pipeline.evaluate_chart(first.chart_id, now=timezone.now(), at_most=1)
    assert note_failure(first.pk, error="too late", now=timezone.now()) is None
    assert not OutboxEntry.objects.filter(attempts__gt=0).exists()
    assert note_failure(second.pk, error="its own", now=timezone.now()) is not None
    second.refresh_from_db()
    assert (second.attempts, second.error) == (1, "its own")


def test_subgroup_that_waits_too_long_is_closed_by_the_sweeper_on_the_site_clock() -> None:
    plant = make_plant(simulated=True)
    add_chart(
        plant,
        SOLIDS,
        chart_family="xbar-r",
        subgroup_by="consecutive",
        subgroup_size=5,
        subgroup_timeout_s=600,
    )
    publish(plant)
    for value in ("64.9", "65.0", "65.1"):
        plant.submit([plant.reading(SOLIDS, value, mixing_lot(plant))])
    evaluate_all()
    assert not Point.objects.exists()
    now = timezone.now()
    set_site_clock(plant.site, to=now + timedelta(minutes=11), now=now)
    assert pipeline.sweep_once(now=timezone.now())["timeouts"] == 1
    point = Point.objects.get()
    assert (point.size, point.subgroup.closed_by) == (3, "timeout")


def test_finishing_the_step_closes_its_open_subgroups(plant: Plant) -> None:
    add_chart(plant, SOLIDS, chart_family="xbar-r", subgroup_by="execution", subgroup_size=5)
    publish(plant)
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "64.9", lot), plant.reading(SOLIDS, "65.1", lot)])
    evaluate_all()
    assert not Point.objects.exists()
    plant.finish(StepExecution.objects.get(lot=lot))
    assert [blocker.code for blocker in can_leave(lot, now=timezone.now())] == ["evaluation_pending"]
    evaluate_all()
    assert Point.objects.get().subgroup.closed_by == "step_closed"
    assert can_leave(lot, now=timezone.now()) == []


def test_finishing_with_readings_replays_its_answer(plant: Plant) -> None:
    publish(plant)
    lot = mixing_lot(plant)
    envelope = plant.envelope([plant.reading(SOLIDS, "65", lot)], key="finish-1")
    execution = StepExecution.objects.get(lot=lot)
    first = pipeline.finish_step(execution, envelope, now=timezone.now())
    again = pipeline.finish_step(execution, envelope, now=timezone.now())
    assert (again.replayed, again.body) == (True, first.body)
    assert Measurement.objects.filter(lot_id=lot.pk).count() == 1


def test_measuring_again_frees_a_lot_from_a_censored_or_quarantined_value(plant: Plant) -> None:
    specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "65", lot, qualifier="<")])
    plant.submit([plant.reading(SOLIDS, "65", lot, measured_at=timezone.now() + timedelta(hours=1))])
    plant.finish(StepExecution.objects.get(lot=lot))
    codes = {blocker.code for blocker in can_leave(lot, now=timezone.now())}
    assert codes == {"undetermined", "quarantined"}
    plant.submit([plant.reading(SOLIDS, "65", lot)])
    assert can_leave(lot, now=timezone.now()) == []
