"""Late readings on a long chart: few points are plotted again, the rest is renumbered, and all is as recomputed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lots.actions.correct import Correction
from lots.audit import verify
from lots.models import AuditEvent, Lot, Measurement
from lots.queries import active_holds, current_measurements
from mes import pipeline
from quality.actions.exclude_point import exclude_point
from quality.models import ReactionFiring
from spc.actions.plotter import CHECKPOINT_EVERY, Plotter
from spc.engine.live import continues_alike, load_state, reach
from spc.engine.rules import LONGEST_SPAN
from spc.models import Chart, ChartCheckpoint, ChartState, Point, Signal
from spc.queries import current_points, excluded_subgroups
from tests.support.builders import Plant, make_plant
from tests.support.evidence import assert_evaluated_exactly_once
from tests.support.recomputed import stored, whole
from tests.support.worked import SOLIDS, evaluate_all, frozen_chart, mixing_lot

pytestmark = pytest.mark.django_db
LENGTH = 3 * CHECKPOINT_EVERY + 60
EVERY = timedelta(seconds=10)


@dataclass
class Long:
    """A chart of LENGTH readings behind its frozen limits, ten seconds apart, with a few signals all along."""

    plant: Plant
    chart: Chart
    lot: Lot
    start: datetime

    def submit(self, *readings: tuple[float, str]) -> None:
        """Readings at seconds after the start, in one submission."""
        self.plant.submit(
            [
                self.plant.reading(SOLIDS, value, self.lot, measured_at=self.start + timedelta(seconds=at))
                for at, value in readings
            ]
        )

    def correct(self, row: Measurement, value: str | None, at: datetime | None = None) -> None:
        pipeline.correct(
            Correction(old=row, reason="typing error", value=value, measured_at=at),
            key=self.plant.code("correct"),
            source=self.plant.source,
            user=self.plant.operator,
            now=timezone.now(),
        )

    def exclude(self, point: Point, excluded: bool) -> None:
        exclude_point(
            point, excluded=excluded, reason="looked at", user=self.plant.engineer, now=timezone.now()
        )

    def readings(self) -> list[Measurement]:
        rows = current_measurements(Measurement.objects.filter(lot_id=self.lot.pk))
        named = ("site", "characteristic", "gauge", "zone", "equipment", "execution")
        return list(rows.select_related(*named).order_by("measured_at"))


FAMILIES: dict[str, dict[str, object]] = {
    "forgets": {},
    "remembers": {
        "chart_family": "ewma",
        "parameters": "lambda=0.2 L=2.7",
        "rules": "beyond_limits",
    },
}


def long_chart(family: str) -> Long:
    """An individuals chart, whose state forgets, or a weighted average, whose state goes on from checkpoints."""
    plant = make_plant()
    chart = frozen_chart(plant, **FAMILIES[family])
    made = Long(plant, chart, mixing_lot(plant), timezone.now() - timedelta(hours=3))
    chance = random.Random(7)
    rows = [(10.0 * number, f"{65 + chance.gauss(0, 0.12):.3f}") for number in range(LENGTH)]
    for number in range(40, LENGTH, 90):
        rows[number] = (10.0 * number, "67")
    made.submit(*rows)
    evaluate_all()
    return made


@pytest.fixture
def long() -> Long:
    return long_chart("forgets")


@pytest.fixture
def remembering() -> Long:
    return long_chart("remembers")


@pytest.fixture(params=FAMILIES)
def either(request: pytest.FixtureRequest) -> Long:
    return long_chart(request.param)


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


def assert_as_recomputed(long: Long) -> None:
    """Points, patterns, every checkpoint and the state that the next point continues from.

    Bit for bit where states forget; to 1e-12 where a weighted average goes on from one that is alike.
    """
    expected = whole(long.chart, Measurement.objects.filter(lot_id=long.lot.pk))
    shown, wanted = stored(long.chart), expected.points
    if reach(load_state(expected.states[shown[0].sequence])) is not None:
        assert shown == wanted
    assert [replace(p, z=None, statistic=None) for p in shown] == [
        replace(p, z=None, statistic=None) for p in wanted
    ]
    for one, other in zip(shown, wanted, strict=True):
        for drawn, full in ((one.z, other.z), (one.statistic, other.statistic)):
            assert drawn == (None if full is None else pytest.approx(full, rel=1e-12, abs=1e-12))
    for checkpoint in ChartCheckpoint.objects.filter(chart=long.chart):
        assert_alike(checkpoint.state, expected.states[checkpoint.sequence])
    state = ChartState.objects.get(chart=long.chart)
    assert_alike(state.state, expected.states[state.next_sequence])
    assert state.watermark_at == expected.points[-1].measured_at


def assert_alike(state: dict[str, Any], expected: dict[str, Any]) -> None:
    one, other = load_state(state), load_state(expected)
    assert one.n == other.n
    assert one == other if reach(other) is not None else continues_alike(one, other)


def test_late_reading_plots_few_points_again_and_renumbers_the_rest(
    long: Long, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_as_recomputed(long)
    plots: list[int] = []
    plot = Plotter.plot
    monkeypatch.setattr(
        Plotter, "plot", lambda self, *a, **k: plots.append(self.sequence) or plot(self, *a, **k)
    )
    signals = Signal.objects.filter(point__replaced_at__isnull=True).count()
    firings, holds = ReactionFiring.objects.count(), active_holds([long.lot.pk]).count()
    long.submit((305.0, "65.01"))
    evaluate_all()
    assert len(plots) <= CHECKPOINT_EVERY
    assert current_points(long.chart.pk).count() == LENGTH + 21
    assert_as_recomputed(long)
    again = Signal.objects.filter(point__replaced_at__isnull=True)
    assert again.count() == signals and not again.filter(carried_from=None).exists()
    assert (ReactionFiring.objects.count(), active_holds([long.lot.pk]).count()) == (firings, holds)
    audited = AuditEvent.objects.filter(table_name="spc_signal", operation="insert")
    written = Signal.objects.order_by("pk").values_list("pk", flat=True)
    assert [int(row) for row in audited.order_by("sequence").values_list("row_id", flat=True)] == list(
        written
    )
    assert list(verify()) == []
    assert_evaluated_exactly_once()


def test_signals_of_two_charts_written_together_are_events_of_two_chains(long: Long) -> None:
    other = frozen_chart(make_plant())
    points = [current_points(chart.pk).earliest("sequence") for chart in (long.chart, other, long.chart)]
    Signal.objects.bulk_create(
        Signal(chart_id=point.chart_id, point=point, rule=rule, panel="location", provisional=False)
        for point, rule in zip(points, ("run_one_side", "trend", "trend"), strict=True)
    )
    for chart in (long.chart, other):
        events = AuditEvent.objects.filter(
            chain=f"chart:{chart.pk}", table_name="spc_signal", operation="insert"
        )
        assert events.count() == Signal.objects.filter(chart=chart).count()
    assert list(verify()) == []


def test_statements_of_a_late_reading_do_not_grow_with_its_lateness(long: Long) -> None:
    counts = []
    for at in (LENGTH * 10 - 2 * 1290.0, 305.0):
        long.submit((at, "65.01"))
        with CaptureQueriesContext(connection) as captured:
            evaluate_all()
        counts.append(len(captured))
    assert abs(counts[0] - counts[1]) <= 4, counts


@pytest.mark.slow
def test_checkpoints_stay_apart_however_many_readings_come_late(
    remembering: Long,
) -> None:
    long = remembering
    for number in range(20):
        long.submit((1205.0 + number / 10, "65.01"))
        evaluate_all()
    assert_as_recomputed(long)
    places = sorted(set(ChartCheckpoint.objects.values_list("sequence", flat=True)))
    gaps = [behind - place for place, behind in pairwise(places)]
    assert min(gaps) >= CHECKPOINT_EVERY // 2 and max(gaps) < 2 * CHECKPOINT_EVERY


def test_reading_measured_before_one_that_moves_behind_the_last_point_stands_before_it(long: Long) -> None:
    """Both in one evaluation: the corrected instant is behind every point, the new reading between."""
    end = LENGTH * 10
    long.correct(long.readings()[30], "65.02", long.start + timedelta(seconds=end + 60))
    long.submit((end + 20.0, "65.01"))
    long.submit((end + 90.0, "65.03"))
    evaluate_all()
    assert_as_recomputed(long)
    assert [point.statistic for point in stored(long.chart)[-3:]] == [65.01, 65.02, 65.03]


def test_chart_whose_last_reading_moves_to_its_beginning_ends_where_it_ended(either: Long) -> None:
    last = either.readings()[-1]
    either.correct(last, "65.02", either.start + timedelta(seconds=155))
    evaluate_all()
    assert_as_recomputed(either)
    # What is measured before the point that is the last one now is late.
    either.submit((LENGTH * 10 - 25.0, "65.03"))
    evaluate_all()
    assert_as_recomputed(either)


def test_replaced_points_stay_as_they_were(long: Long) -> None:
    before = list(Point.objects.order_by("pk").values())
    long.submit((305.0, "65.01"))
    evaluate_all()
    for row in before:
        after = Point.objects.filter(pk=row["id"]).values().get()
        assert {**after, "replaced_at": None} == row


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(
            ["late", "late", "burst", "correct", "backdate", "withdraw", "exclude", "include", "append"]
        ),
        st.integers(0, LENGTH * 10 - 10),
        st.one_of(
            st.sampled_from(["65", "67", "65.2"]),
            st.floats(64.7, 65.3).map(lambda value: f"{value:.3f}"),
        ),
    ),
    min_size=1,
    max_size=5,
)


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=CHANGES)
@pytest.mark.slow
def test_any_changes_give_what_a_full_recomputation_gives(
    either: Long, changes: list[tuple[str, int, str]]
) -> None:
    long = either
    with undone():
        for step, (kind, at, value) in enumerate(changes):
            instant = at + (step + 1) / 50  # like no other reading's
            nearest = at // 10
            if kind == "late":
                long.submit((instant, value))
            elif kind == "burst":
                long.submit((instant, value), (instant + 4.5, value), (instant + 700.5, value))
            elif kind == "append":
                long.submit((LENGTH * 10 + 100 * step, value))
            elif kind in {"exclude", "include"}:
                out = excluded_subgroups(long.chart.pk)
                points = current_points(long.chart.pk).filter(sequence__gte=20).order_by("sequence")
                chosen = (
                    points.filter(subgroup__in=out) if kind == "include" else points.exclude(subgroup__in=out)
                )
                for point in chosen[nearest % max(1, chosen.count()) :][:1]:
                    long.exclude(point, kind == "exclude")
            else:
                row = long.readings()[nearest]
                to = long.start + timedelta(seconds=LENGTH * 10 - instant) if kind == "backdate" else None
                if kind == "correct" and value == row.entered_text:
                    continue  # nothing would change, and that is refused
                long.correct(row, None if kind == "withdraw" else value, to)
            evaluate_all()
            assert_as_recomputed(long)


VALUES = st.sampled_from(["65", "65.1", "64.9", "67", "65.2"])


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    late=st.lists(
        st.tuples(st.integers(0, LENGTH * 10 + 100), VALUES),
        min_size=2,
        max_size=25,
        unique_by=lambda row: row[0],
    ),
    pieces=st.lists(st.integers(1, 25), min_size=1, max_size=4),
)
@pytest.mark.slow
def test_readings_scattered_over_the_chart_in_any_pieces_end_as_one_batch(
    either: Long, late: list[tuple[int, str]], pieces: list[int]
) -> None:
    """In whatever order and however many at a time they are taken: points, patterns and states are the same."""
    with undone():
        for at, value in late:
            either.submit((at + 0.5, value))
        for at_most in pieces:
            pipeline.evaluate_chart(either.chart.pk, now=timezone.now(), at_most=at_most)
        evaluate_all()
        assert_as_recomputed(either)
        assert_evaluated_exactly_once()


def test_readings_scattered_over_the_chart_plot_only_what_is_near_each(
    long: Long, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is plotted with the points that still remember it; statements do not multiply with their number."""
    plots: list[int] = []
    plot = Plotter.plot
    monkeypatch.setattr(
        Plotter, "plot", lambda self, *a, **k: plots.append(self.sequence) or plot(self, *a, **k)
    )
    long.submit((305.0, "65.01"), (4_005.0, "64.99"))
    with CaptureQueriesContext(connection) as few:
        evaluate_all()
    assert len(plots) <= 2 * (LONGEST_SPAN + 2)
    plots.clear()
    long.submit(*((first + 2.0, "65.02") for first in range(100, LENGTH * 10, 500)))
    with CaptureQueriesContext(connection) as many:
        evaluate_all()
    assert len(plots) <= 9 * (LONGEST_SPAN + 2)
    assert len(many) <= len(few) + 4
    assert_as_recomputed(long)
