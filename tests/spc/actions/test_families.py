"""Families beyond Shewhart's on the running line: frozen, judged point by point, contained since the change."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from lots import failpoints
from lots.models import Lot
from lots.queries import active_holds
from mes import pipeline
from quality.actions.approve_limits import approve_limits
from quality.actions.exclude_point import exclude_point
from quality.models import ReactionFiring
from spc.actions.freeze import FreezeRefused
from spc.engine import Family, SubgroupData, estimate_baseline
from spc.engine import chart as chart_of
from spc.engine.time_weighted import cusum_chart, ewma_chart
from spc.models import Chart, ChartState, LimitRevision, OutboxEntry, Signal
from spc.queries import current_points
from tests.support.builders import PASSWORD, Plant, add_chart, make_plant, publish
from tests.support.evidence import assert_evaluated_exactly_once
from tests.support.web import signed_in
from tests.support.worked import SOLIDS, evaluate_all, frozen_chart, mixing_lot

pytestmark = pytest.mark.django_db
EWMA = {"chart_family": "ewma", "rules": "beyond_limits", "parameters": "lambda=0.2 L=2.7"}
CUSUM = {"chart_family": "cusum", "rules": "beyond_limits", "parameters": "k=0.5 h=4 head_start=0.5"}
# Sigma of phase 1 (64.9 and 65.1 in turn) is 0.2 / d2 = 0.177.
STEADY, DRIFTED = (
    ("65.0", "65.05", "64.9", "65.1", "64.8"),
    ("65.2", "65.25", "65.3", "65.3", "65.35", "65.4"),
)


@pytest.fixture
def plant() -> Plant:
    return make_plant()


def record(plant: Plant, values: tuple[str, ...]) -> list[Lot]:
    """A batch for each value, evaluated one by one."""
    lots = []
    for value in values:
        lots.append(mixing_lot(plant))
        plant.submit([plant.reading(SOLIDS, value, lots[-1])])
        evaluate_all()
    return lots


def freeze(chart: Chart, plant: Plant) -> LimitRevision:
    return approve_limits(
        chart,
        excluded={},
        reason="phase 1 done",
        user=plant.process_engineer,
        password=PASSWORD,
        now=timezone.now(),
    )


def judged(chart: Chart) -> list[tuple[float | None, float | None]]:
    floor = ChartState.objects.get(chart=chart).limit_revision.from_sequence
    points = current_points(chart.pk).filter(sequence__gte=floor).order_by("sequence")
    return [(point.statistic, point.dispersion) for point in points]


def test_slow_drift_is_contained_since_the_cusum_was_last_at_zero(plant: Plant) -> None:
    chart = frozen_chart(plant, **CUSUM, reaction="contain")
    lots = record(plant, STEADY + DRIFTED)
    limits = ChartState.objects.get(chart=chart).limit_revision
    z = [(float(v) - limits.center) / limits.sigma for v in STEADY + DRIFTED]
    batch = cusum_chart(z, reference=0.5, interval=4.0, head_start=2.0)
    stored = judged(chart)
    assert [up for up, _ in stored] == pytest.approx(batch.upper.tolist(), rel=1e-12, abs=1e-12)
    assert [low for _, low in stored] == pytest.approx(batch.lower.tolist(), rel=1e-12, abs=1e-12)
    signal = Signal.objects.filter(chart=chart).earliest("id")
    first, began = batch.signals_upper[0], batch.upper_change
    assert signal.panel == "location" and signal.point.sequence == 20 + first
    members = sorted(signal.members.values_list("point__sequence", flat=True))
    assert members == [20 + began, 20 + first]
    firing = ReactionFiring.objects.get(signal=signal)
    assert firing.window_from_sequence == 20 + began
    held = {lot.pk for lot in lots if active_holds([lot.pk]).exists()}
    assert held == {lot.pk for lot in lots[began:]}


def test_ewma_is_the_batch_chart_and_its_signal_goes_back_to_where_it_crossed_the_centre(
    plant: Plant,
) -> None:
    chart = frozen_chart(plant, **EWMA, reaction="contain")
    record(plant, STEADY + DRIFTED)
    limits = ChartState.objects.get(chart=chart).limit_revision
    values = [float(v) for v in STEADY + DRIFTED]
    batch = ewma_chart(values, center=limits.center, sigma=limits.sigma, weight=0.2, width=2.7)
    assert [average for average, _ in judged(chart)] == batch.ewma.tolist()
    signal = Signal.objects.filter(chart=chart, panel="location").earliest("id")
    assert signal.point.sequence == 20 + batch.signals[0]
    below = max(i for i in range(batch.signals[0]) if batch.ewma[i] <= limits.center)
    assert ReactionFiring.objects.get(signal=signal).window_from_sequence == 20 + below + 1


def test_moving_range_of_three_is_the_batch_chart_after_an_exclusion_too(plant: Plant) -> None:
    chart = frozen_chart(plant, rules="beyond_limits", parameters="span=3", reaction="alert")
    limits = LimitRevision.objects.get(chart=chart, kind="frozen")
    basis = estimate_baseline(Family.IMR, np.array([64.9, 65.1] * 10), span=3)
    assert (limits.sigma, limits.baseline["parameters"]) == (basis.sigma, "span=3")
    values = [float(value) for value in STEADY]

    def expected() -> list[float | None]:
        shown = chart_of(Family.IMR, basis, [SubgroupData((value,)) for value in values], ())
        return [None if math.isnan(value) else value for value in shown.dispersion.tolist()]

    record(plant, STEADY)
    assert [spread for _, spread in judged(chart)] == expected()
    point = current_points(chart.pk).get(sequence=20)
    assert point.dispersion_ucl is not None and point.dispersion_ucl > 0.0
    excluded = current_points(chart.pk).get(sequence=22)
    exclude_point(excluded, excluded=True, reason="spilt", user=plant.engineer, now=timezone.now())
    values[2] = math.nan
    assert [spread for n, (_, spread) in enumerate(judged(chart)) if n != 2] == [
        spread for n, spread in enumerate(expected()) if n != 2
    ]
    client = signed_in(plant.engineer)
    shown = client.get(reverse("web:chart_data", args=[chart.pk])).json()
    assert shown["dispersion_label"] == "Moving range of 3"
    page = client.get(reverse("web:chart", args=[chart.pk])).content.decode()
    assert "span = 3" in page


def test_limit_revision_carries_the_parameters_with_their_defaults(plant: Plant) -> None:
    chart = frozen_chart(plant, chart_family="cusum", rules="beyond_limits", parameters="h=4")
    revision = LimitRevision.objects.get(chart=chart, kind="frozen")
    assert revision.baseline["parameters"] == "k=0.5 h=4 head_start=0 sigma=within"
    state = ChartState.objects.get(chart=chart).state
    assert (state["version"], state["kind"]) == (1, "cusum")
    assert state["memory"]["sums"]["interval"] == 4.0
    again = freeze(chart, plant)
    assert again.number == revision.number + 1
    assert again.baseline["parameters"] == revision.baseline["parameters"]


@pytest.mark.parametrize("family", ["imr", "ewma", "cusum", "moving-center"])
def test_phase_1_without_spread_is_refused_in_words_and_nothing_is_frozen(plant: Plant, family: str) -> None:
    add_chart(plant, SOLIDS, chart_family=family, rules="beyond_limits")
    publish(plant)
    record(plant, ("65.0",) * 10)
    chart = Chart.objects.get(stream__plan__site=plant.site)
    with pytest.raises(FreezeRefused, match="phase 1 does not vary: 10 points without any spread"):
        freeze(chart, plant)
    assert not LimitRevision.objects.filter(kind="frozen").exists()


@pytest.mark.parametrize("instant", ["evaluate.plotted", "evaluate.reacted"])
@pytest.mark.parametrize("line", [EWMA, CUSUM], ids=["ewma", "cusum"])
def test_evaluation_that_dies_half_way_does_not_count_its_points_twice(
    plant: Plant, line: dict[str, object], instant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = frozen_chart(plant, **line, reaction="alert")
    record(plant, STEADY)
    before = json.dumps(ChartState.objects.get(chart=chart).state)
    for value in DRIFTED:
        plant.submit([plant.reading(SOLIDS, value, mixing_lot(plant))])
    monkeypatch.setattr(failpoints, "_DIRECTORY", tmp_path)
    (tmp_path / f"{instant}.1").write_text("raise")
    with pytest.raises(failpoints.FailpointError):
        pipeline.evaluate_chart(chart.pk, now=timezone.now())
    assert json.dumps(ChartState.objects.get(chart=chart).state) == before
    assert OutboxEntry.objects.filter(processed_at__isnull=True).count() == len(DRIFTED)
    pipeline.evaluate_chart(chart.pk, now=timezone.now())
    limits = ChartState.objects.get(chart=chart).limit_revision
    values = [float(v) for v in STEADY + DRIFTED]
    if line is EWMA:
        shown = ewma_chart(values, center=limits.center, sigma=limits.sigma, weight=0.2, width=2.7).ewma
    else:
        z = [(value - limits.center) / limits.sigma for value in values]
        shown = cusum_chart(z, reference=0.5, interval=4.0, head_start=2.0).upper
    assert [statistic for statistic, _ in judged(chart)] == pytest.approx(shown.tolist(), rel=1e-12)
    assert_evaluated_exactly_once()


def test_moving_range_below_an_ewma_only_alerts(plant: Plant) -> None:
    """The outlier's successor is innocent."""
    frozen_chart(plant, chart_family="ewma", rules="beyond_limits", parameters="lambda=0.05 L=5")
    lots = record(plant, ("65.0", "66.0", "65.0"))
    signals = Signal.objects.filter(panel="dispersion")
    assert {signal.reaction for signal in signals} == {"alert"} and signals.count() == 2
    assert not active_holds([lot.pk for lot in lots]).exists()


