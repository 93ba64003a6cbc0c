"""Between/within, short runs, groups, overdispersion, trends, memory, and T-squared beyond the reference cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine.baseline import estimate_baseline
from spc.engine.between_within import three_way_chart
from spc.engine.constants import d2
from spc.engine.families import Family
from spc.engine.groups import group_chart, longest_run
from spc.engine.multivariate import MultivariateError, t_squared_individuals, t_squared_subgroups
from spc.engine.operating import (
    AcceptanceError,
    acceptance_limits,
    acceptance_sample_size,
    count_chart_beta,
)
from spc.engine.overdispersion import CountError, laney_p, laney_u
from spc.engine.serial import (
    autocorrelation,
    autoregression_chart,
    fit_autoregression,
    moving_center_line,
    trend_chart,
)
from spc.engine.short_run import SigmaOf, deviation_chart, z_chart
from spc.engine.sigma import TooFewReadingsError
from spc.engine.variance_components import nested_variance


def autoregressive(n: int, phi: float, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    series = np.zeros(n)
    for i in range(1, n):
        series[i] = phi * series[i - 1] + rng.standard_normal()
    return series + 50.0


def test_wider_spans_estimate_the_same_sigma_and_never_bridge_a_gap() -> None:
    values = np.random.default_rng(20).normal(0, 2.0, 4000)
    for span in (2, 3, 5):
        assert estimate_baseline(Family.IMR, values, span=span).sigma == pytest.approx(2.0, rel=0.06)
    broken = np.array([1.0, 2.0, float("nan"), 9.0, 8.0])
    assert estimate_baseline(Family.IMR, broken).sigma == pytest.approx(1.0 / d2(2))
    with pytest.raises(TooFewReadingsError, match="no 3 neighbouring"):
        estimate_baseline(Family.IMR, broken, span=3)


def test_between_variation_widens_the_chart_of_means() -> None:
    # Definition 28.
    rng = np.random.default_rng(5)
    data = rng.standard_normal((40, 1)) * 3.0 + rng.standard_normal((40, 5))
    chart = three_way_chart(data.tolist())
    assert chart.sigma_between == pytest.approx(np.sqrt(chart.sigma_means**2 - chart.sigma_within**2 / 5))
    assert len(chart.beyond_xbar) > 10 and len(chart.beyond) <= 2
    assert chart.sigma_between_within == pytest.approx(np.hypot(chart.sigma_between, chart.sigma_within))


def test_no_between_variation_is_zero_and_not_imaginary() -> None:
    data = [[1.0, 9.0], [2.0, 8.0], [0.0, 10.0]]  # the means agree although the spread is wide
    assert three_way_chart(data).sigma_between == 0.0


def test_three_way_needs_equal_subgroups() -> None:
    with pytest.raises(TooFewReadingsError, match="one size"):
        three_way_chart([[1.0, 2.0], [1.0, 2.0, 3.0]])


def test_short_runs_of_different_parts_share_one_chart() -> None:
    part = ["A"] * 6 + ["B"] * 6
    value = [10.0, 10.2, 9.9, 10.1, 10.0, 9.8, 100.0, 104.0, 98.0, 101.0, 99.0, 102.0]
    by_part = z_chart(part, value)
    assert by_part.parameters["A"].sigma == pytest.approx(np.mean([0.2, 0.3, 0.2, 0.1, 0.2]) / d2(2))
    relative = z_chart(part, value, SigmaOf.RELATIVE)
    assert relative.parameters["B"].sigma / relative.parameters["A"].sigma == pytest.approx(
        relative.parameters["B"].mean / relative.parameters["A"].mean
    )
    constant = z_chart(part, value, SigmaOf.ALL)
    assert constant.parameters["A"].sigma == constant.parameters["B"].sigma


def test_a_part_seen_once_is_named() -> None:
    with pytest.raises(TooFewReadingsError, match="part B"):
        z_chart(["A", "A", "B"], [1.0, 2.0, 3.0])


def test_deviation_needs_every_nominal() -> None:
    with pytest.raises(KeyError):
        deviation_chart(["A", "B"], [1.0, 2.0], {"A": 1.0})


def test_a_stream_that_always_leads_is_seen_in_its_run() -> None:
    rng = np.random.default_rng(2)
    means = rng.standard_normal((20, 6))
    means[:, 3] += 8.0
    chart = group_chart(means, np.full((20, 6), 1.0), n=4)
    assert chart.longest_max.stream == 3 and chart.longest_max.length == 20
    assert chart.ucl - chart.center == pytest.approx(3 / (d2(4) * 2) * 1.0)
    assert longest_run([1, 1, 2, 2, 2, 1]).length == 3


def test_laney_is_a_p_chart_when_counts_are_binomial_and_wider_when_not() -> None:
    # Definition 15.
    rng = np.random.default_rng(3)
    sizes = np.full(60, 5000)
    plain = laney_p(rng.binomial(sizes, 0.1), sizes)
    assert plain.sigma_z == pytest.approx(1.0, abs=0.25)
    spread = laney_p(rng.binomial(sizes, np.clip(rng.normal(0.1, 0.02, 60), 0, 1)), sizes)
    assert spread.sigma_z > 3.0 and len(spread.beyond) <= 2
    rates = laney_u(rng.poisson(40, 30), np.full(30, 2.0))
    assert rates.center == pytest.approx(20.0, rel=0.1) and np.all(rates.lcl >= 0)


def test_limits_of_laney_come_from_phase_1_only() -> None:
    sizes = np.full(30, 200)
    counts = np.concatenate((np.random.default_rng(4).binomial(200, 0.1, 20), np.full(10, 90)))
    chart = laney_p(counts, sizes, n_phase1=20)
    assert chart.center == pytest.approx(counts[:20].sum() / 4000)
    assert set(range(20, 30)) <= set(chart.beyond)


def test_more_defective_than_inspected_is_refused() -> None:
    with pytest.raises(CountError, match="more found than inspected"):
        laney_p([3, 12], [10, 10])


def test_residuals_do_not_alarm_where_the_raw_series_would() -> None:
    # Definition 29.
    y = autoregressive(400, 0.7, seed=3)
    chart = autoregression_chart(y, n_phase1=200)
    assert chart.phi == pytest.approx(0.7, abs=0.1)
    assert len(chart.signals) <= 5
    naive = np.abs(np.diff(y[:200])).mean() / d2(2)
    assert np.sum(np.abs(y[:200] - y[:200].mean()) > 3 * naive) > 8
    assert autocorrelation(y, lags=1)[1] == pytest.approx(0.7, abs=0.1)
    fit = fit_autoregression(y)
    assert (fit.phi, fit.mean) == (pytest.approx(0.7, abs=0.1), pytest.approx(50.0, abs=0.6))


def test_a_forecast_of_a_random_walk_takes_the_last_value() -> None:
    walk = np.cumsum(np.random.default_rng(6).standard_normal(300))
    line = moving_center_line(walk, n_phase1=200)
    assert line.weight > 0.85 and line.sigma_p == pytest.approx(1.0, abs=0.15)


def test_a_step_off_the_line_signals() -> None:
    rng = np.random.default_rng(7)
    y = 5.0 + 0.1 * np.arange(60) + 0.05 * rng.standard_normal(60)
    y[50] += 1.0
    chart = trend_chart(y, n_phase1=40)
    assert 50 in chart.signals and len(chart.signals) <= 2 and chart.slope == pytest.approx(0.1, abs=0.005)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_t_squared_does_not_depend_on_units_or_mixtures(seed: int) -> None:
    # Definition 18: invariant under any regular affine map.
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((25, 3))
    mixture = rng.standard_normal((3, 3)) + 3.0 * np.eye(3)
    one = t_squared_individuals(data).t_squared(data)
    other_data = data @ mixture.T + rng.standard_normal(3)
    other = t_squared_individuals(other_data).t_squared(other_data)
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


def test_the_variable_that_moved_contributes_most() -> None:
    data = np.random.default_rng(8).multivariate_normal([0, 0, 0], np.eye(3) * 0.5 + 0.5, 60)
    limits = t_squared_individuals(data)
    contributions = limits.contributions([0.0, 4.0, 0.0])
    assert int(np.argmax(contributions)) == 1
    assert limits.t_squared([0.0, 4.0, 0.0])[0] > limits.upl


def test_phase_2_limits_pay_for_the_estimation() -> None:
    cube = np.random.default_rng(9).standard_normal((20, 4, 2))
    limits = t_squared_subgroups(cube)
    assert limits.upl > limits.ucl > 0


def test_a_constant_variable_has_no_t_squared() -> None:
    data = np.column_stack((np.arange(12.0), np.ones(12)))
    with pytest.raises(MultivariateError, match="singular"):
        t_squared_individuals(data).t_squared(data)


def test_nested_variance_of_unequal_numbers_finds_what_was_put_in() -> None:
    rng = np.random.default_rng(10)
    groups, units, values = [], [], []
    for g in range(120):
        own = rng.normal(0, 2.0)
        for u in range(rng.integers(2, 5)):
            unit = rng.normal(0, 1.0)
            for _ in range(rng.integers(2, 6)):
                groups.append(g)
                units.append(u)
                values.append(own + unit + rng.normal(0, 0.5))
    found = nested_variance(groups, units, values)
    assert found.group == pytest.approx(4.0, rel=0.35)
    assert found.subgroup == pytest.approx(1.0, rel=0.25)
    assert found.within == pytest.approx(0.25, rel=0.1)


def test_a_count_on_the_limit_does_not_signal() -> None:
    # Limits 4 and 28 of a c chart with centre 16 (NIST 6.3.3.1): the counts 4 to 28 pass.
    from scipy import stats

    beta = count_chart_beta([16.0], lcl=4.0, ucl=28.0)
    assert beta[0] == pytest.approx(stats.poisson.cdf(28, 16) - stats.poisson.cdf(3, 16))
    assert count_chart_beta([0.0], lcl=0.0, ucl=5.0)[0] == 1.0


def test_sample_size_of_an_acceptance_chart_is_the_published_one() -> None:
    # Montgomery, 10.2.2: 1 % rejected with 0.00135, 5 % accepted with 0.20; n = 31.43 with rounded quantiles, so 32.
    assert acceptance_sample_size(delta=0.01, alpha=0.00135, gamma=0.05, beta=0.20) == 32


def test_acceptance_charts_that_cannot_be_are_refused() -> None:
    with pytest.raises(AcceptanceError, match="between 0 and 1"):
        acceptance_limits(lsl=0.0, usl=12.0, sigma=1.0, n=9, delta=0.0, alpha=0.05)
    with pytest.raises(AcceptanceError, match="n >= 1"):
        acceptance_limits(lsl=0.0, usl=12.0, sigma=math.nan, n=9, delta=0.01, alpha=0.05)
    with pytest.raises(AcceptanceError, match="too narrow"):
        acceptance_limits(lsl=0.0, usl=3.0, sigma=1.0, n=9, delta=0.01, alpha=0.05)
    with pytest.raises(AcceptanceError, match="exceed"):
        acceptance_sample_size(delta=0.05, alpha=0.01, gamma=0.05, beta=0.1)
    one_sided = acceptance_limits(lsl=None, usl=12.0, sigma=1.0, n=9, delta=0.01, alpha=0.05)
    assert (one_sided.lcl, one_sided.ucl < 12.0) == (-math.inf, True)


def test_acceptance_limits_leave_the_fraction_that_they_promise() -> None:
    from scipy import stats

    limits = acceptance_limits(lsl=0.0, usl=12.0, sigma=1.0, n=9, delta=0.01, alpha=0.05)
    # A process whose mean leaves 1 % above USL crosses the limit with probability 1 - alpha... of passing.
    worst = 12.0 + stats.norm.ppf(0.01)
    assert stats.norm.sf((limits.ucl - worst) * 3.0) == pytest.approx(0.05)
    assert limits.lcl == pytest.approx(12.0 - limits.ucl)
