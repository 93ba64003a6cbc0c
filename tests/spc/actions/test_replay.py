"""Late, corrected, withdrawn and excluded readings: the chart stands as a full recomputation gives it (I9)."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from lots.actions.correct import Correction, CorrectionRefused
from lots.audit import verify
from lots.models import Lot, Measurement
from lots.queries import active_holds, current_measurements
from mes import pipeline
from quality.actions.approve_limits import approve_limits
from quality.actions.exclude_point import exclude_point
from quality.models import ReactionFiring
from spc.actions import plotter
from spc.actions.exclude import ExclusionRefused
from spc.actions.plotter import state_at_start
from spc.engine import MISSING_POINT, SubgroupData
from spc.engine.live import advance
from spc.models import Chart, ChartState, LimitRevision, Point, PointExclusion, Signal
from spc.queries import current_points, excluded_subgroups
from tests.support.builders import PASSWORD, Plant, add_chart, make_plant, publish, specify
from tests.support.evidence import assert_evaluated_exactly_once
from tests.support.recomputed import stored, whole
from tests.support.worked import evaluate_all, frozen_chart, mixing_lot

pytestmark = pytest.mark.django_db
SOLIDS = "mixing.solids_pct"
Column = tuple[float | None, float | None, tuple[str, ...]]


@pytest.fixture
def plant() -> Plant:
    return make_plant()


@pytest.fixture
def chart(plant: Plant) -> Chart:
    return frozen_chart(plant)


@pytest.fixture
def lot(plant: Plant, chart: Chart) -> Lot:
    return mixing_lot(plant)


def record(plant: Plant, lot: Lot, value: str, at: datetime) -> None:
    plant.submit([plant.reading(SOLIDS, value, lot, measured_at=at)])
    evaluate_all()


def correct(
    plant: Plant,
    row: Measurement,
    value: str | None,
    *,
    reason: str = "typing error",
    at: datetime | None = None,
) -> None:
    pipeline.correct(
        Correction(old=row, reason=reason, value=value, measured_at=at),
        key=plant.code("correct"),
        source=plant.source,
        user=plant.operator,
        now=timezone.now(),
    )
    evaluate_all()


def columns(chart: Chart) -> list[Column]:
    """What the chart shows from the limits in force on: statistic, z and the rules that a point completes."""
    floor = ChartState.objects.get(chart=chart).limit_revision.from_sequence
    points = (
        current_points(chart.pk).filter(sequence__gte=floor).order_by("sequence").prefetch_related("signals")
    )
    return [(p.statistic, p.z, tuple(sorted(s.rule + s.panel for s in p.signals.all()))) for p in points]


def recomputed(chart: Chart, lot: Lot) -> list[Column]:
    """The same from the raw measurements alone, in the order of their instants, without any stored state."""
    limits = ChartState.objects.get(chart=chart).limit_revision
    excluded = {
        point.subgroup.members.order_by("-id").first().measurement_id
        for point in current_points(chart.pk).filter(subgroup__in=excluded_subgroups(chart.pk))
    }
    state = state_at_start(limits, chart.stream.plan.rules)
    result: list[Column] = []
    rows = current_measurements(Measurement.objects.filter(lot_id=lot.pk, characteristic__code=SOLIDS))
    for row in rows.order_by("measured_at", "id"):
        following, plotted = advance(state, SubgroupData((float(row.value),)))
        if row.id in excluded:
            following, _ = advance(state, MISSING_POINT)
        hits = () if row.id in excluded else tuple(sorted(h.rule.value + h.panel.value for h in plotted.hits))
        result.append((plotted.statistic, plotted.z, hits))
        state = following
    return result


def reading_of(lot: Lot, value: str) -> Measurement:
    return (
        current_measurements(Measurement.objects.filter(lot_id=lot.pk, value=value))
        .select_related("site", "characteristic", "gauge", "zone", "equipment", "execution")
        .get()
    )


def test_late_reading_is_plotted_in_its_place(plant: Plant, chart: Chart, lot: Lot) -> None:
    start = timezone.now() - timedelta(minutes=20)
    for minute, value in ((1, "65.0"), (2, "65.1"), (4, "64.9"), (5, "65.05"), (3, "64.95")):
        record(plant, lot, value, start + timedelta(minutes=minute))
    assert [statistic for statistic, _, _ in columns(chart)] == [65.0, 65.1, 64.95, 64.9, 65.05]
    sequences = current_points(chart.pk).order_by("sequence").values_list("sequence", flat=True)
    assert list(sequences) == list(range(25))
    assert columns(chart) == recomputed(chart, lot)
    assert_evaluated_exactly_once()


def test_pattern_that_a_late_reading_completes_holds_its_lots(plant: Plant, chart: Chart) -> None:
    """Nine points on one side, and the one that was missing comes last."""
    start = timezone.now() - timedelta(minutes=20)
    lots = [mixing_lot(plant) for _ in range(9)]
    for minute in (0, 1, 2, 3, 5, 6, 7, 8):
        record(plant, lots[minute], "65.05", start + timedelta(minutes=minute))
    assert not Signal.objects.exists()
    record(plant, lots[4], "65.05", start + timedelta(minutes=4))
    signal = Signal.objects.get()
    assert (signal.rule, signal.point.sequence, signal.members.count()) == ("run_one_side", 28, 9)
    assert active_holds([lots[8].pk]).exists()
    assert_evaluated_exactly_once()


def test_corrected_reading_replaces_its_point_and_the_hold_stays(
    plant: Plant, chart: Chart, lot: Lot
) -> None:
    start = timezone.now() - timedelta(minutes=20)
    record(plant, lot, "65.0", start + timedelta(minutes=1))
    record(plant, lot, "67.0", start + timedelta(minutes=2))
    record(plant, lot, "65.1", start + timedelta(minutes=3))
    assert ReactionFiring.objects.filter(hold__isnull=False).count() >= 1
    holds = active_holds([lot.pk]).count()
    correct(plant, reading_of(lot, "67"), "65.2", reason="a 7 for a 5")
    assert [statistic for statistic, _, _ in columns(chart)] == [65.0, 65.2, 65.1]
    assert columns(chart) == recomputed(chart, lot)
    assert active_holds([lot.pk]).count() == holds
    before = Point.objects.get(chart=chart, statistic=67.0)
    assert before.replaced_at is not None and before.signals.exists()
    assert list(verify(lot.pk)) == []


def test_judged_signal_carries_its_judgement_through_a_replay(plant: Plant, chart: Chart, lot: Lot) -> None:
    start = timezone.now() - timedelta(minutes=20)
    record(plant, lot, "65.0", start + timedelta(minutes=1))
    record(plant, lot, "67.0", start + timedelta(minutes=3))
    firings = ReactionFiring.objects.count()
    record(plant, lot, "65.1", start + timedelta(minutes=2))
    again = Signal.objects.filter(point__replaced_at__isnull=True, panel="location").get()
    assert again.carried_from is not None and again.carried_from.firing.hold is not None
    assert (again.reaction, again.judged_at) == (again.carried_from.reaction, again.carried_from.judged_at)
    assert ReactionFiring.objects.count() == firings
    assert_evaluated_exactly_once()


def test_excluded_point_stays_plotted_and_rules_pass_over_it(plant: Plant, chart: Chart, lot: Lot) -> None:
    start = timezone.now() - timedelta(minutes=20)
    for minute in range(9):
        record(plant, lot, "65.05", start + timedelta(minutes=minute))
    point = current_points(chart.pk).get(sequence=24)
    assert Signal.objects.filter(point__replaced_at__isnull=True).count() == 1
    now = timezone.now()
    exclude_point(point, excluded=True, reason="gauge was dirty", user=plant.engineer, now=now)
    assert not Signal.objects.filter(point__replaced_at__isnull=True).exists()
    assert columns(chart) == recomputed(chart, lot)
    shown = current_points(chart.pk).get(sequence=24)
    assert shown.statistic == 65.05
    with pytest.raises(ExclusionRefused, match="excluded already"):
        exclude_point(shown, excluded=True, reason="again", user=plant.engineer, now=now)
    with pytest.raises(ExclusionRefused, match="has replaced it"):
        exclude_point(point, excluded=False, reason="clean after all", user=plant.engineer, now=now)
    exclude_point(shown, excluded=False, reason="clean after all", user=plant.engineer, now=now)
    assert Signal.objects.filter(point__replaced_at__isnull=True).count() == 1
    assert [e.excluded for e in PointExclusion.objects.order_by("id")] == [True, False]


def test_withdrawn_reading_leaves_a_gap(plant: Plant, chart: Chart, lot: Lot) -> None:
    start = timezone.now() - timedelta(minutes=20)
    for minute, value in ((1, "65.0"), (2, "66.9"), (3, "65.1")):
        record(plant, lot, value, start + timedelta(minutes=minute))
    correct(plant, reading_of(lot, "66.9"), None, reason="sample of another batch")
    assert [statistic for statistic, _, _ in columns(chart)] == [65.0, None, 65.1]


def test_reading_withdrawn_before_it_was_charted_never_was_on_the_chart(
    plant: Plant, chart: Chart, lot: Lot
) -> None:
    start = timezone.now() - timedelta(minutes=20)
    record(plant, lot, "65.0", start)
    plant.submit([plant.reading(SOLIDS, "66.9", lot, measured_at=start + timedelta(minutes=1))])
    correct(plant, reading_of(lot, "66.9"), None, reason="sample of another batch")
    record(plant, lot, "65.1", start + timedelta(minutes=2))
    assert [statistic for statistic, _, _ in columns(chart)] == [65.0, 65.1]
    readings = Measurement.objects.filter(lot_id=lot.pk, characteristic__code=SOLIDS)
    assert stored(chart) == whole(chart, readings).points


def test_corrected_basis_point_flags_the_frozen_limits(plant: Plant, chart: Chart) -> None:
    limits = ChartState.objects.get(chart=chart).limit_revision
    row = current_measurements(Measurement.objects.filter(value="65.1")).first()
    correct(plant, row, "65.2")
    limits.refresh_from_db()
    assert limits.basis_changed_at is not None
    assert limits.center == pytest.approx(65.0)
    assert ChartState.objects.get(chart=chart).limit_revision_id == limits.pk
    assert current_points(chart.pk).filter(statistic=65.2).count() == 1


def test_limits_judge_the_next_point_though_a_basis_point_was_corrected_before_it(plant: Plant) -> None:
    """All points that there are were plotted before there were limits; the fresh state of these stays."""
    chart = frozen_chart(plant, values=("64.9", "65.1") * 4 + ("64.8", "65.1"))
    correct(plant, current_measurements(Measurement.objects.filter(value="64.8")).get(), "64.9")
    lot = mixing_lot(plant)
    record(plant, lot, "67", timezone.now())
    assert columns(chart) == recomputed(chart, lot)
    assert "beyond_limitslocation" in columns(chart)[0][2] and active_holds([lot.pk]).exists()


def test_derived_value_that_changes_replaces_its_point() -> None:
    plant = make_plant()
    add_chart(plant, "filling.dosed_mass_g")
    publish(plant)
    cell = plant.lot("T-CELL", quantity=1)
    plant.run(cell, "stacking")
    plant.start(cell, "filling")
    masses = [("filling.mass_before_g", "300"), ("filling.mass_filled_g", "360")]
    plant.submit([plant.reading(code, value, cell) for code, value in masses])
    evaluate_all()
    filled = Measurement.objects.select_related("site", "characteristic", "execution").get(
        characteristic__code="filling.mass_filled_g"
    )
    correct(plant, filled, "361")
    chart = Chart.objects.get(stream__plan__site=plant.site)
    assert [point.statistic for point in current_points(chart.pk)] == [61.0]
    second = current_measurements(
        Measurement.objects.filter(characteristic__code="filling.mass_filled_g")
    ).select_related("site", "characteristic", "execution")
    correct(plant, second.get(), None)
    assert [point.statistic for point in current_points(chart.pk)] == [None]
    dosed = Measurement.objects.filter(characteristic__code="filling.dosed_mass_g")
    assert dosed.count() == 2 and not current_measurements(dosed).exists()


def test_corrected_value_is_judged_anew_and_can_cause_a_hold(plant: Plant) -> None:
    specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    lot = mixing_lot(plant)
    plant.submit([plant.reading(SOLIDS, "65", lot)])
    assert not active_holds([lot.pk]).exists()
    correct(plant, reading_of(lot, "65"), "66.5")
    assert active_holds([lot.pk]).count() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: Correction(old=row, reason=" ", value="65.5"), "reason: say why"),
        (lambda row: Correction(old=row, reason="x" * 301, value="65.5"), "reason: at most"),
    ],
)
def test_correction_without_a_reason_is_refused(
    plant: Plant, lot: Lot, change: Callable[[Measurement], Correction], message: str
) -> None:
    record(plant, lot, "65.3", timezone.now() - timedelta(minutes=1))
    row = reading_of(lot, "65.3")
    with pytest.raises(CorrectionRefused, match=message):
        pipeline.correct(change(row), key="k", source=plant.source, user=plant.operator, now=timezone.now())
    assert current_measurements(Measurement.objects.filter(lot_id=lot.pk)).count() == 1


def test_value_is_corrected_once(plant: Plant, lot: Lot) -> None:
    record(plant, lot, "65.3", timezone.now() - timedelta(minutes=1))
    row = reading_of(lot, "65.3")
    correct(plant, row, "65.4")
    with pytest.raises(CorrectionRefused, match="has superseded it already: typing error"):
        correct(plant, row, "65.5")


def test_reading_that_comes_after_its_subgroup_closed_joins_it() -> None:
    plant = make_plant()
    add_chart(
        plant,
        "coating.thickness_um",
        chart_family="xbar-r",
        subgroup_by="profile",
        subgroup_size=5,
        reaction="alert",
    )
    publish(plant)
    roll = plant.lot("T-ROLL", quantity=240, length_mm=240_000, lanes=2)
    execution = plant.start(roll, "coating")
    first = timezone.now() - timedelta(minutes=5)

    def thickness(position: int) -> None:
        reading = plant.reading(
            "coating.thickness_um",
            100 + position,
            roll,
            position=str(position),
            roll_position_mm=1_000,
            measured_at=first,
        )
        plant.submit([reading])
        evaluate_all()

    for position in (1, 2, 3, 4):
        thickness(position)
    plant.finish(execution)
    evaluate_all()
    chart = Chart.objects.get(
        stream__plan__site=plant.site, stream__plan__characteristic__code="coating.thickness_um"
    )
    assert [point.size for point in current_points(chart.pk)] == [4]
    thickness(5)
    assert [(point.size, point.statistic) for point in current_points(chart.pk)] == [(5, 103.0)]


REMEMBERING: dict[str, dict[str, object]] = {
    "imr": {},
    "ewma": {"chart_family": "ewma", "parameters": "lambda=0.2 L=2.7", "rules": "beyond_limits"},
    "cusum": {
        "chart_family": "cusum",
        "parameters": "k=0.5 h=4 head_start=0.5",
        "rules": "beyond_limits",
    },
    "moving-center": {"chart_family": "moving-center"},
    "trend": {"chart_family": "trend"},
    "residual": {"chart_family": "residual"},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "seed"),
    [
        ("imr", 1),
        ("imr", 2),
        ("imr", 3),
        ("ewma", 4),
        ("cusum", 5),
        ("moving-center", 6),
        ("trend", 7),
        ("residual", 8),
    ],
)
def test_any_order_of_changes_gives_what_a_full_recomputation_gives(
    plant: Plant, family: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints are close together, so that replays start from them, settle at them and cross them."""
    # An autoregression foresees what alternates to the last digit; nothing would be left to judge by.
    scatter = random.Random(7)
    scattered = [f"{65 + scatter.gauss(0, 0.1):.2f}" for _ in range(20)]
    chart = frozen_chart(plant, values=scattered, **REMEMBERING[family])
    lot = mixing_lot(plant)
    monkeypatch.setattr(plotter, "CHECKPOINT_EVERY", 8)
    monkeypatch.setattr("spc.actions.replay.CHECKPOINT_EVERY", 8)
    monkeypatch.setattr("spc.actions.standing.PIECE", 8)
    chance = random.Random(seed)
    start = timezone.now() - timedelta(hours=2)
    free = [start + timedelta(seconds=10 * number) for number in range(1, 400)]
    chance.shuffle(free)

    def value() -> str:
        return f"{65 + chance.gauss(0, 0.15):.5f}"

    times = sorted(free.pop() for _ in range(60))
    plant.submit([plant.reading(SOLIDS, value(), lot, measured_at=at) for at in times])
    evaluate_all()
    for step in range(30):
        rows = list(
            current_measurements(Measurement.objects.filter(lot_id=lot.pk)).select_related(
                "site", "characteristic", "gauge", "zone", "equipment", "execution"
            )
        )
        kind = chance.choice(["late", "scatter", "correct", "backdate", "exclude", "include", "append"])
        if kind == "late":
            plant.submit([plant.reading(SOLIDS, value(), lot, measured_at=free.pop())])
        elif kind == "scatter":
            for _ in range(4):
                plant.submit([plant.reading(SOLIDS, value(), lot, measured_at=free.pop())])
        elif kind == "append":
            plant.submit(
                [plant.reading(SOLIDS, value(), lot, measured_at=start + timedelta(hours=1.9, seconds=step))]
            )
        elif kind in {"correct", "backdate"}:
            at = free.pop() if kind == "backdate" else None
            correct(plant, chance.choice(rows), value(), at=at)
        else:
            decided = excluded_subgroups(chart.pk)
            points = current_points(chart.pk).filter(sequence__gte=20)
            points = (
                points.filter(subgroup__in=decided)
                if kind == "include"
                else points.exclude(subgroup__in=decided)
            )
            point = chance.choice(list(points) or [None])
            if point is not None:
                exclude_point(
                    point, excluded=kind == "exclude", reason=kind, user=plant.engineer, now=timezone.now()
                )
        evaluate_all()
        shown, expected = columns(chart), recomputed(chart, lot)
        assert [hits for _, _, hits in shown] == [hits for _, _, hits in expected], f"after {step}: {kind}"
        for mine, theirs in zip(shown, expected, strict=True):
            # None where a point has no value, as before the first forecast: there both must have none.
            for drawn, full in zip(mine[:2], theirs[:2], strict=True):
                near = full if full is None else pytest.approx(full, rel=1e-12)
                assert drawn == near, f"after step {step}: {kind}"
    assert_evaluated_exactly_once()


def test_learning_stream_takes_late_readings_in(plant: Plant) -> None:
    add_chart(plant, SOLIDS)
    publish(plant)
    lot = mixing_lot(plant)
    start = timezone.now() - timedelta(hours=1)
    for minute in (1, 3, 5, 7, 9, 11, 13, 15, 17, 2, 4, 6):
        record(plant, lot, f"{65 + minute / 100}", start + timedelta(minutes=minute))
    chart = Chart.objects.get(stream__plan__site=plant.site)
    shown = current_points(chart.pk).order_by("sequence")
    assert shown.count() == 12
    assert LimitRevision.objects.filter(chart=chart, kind="provisional").count() == 1
    approve_limits(
        chart,
        excluded={},
        reason="phase 1 done",
        user=plant.process_engineer,
        password=PASSWORD,
        now=timezone.now(),
    )
    record(plant, lot, "65.1", start + timedelta(minutes=8))
    assert columns(chart) == [(65.1, pytest.approx(columns(chart)[0][1]), ())]