REJECTED = "stacking.rejected_sheets"


@pytest.mark.parametrize("family", ["np", "u", "laney-p", "laney-u"])
def test_counts_are_judged_at_their_own_sample_size(plant: Plant, family: str) -> None:
    line = {"subgroup_by": "reading", "rules": "beyond_limits", "reaction": "hold"}
    add_chart(plant, REJECTED, chart_family=family, **line)
    publish(plant)
    counts = (20, 24, 18, 22, 19, 25, 17, 21, 23, 20)

    def cells(count: int, inspected: int) -> Lot:
        lot = plant.lot("T-CELL", quantity=1)
        plant.start(lot, "stacking")
        plant.submit([plant.reading(REJECTED, count, lot, sample_size=inspected)])
        evaluate_all()
        return lot

    for count in counts:
        cells(count, 500)
    chart = Chart.objects.get(stream__plan__site=plant.site)
    revision = freeze(chart, plant)
    assert revision.center == pytest.approx(sum(counts) / 5000)
    good, bad = cells(45, 1000), cells(45, 400)
    wide, narrow = current_points(chart.pk).order_by("sequence")[10:12]
    assert not active_holds([good.pk]).exists()
    assert active_holds([bad.pk]).exists()
    if family == "np":
        assert (wide.center, narrow.center) == pytest.approx((42.0 - 0.2, 16.72))
    else:
        assert wide.ucl < narrow.ucl and wide.statistic == 0.045


def test_median_chart_is_judged_by_median_and_range(plant: Plant) -> None:
    line = {"subgroup_by": "execution", "subgroup_size": 3, "rules": "beyond_limits"}
    add_chart(plant, SOLIDS, chart_family="median-r", **line)
    publish(plant)

    def batch(*values: float) -> Lot:
        lot = mixing_lot(plant)
        plant.submit([plant.reading(SOLIDS, value, lot) for value in values])
        evaluate_all()
        return lot

    for number in range(10):
        batch(64.9, 65.0 + number / 100, 65.1)
    chart = Chart.objects.get(stream__plan__site=plant.site)
    freeze(chart, plant)
    lot = batch(64.0, 65.05, 66.0)
    point = current_points(chart.pk).latest("sequence")
    assert (point.statistic, point.dispersion) == (65.05, 2.0)
    assert Signal.objects.get(point=point).panel == "dispersion"
    assert active_holds([lot.pk]).get().hold.reason.startswith("Solids content (range)")
