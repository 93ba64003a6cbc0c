"""Residual, short-run and moving centre line charts point by point: equal to the batch chart on every prefix."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spc.engine.readings import SubgroupError
from spc.engine.residual_states import AutoregressionState, MovingCenterState, ResidualPoint, TrendState
from spc.engine.serial import autoregression_chart, moving_center_line, trend_chart
from spc.engine.short_run import SigmaOf, deviation_chart, z_chart
from spc.engine.short_run_states import DeviationState, ShortRunPoint, UnknownPartError, ZState
from spc.engine.sigma import TooFewReadingsError

State = TrendState | AutoregressionState | MovingCenterState
reading = st.one_of(st.integers(-20, 20).map(lambda k: k / 4), st.floats(-50, 50))
PHASE1 = 6


@st.composite
def series(draw: st.DrawFn) -> list[float]:
    """A phase 1 of whole readings that vary, then readings of which some are missing."""
    first = draw(st.lists(reading, min_size=PHASE1, max_size=PHASE1))
    assume(np.ptp(first[:-1]) > 1e-3)
    return first + draw(st.lists(st.one_of(reading, st.just(math.nan)), max_size=25))


def or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def restored(state: Any) -> Any:
    """The state after a stay in a JSON store."""
    other = type(state).from_dict(json.loads(json.dumps(state.to_dict(), allow_nan=False)))
    assert other.to_dict() == state.to_dict()
    return other


def walk(state: State, values: list[float]) -> list[ResidualPoint]:
    points = []
    for value in values:
        state, point = state.update(value)
        state = restored(state)
        points.append(point)
    return points


CHARTS: dict[str, tuple[Callable[..., Any], Callable[[Any], State], str, str]] = {
    "trend": (trend_chart, TrendState.of, "residuals", "sigma_mr"),
    "residual": (autoregression_chart, AutoregressionState.of, "residuals", "sigma_mr"),
    "moving centre line": (moving_center_line, MovingCenterState.of, "errors", "sigma_p"),
}


@settings(deadline=None, max_examples=40)
@given(values=series())
@pytest.mark.parametrize("name", CHARTS)
def test_residuals_equal_the_batch_chart_on_every_prefix(name: str, values: list[float]) -> None:
    draw, state_of, residuals, sigma = CHARTS[name]
    whole = draw(values, n_phase1=PHASE1)
    points = walk(state_of(whole), values)
    for end in range(PHASE1, len(values) + 1):
        prefix = draw(values[:end], n_phase1=PHASE1)
        streamed = [or_nan(point.residual) for point in points[:end]]
        np.testing.assert_allclose(streamed, getattr(prefix, residuals), rtol=1e-12, atol=1e-12)
        assert tuple(i for i, point in enumerate(points[:end]) if point.beyond) == prefix.signals
        assert points[end - 1].reach == pytest.approx(3.0 * getattr(prefix, sigma), rel=1e-12)


parts = st.sampled_from(["A", "B", "C"])


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[str], list[float], int]:
    """Every part twice or more in phase 1, then readings of any of them, some missing."""
    first = [(part, draw(reading)) for part in "ABC" for _ in range(draw(st.integers(2, 3)))]
    later = draw(st.lists(st.tuples(parts, st.one_of(reading, st.just(math.nan))), max_size=25))
    return [p for p, _ in first + later], [v for _, v in first + later], len(first)


def assert_same(points: list[ShortRunPoint], statistic: Any, beyond: tuple[int, ...]) -> None:
    np.testing.assert_allclose([or_nan(p.statistic) for p in points], statistic, rtol=1e-12, atol=1e-12)
    ranges = np.concatenate(([np.nan], np.abs(np.diff(statistic))))
    np.testing.assert_allclose([or_nan(p.moving_range) for p in points], ranges, rtol=1e-12, atol=1e-12)
    assert tuple(i for i, point in enumerate(points) if point.beyond) == beyond


@settings(deadline=None, max_examples=40)
@given(run=runs(), sigma_of=st.sampled_from([SigmaOf.PART, SigmaOf.ALL]))
def test_standardised_short_runs_equal_the_batch_chart_on_every_prefix(
    run: tuple[list[str], list[float], int], sigma_of: SigmaOf
) -> None:
    part, value, n_phase1 = run
    state, points = ZState.of(z_chart(part, value, sigma_of, n_phase1=n_phase1)), []
    for i in range(len(part)):
        state, point = state.update(part[i], value[i])
        state = restored(state)
        points.append(point)
        if i + 1 >= n_phase1:
            prefix = z_chart(part[: i + 1], value[: i + 1], sigma_of, n_phase1=n_phase1)
            assert_same(points, prefix.z, prefix.beyond)


@settings(deadline=None, max_examples=40)
@given(run=runs())
def test_deviations_from_nominal_equal_the_batch_chart_on_every_prefix(
    run: tuple[list[str], list[float], int],
) -> None:
    part, value, n_phase1 = run
    nominal = {"A": 0.0, "B": 10.0, "C": -2.5}
    state = DeviationState.of(deviation_chart(part, value, nominal, n_phase1=n_phase1), nominal)
    points = []
    for i in range(len(part)):
        state, point = state.update(part[i], value[i])
        state = restored(state)
        points.append(point)
        if i + 1 >= n_phase1:
            prefix = deviation_chart(part[: i + 1], value[: i + 1], nominal, n_phase1=n_phase1)
            assert_same(points, prefix.deviation, prefix.beyond)


def test_a_missing_reading_leaves_no_forecast_behind_it() -> None:
    line = [TrendState(1.0, 0.5, 1.0), AutoregressionState(1.0, 0.5, 1.0), MovingCenterState(0.5, 1.0)]
    trend, regression, moving = (walk(state, [1.0, math.nan, 2.0]) for state in line)
    assert [point.forecast for point in trend] == [1.0, 1.5, 2.0]
    assert [point.residual for point in trend] == [0.0, None, 0.0]
    assert [point.forecast for point in regression] == [None, 1.5, None]
    assert [point.forecast for point in moving] == [None, 1.0, 1.0]
    assert moving[2].residual == 1.0


def test_collapsed_limits_flag_nothing() -> None:
    points = walk(TrendState(1.0, 0.0, 0.0), [5.0])
    assert (points[0].residual, points[0].beyond) == (4.0, False)
    _, point = ZState.of(z_chart("AA", [1.0, 1.0])).update("A", 5.0)
    assert (point.statistic, point.beyond) == (None, False)
    _, deviation = DeviationState({"A": 1.0}, 0.0, 0.0).update("A", 5.0)
    assert (deviation.statistic, deviation.beyond) == (4.0, False)


@pytest.mark.parametrize(
    "state", [TrendState(1.0, 0.5, 1.0), AutoregressionState(1.0, 0.5, 1.0), MovingCenterState(0.5, 1.0)]
)
def test_an_infinite_reading_is_refused_and_changes_nothing(state: State) -> None:
    before = state.to_dict()
    with pytest.raises(SubgroupError, match="infinite"):
        state.update(math.inf)
    assert state.to_dict() == before


def test_parts_that_phase_1_does_not_know_are_named() -> None:
    with pytest.raises(TooFewReadingsError, match="part B: no reading in phase 1"):
        z_chart(["A", "A", "B"], [1.0, 2.0, 3.0], n_phase1=2)
    with pytest.raises(TooFewReadingsError, match="phase 1 of 4"):
        z_chart(["A", "A"], [1.0, 2.0], n_phase1=4)
    with pytest.raises(UnknownPartError, match="knows A"):
        ZState.of(z_chart("AA", [1.0, 2.0])).update("B", 1.0)
    with pytest.raises(UnknownPartError, match="no nominal"):
        DeviationState({"A": 1.0}, 0.0, 1.0).update("B", 5.0)
    for state in (ZState.of(z_chart("AA", [1.0, 2.0])), DeviationState({"A": 1.0}, 0.0, 1.0)):
        with pytest.raises(SubgroupError, match="infinite"):
            state.update("A", -math.inf)
