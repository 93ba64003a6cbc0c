"""Change points and monotone trends: published and computed-by-hand values, invariants, edges."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spc.engine.change import ChangeError, mann_kendall, step_change_point

whole = st.lists(st.integers(-50, 50).map(float), min_size=6, max_size=30)


def test_the_change_is_found_where_the_mean_stepped() -> None:
    # Six points on target, then four shifted by 2: C_t = (T - t) mean^2 is largest from the 7th point.
    values = [0.1, -0.1, 0.2, -0.2, 0.0, 0.0, 2.1, 1.9, 2.0, 2.0]
    found = step_change_point(values, center=0.0, sigma=1.0)
    assert found.position == 6
    assert found.mean == pytest.approx(2.0) and found.shift_sigmas == pytest.approx(2.0)
    assert found.log_likelihood_ratio == pytest.approx(4 * 2.0**2 / 2)


def test_points_after_the_signal_do_not_speak() -> None:
    values = [0.0, 0.0, 3.0, 3.0, -9.0, -9.0, -9.0]
    assert step_change_point(values, center=0.0, sigma=1.0, signal=3).position == 2


def test_a_gap_is_no_reading_and_a_wide_point_weighs_less() -> None:
    values = [0.0, math.nan, 0.0, math.nan, 2.0, 2.0]
    assert step_change_point(values, center=0.0, sigma=1.0).position == 4
    # The third point's 2.0 is one of 10 sigma: it says nothing of a step.
    unequal = step_change_point([0.0, 0.0, -2.0, 2.0, 2.0], center=0.0, sigma=[1, 1, 10, 1, 1])
    assert unequal.position == 3


def test_the_estimate_has_the_published_average() -> None:
    """Samuel, Pignatiello and Calvin (1998), table 1: change at 100, shift of 1 sigma, estimates average 100."""
    rng = np.random.default_rng(7)
    estimates = []
    for _ in range(400):
        values = np.concatenate([np.clip(rng.normal(size=100), -3, 3), rng.normal(1.0, 1.0, size=400)])
        beyond = np.flatnonzero(values[100:] > 3.0)
        estimates.append(
            step_change_point(values, center=0.0, sigma=1.0, signal=100 + int(beyond[0])).position
        )
    assert np.mean(estimates) == pytest.approx(100.0, abs=1.5)


@pytest.mark.parametrize("factor", [1.0, 1e-9, 25.4, 1e9])
def test_of_equally_likely_instants_the_earliest_counts(factor: float) -> None:
    """87 over four points and -43.5 over one: 87^2 / 4 = 43.5^2."""
    values = np.array([0.0, 0.0, 32.0, 50.0, 50.0, -43.0])
    assert step_change_point(values * factor, center=0.5 * factor, sigma=2.0 * factor).position == 2


@given(whole, st.sampled_from([1e-9, 1e-3, 25.4, 1e9]))
def test_the_change_does_not_depend_on_the_unit(values: list[float], factor: float) -> None:
    one = step_change_point(values, center=0.5, sigma=2.0)
    other = step_change_point(np.array(values) * factor, center=0.5 * factor, sigma=2.0 * factor)
    assert other.log_likelihood_ratio == pytest.approx(one.log_likelihood_ratio, rel=1e-9)
    assert other.shift_sigmas == pytest.approx(one.shift_sigmas, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "sigma", "words"),
    [
        ([], 1.0, "a row of points"),
        ([math.nan], 1.0, "no reading"),
        ([1.0, math.inf], 1.0, "finite"),
        ([1.0, 2.0], 0.0, "sigma must be above 0"),
    ],
)
def test_what_has_no_change_point_says_why(values: list[float], sigma: float, words: str) -> None:
    with pytest.raises(ChangeError, match=words):
        step_change_point(values, center=0.0, sigma=sigma)


def test_kendalls_sum_and_variance_of_a_worked_example() -> None:
    """Gilbert (1987), Statistical Methods for Environmental Pollution Monitoring, 16.4: the sum over all pairs."""
    found = mann_kendall([10, 15, 14, 20], correct_autocorrelation=False)
    assert found.s == 4
    assert found.variance == pytest.approx(4 * 3 * 13 / 18)
    assert found.z == pytest.approx(3 / math.sqrt(4 * 3 * 13 / 18))


@given(whole)
def test_the_test_is_kendalls_by_the_definition(values: list[float]) -> None:
    found = mann_kendall(values, correct_autocorrelation=False)
    pairs = list(combinations(range(len(values)), 2))
    assert found.s == sum(int(np.sign(values[j] - values[i])) for i, j in pairs)
    slopes = [(values[j] - values[i]) / (j - i) for i, j in pairs]
    assert found.slope == pytest.approx(float(np.median(slopes)), abs=1e-12)
    reference = stats.theilslopes(values)
    assert found.slope == pytest.approx(reference.slope, abs=1e-12)
    assert found.slope_low <= found.slope <= found.slope_high
    assert 0.0 <= found.p <= 1.0


@given(whole, st.sampled_from([1e-6, 1e6]))
def test_the_trend_keeps_its_probability_in_any_unit_and_turns_with_the_series(
    values: list[float], factor: float
) -> None:
    one, turned = mann_kendall(values), mann_kendall([-value for value in values])
    assert (turned.s, turned.p) == (-one.s, pytest.approx(one.p))
    scaled = mann_kendall(np.array(values) * factor)
    assert scaled.s == one.s and scaled.slope == pytest.approx(one.slope * factor, abs=1e-9 * factor)
    assert one.variance_factor >= 1.0


def test_autocorrelation_makes_a_wandering_series_prove_more() -> None:
    """AR(1) of 0.7 without a trend: the plain test rejects far above 5 %, the corrected one far less often."""
    rng = np.random.default_rng(3)
    plain = corrected = 0
    for _ in range(200):
        noise = rng.normal(size=100)
        series = np.zeros(100)
        for t in range(1, 100):
            series[t] = 0.7 * series[t - 1] + noise[t]
        plain += mann_kendall(series, correct_autocorrelation=False).p < 0.05
        corrected += mann_kendall(series).p < 0.05
    assert plain > 50
    assert corrected < plain / 2


def test_a_drift_is_found_through_an_outlier_and_gaps() -> None:
    values = [0.1 * i for i in range(20)]
    values[5], values[12] = math.nan, 500.0
    found = mann_kendall(values)
    assert found.p < 1e-4 and found.slope == pytest.approx(0.1, rel=0.05)
    hours = mann_kendall(values, times=[60.0 * i for i in range(20)])
    assert hours.slope == pytest.approx(found.slope / 60.0)


def test_a_constant_series_has_no_trend() -> None:
    found = mann_kendall([3.0] * 10)
    assert (found.s, found.z, found.p, found.slope) == (0, 0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("values", "times", "words"),
    [
        ([1.0, 2.0, 3.0], None, "4 to 4000"),
        ([1.0, 2.0, 3.0, math.inf], None, "finite"),
        ([1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 1.0, 2.0], "rise"),
        ([1.0, 2.0, 3.0, 4.0], [0.0, 1.0], "as many times"),
    ],
)
def test_what_has_no_trend_says_why(values: list[float], times: list[float] | None, words: str) -> None:
    with pytest.raises(ChangeError, match=words):
        mann_kendall(values, times=times)
