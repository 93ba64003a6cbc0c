"""An array of readings and the same readings as subgroups give one and the same chart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import floors
from spc.engine import (
    NELSON,
    Family,
    SubgroupData,
    SubgroupError,
    TooFewReadingsError,
    chart,
    estimate_baseline,
    phase1_chart,
)
from spc.engine.sigma import SigmaMethod
from spc.engine.summaries import FloatArray, summarise_all

SEVERAL = [Family.XBAR_R, Family.XBAR_S, Family.MEDIAN_R]
MEANS = SEVERAL[:2]
# Decimals as gauges give them: neighbouring values tie and lie on lines.
reading = st.one_of(st.integers(740, 760).map(lambda k: k / 10), st.just(math.nan), st.floats(-1e6, 1e6))


def as_subgroups(readings: FloatArray) -> list[SubgroupData]:
    return [SubgroupData(tuple(np.atleast_1d(row).tolist())) for row in readings]


def assert_same_chart(family: Family, readings: FloatArray) -> None:
    try:
        baseline = estimate_baseline(family, as_subgroups(readings))
    except TooFewReadingsError:
        with pytest.raises(TooFewReadingsError):
            estimate_baseline(family, readings)
        return
    own = estimate_baseline(family, readings)
    assert own.center == pytest.approx(baseline.center, rel=1e-15, abs=1e-300)
    assert own.sigma == pytest.approx(baseline.sigma, rel=1e-12, abs=1e-300)
    assert (own.n_subgroups, own.n_values) == (baseline.n_subgroups, baseline.n_values)
    by_rows, by_array = (chart(family, baseline, data, NELSON) for data in (as_subgroups(readings), readings))
    for name in ("statistic", "size", "dispersion", "center", "lcl", "ucl"):
        np.testing.assert_allclose(
            getattr(by_array, name), getattr(by_rows, name), rtol=1e-12, err_msg=name, equal_nan=True
        )
    # Means may differ in their last bit; then so may what lies on a line.
    if np.array_equal(by_array.statistic, by_rows.statistic, equal_nan=True):
        location = [hit for hit in by_rows.hits if hit.panel == "location"]
        assert [hit for hit in by_array.hits if hit.panel == "location"] == location


@settings(deadline=None)
@given(values=st.lists(reading, min_size=1, max_size=60))
def test_individuals(values: list[float]) -> None:
    assert_same_chart(Family.IMR, np.array(values))


@settings(deadline=None)
@given(data=st.data(), k=st.integers(1, 6), n=st.integers(1, 20))
@pytest.mark.parametrize("family", SEVERAL)
def test_subgroups_of_several(family: Family, data: st.DataObject, k: int, n: int) -> None:
    values = data.draw(st.lists(reading, min_size=k * n, max_size=k * n))
    assert_same_chart(family, np.array(values).reshape(n, k))


@pytest.mark.parametrize("level", [75.0, 0.075, 1e-9, -3000.0, 0.0])
@pytest.mark.parametrize("family", MEANS)
def test_sums_of_rows_are_rounded_once(family: Family, level: float) -> None:
    rng = np.random.default_rng(20261127)
    readings = level + rng.normal(scale=0.01 * abs(level) or 1.0, size=(9000, 5))
    exact = np.array([math.fsum(row) / 5 for row in readings.tolist()])
    assert np.array_equal(summarise_all(family, readings).statistic, exact)


def test_rows_of_one_set_of_values_tie_whatever_their_order() -> None:
    values = [10.1, 10.3, 10.2, 9.7, 10.6]
    rows = np.array([values[i:] + values[:i] for i in range(5)])
    assert len(set(summarise_all(Family.XBAR_R, rows).statistic.tolist())) == 1


@pytest.mark.parametrize("method", [method for method in SigmaMethod if method is not SigmaMethod.MR])
def test_every_sigma_method_takes_an_array(method: SigmaMethod) -> None:
    readings = np.random.default_rng(7).normal(size=(30, 4))
    readings[3, 1] = np.nan
    rows = estimate_baseline(Family.XBAR_R, as_subgroups(readings), sigma_method=method)
    array = estimate_baseline(Family.XBAR_R, readings, sigma_method=method)
    assert array.sigma == pytest.approx(rows.sigma, rel=1e-12)
    assert array.sigma_df == pytest.approx(rows.sigma_df, rel=1e-12)


def test_excluded_points_of_an_array_leave_no_moving_range() -> None:
    readings = np.array([1.0, 2.0, 9.0, 4.0, 5.0, 7.0])
    baseline = estimate_baseline(Family.IMR, readings, excluded=frozenset({2}))
    assert baseline == estimate_baseline(Family.IMR, as_subgroups(readings), excluded=frozenset({2}))
    shown = phase1_chart(Family.IMR, readings, NELSON, excluded=frozenset({2}))
    assert shown.baseline == baseline
    assert shown.statistic[2] == 9.0
    assert readings[2] == 9.0  # not written to


def test_the_whole_chart_agrees_with_its_floor() -> None:
    rng = np.random.default_rng(11)
    x = np.round(rng.normal(75.0, 0.4, 5000), 2)
    own = [completed.positions.tolist() for completed in phase1_chart(Family.IMR, x, NELSON).completed]
    assert own == [where.tolist() for where in floors.individuals(x)]
    rows = rng.normal(0.075, 0.0004, (5000, 5))
    own = [completed.positions.tolist() for completed in phase1_chart(Family.XBAR_R, rows, NELSON).completed]
    assert own == [where.tolist() for where in floors.mean_and_range(rows)]


def test_arrays_that_no_chart_takes_are_refused_in_words() -> None:
    with pytest.raises(SubgroupError, match="one reading a point"):
        phase1_chart(Family.IMR, np.ones((3, 2)), NELSON)
    with pytest.raises(SubgroupError, match="points, readings"):
        phase1_chart(Family.XBAR_R, np.ones(3), NELSON)
    with pytest.raises(SubgroupError, match="with their sizes"):
        phase1_chart(Family.P, np.ones(3), NELSON)
    for family, readings in ((Family.IMR, [1.0, math.inf]), (Family.XBAR_R, [[1.0, math.inf]])):
        with pytest.raises(SubgroupError, match="infinite"):
            phase1_chart(family, np.array(readings), NELSON)
