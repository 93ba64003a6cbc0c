"""Definitions of charts, capability and sampling that no other test file names, each held against its own formula.

Published software was measured to go wrong at each of the 29 definitions; 1 to 14, 19 to 22, 26 and 27 are tested
beside what they define.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from spc.engine import Family, Rule, phase1_chart
from spc.engine.between_within import three_way_chart
from spc.engine.constants import d2
from spc.engine.measurement_systems import d2_star, gauge_anova, gauge_average_range
from spc.engine.multivariate import t_squared_individuals
from spc.engine.normality import fit_box_cox, fit_law
from spc.engine.overdispersion import laney_p
from spc.engine.percentile import percentile_indices
from spc.engine.run_length import ewma_arl, ewma_arl_time_varying
from spc.engine.sampling_standards import code_letter, single_plan
from spc.engine.serial import autoregression_chart
from spc.engine.time_weighted import cusum_chart, ewma_chart, start_cusum, start_ewma

DEFINITIONS = range(1, 30)


def test_every_definition_has_a_named_test() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    named = {int(number) for number in re.findall(r"def test_definition_(\d+)_", text)}
    assert named == set(DEFINITIONS)


def test_definition_15_laney_sigma_is_the_mean_moving_range_of_z_and_no_range_is_screened_out() -> None:
    sizes = np.full(20, 400.0)
    counts = np.array([40, 44, 38, 41, 39, 90, 42, 40, 37, 43, 41, 38, 40, 44, 39, 41, 40, 42, 38, 41.0])
    shown = laney_p(counts, sizes)
    p = counts / sizes
    center = counts.sum() / sizes.sum()
    z = (p - center) / np.sqrt(
        center * (1 - center) / sizes
    )  # by the binomial deviation, not an inflated one
    ranges = np.abs(np.diff(z))
    assert ranges.max() > 3.267 * ranges.mean()  # the range that screening would drop
    assert shown.sigma_z == pytest.approx(ranges.mean() / 1.1283791670955126, rel=1e-12)
    width = 3 * np.sqrt(center * (1 - center) / 400) * shown.sigma_z
    assert shown.ucl[0] == pytest.approx(center + width, rel=1e-12)


def test_definition_16_ewma_starts_at_the_target_and_the_first_point_counts() -> None:
    shown = ewma_chart([12.0, 9.0], center=10.0, sigma=1.0, weight=0.2)
    assert shown.ewma.tolist() == pytest.approx([10.4, 0.2 * 9.0 + 0.8 * 10.4])


def test_definition_16_ewma_limits_use_the_sigma_of_a_mean_and_vary_with_time() -> None:
    state = start_ewma(0.0, 1.0, weight=0.1, width=2.814)
    state = state.update(0.0, 5)
    first = 2.814 * math.sqrt(0.1 / 1.9 * (1 - 0.9**2) / 5)
    assert state.half_width(5) == pytest.approx(first, rel=1e-12)
    settled = 2.814 * math.sqrt(0.1 / 1.9 / 5)
    assert state.half_width(5, asymptotic=True) == pytest.approx(settled, rel=1e-12)
    assert round(ewma_arl(0.0, weight=0.1, width=2.814)) == 500
    assert round(ewma_arl_time_varying(0.0, weight=0.1, width=2.814)) == 486


def test_definition_17_cusum_counts_the_first_point_on_both_sides_from_a_head_start() -> None:
    up = cusum_chart([1.0, 0.0, 2.0, 2.0], reference=0.5, interval=2.5)
    assert up.upper.tolist() == [0.5, 0.0, 1.5, 3.0]
    assert (up.signals_upper, up.upper_change) == ((3,), 2)  # the last zero was at point 1
    down = cusum_chart([-1.0, -2.0, -2.0], reference=0.5, interval=2.5)
    assert down.lower.tolist() == [-0.5, -2.0, -3.5]
    assert (down.signals_lower, down.lower_change, down.signals_upper) == ((2,), 0, ())
    started = start_cusum(reference=0.5, interval=5.0, head_start=2.5)
    assert (started.upper, started.lower) == (2.5, -2.5)
    assert started.update(1.0).upper == 3.0


def test_definition_18_t_squared_is_one_sided_with_beta_then_f_limits() -> None:
    """m = 25, p = 8, alpha 0.001: a library that splits alpha prints 17.93 and 79.05."""
    points = np.random.default_rng(1).normal(size=(25, 8))
    limits = t_squared_individuals(points, confidence=0.999)
    assert round(limits.ucl, 2) == 17.42
    assert round(limits.upl, 2) == 70.03
    assert limits.t_squared(limits.center) == pytest.approx(
        [0.0]
    )  # nothing is too near the centre: the LCL is 0
    assert 24**2 / 25 * stats.beta.ppf(0.999, 4, 8) == pytest.approx(limits.ucl)


def test_definition_23_percentile_method_takes_quantiles_of_the_law_and_the_median() -> None:
    law = fit_law(np.random.default_rng(3).weibull(1.7, 400) * 3, "weibull_min")
    low, median, high = law.quantiles([0.00135, 0.5, 0.99865])
    found = percentile_indices(law.quantiles, lsl=0.01, usl=12.0)
    assert found.pp == pytest.approx((12.0 - 0.01) / (high - low))
    assert found.ppu == pytest.approx((12.0 - median) / (high - median))
    assert found.ppl == pytest.approx((median - 0.01) / (median - low))
    assert found.ppk == min(found.ppl or 0, found.ppu or 0)


def test_definition_23_box_cox_lambda_maximises_the_profile_likelihood_and_is_not_rounded() -> None:
    readings = np.random.default_rng(4).lognormal(1.0, 0.5, 300)
    lam = fit_box_cox(readings).lam
    at, beside = (stats.boxcox_llf(value, readings) for value in (lam, lam + 0.01))
    assert at > beside and at > stats.boxcox_llf(lam - 0.01, readings)
    assert lam != round(lam, 2)


def cube(interaction: float) -> tuple[list[int], list[int], list[float]]:
    """Six parts, three operators, two trials with little noise and an interaction of this size."""
    rng = np.random.default_rng(7)
    parts, operators, y = [], [], []
    mixed = rng.normal(size=(6, 3)) * interaction
    for part in range(6):
        for operator in range(3):
            for _ in range(2):
                parts.append(part)
                operators.append(operator)
                y.append(float(part + mixed[part, operator] + rng.normal() * 0.1))
    return parts, operators, y


def test_definition_24_interaction_is_pooled_only_above_alpha_and_with_pooled_degrees_of_freedom() -> None:
    with_it = gauge_anova(*cube(0.5))
    assert not with_it.pooled and with_it.p_interaction < 0.25
    assert with_it.variance.repeatability == pytest.approx(with_it.repeatability.ms)
    assert with_it.repeatability.ms == pytest.approx(with_it.repeatability.ss / 18)  # not by N - 1 = 35
    without = gauge_anova(*cube(0.0), alpha_to_pool=0.0)
    assert without.pooled
    pooled = (without.interaction.ss + without.repeatability.ss) / (10 + 18)
    assert without.variance.repeatability == pytest.approx(pooled)
    assert without.variance.interaction == 0.0
    assert without.ndc == math.floor(math.sqrt(2 * without.variance.part / without.variance.grr))
    assert not gauge_anova(*cube(0.0), alpha_to_pool=1.0).pooled


def test_definition_24_negative_components_are_zero_and_k1_uses_d2_above_fifteen_ranges() -> None:
    parts, operators, y = cube(0.0)
    assert gauge_anova(parts, operators, y).variance.operator >= 0.0
    many = gauge_average_range(parts, operators, y)
    assert many.k1 == pytest.approx(1 / d2(2))  # 18 ranges
    few = [i for i, part in enumerate(parts) if part < 5]
    form = gauge_average_range([parts[i] for i in few], [operators[i] for i in few], [y[i] for i in few])
    assert form.k1 == pytest.approx(1 / d2_star(2, 15))  # 15 ranges
    assert form.ndc == math.floor(1.41 * form.pv / form.grr)


@pytest.mark.parametrize(
    ("lot_size", "aql", "expected"),
    [
        (1200, "0.40", (125, 1)),  # the arrow down changes n and Ac: (32, 0) is what goes wrong elsewhere
        (1200, "0.15", (80, 0)),  # on the diagonal of Ac = 0
        (1200, "0.25", (50, 0)),  # the arrow up
        (1200, "0.65", (80, 1)),
    ],
)
def test_definition_25_arrows_change_sample_size_and_acceptance_number(
    lot_size: int, aql: str, expected: tuple[int, int]
) -> None:
    letter = code_letter(lot_size, "II")
    plan = single_plan(letter, aql)
    assert (plan.n, plan.ac) == expected
    assert plan.re == plan.ac + 1


def test_definition_28_between_variance_is_that_of_the_means_less_the_share_of_the_spread_within() -> None:
    rng = np.random.default_rng(5)
    data = rng.normal(size=(30, 4)) + rng.normal(size=(30, 1)) * 2
    shown = three_way_chart(data.tolist())
    means, ranges = data.mean(axis=1), np.ptp(data, axis=1)
    within = ranges.mean() / d2(4)
    of_means = np.abs(np.diff(means)).mean() / d2(2)
    between = math.sqrt(of_means**2 - within**2 / 4)
    assert shown.sigma_between == pytest.approx(between, rel=1e-12)
    assert shown.sigma_between_within == pytest.approx(math.hypot(between, within), rel=1e-12)
    alike = np.tile([[1.0, 3.0], [3.0, 1.0]], (10, 1))
    assert three_way_chart(alike.tolist()).sigma_between == 0.0  # clamped, not imaginary


def test_definition_29_autocorrelation_alarms_a_naive_chart_and_not_the_chart_of_its_residuals() -> None:
    """AR(1) with phi 0.7 in control: about 24 false alarms in 200 points were measured on a naive chart."""
    naive = residual = 0
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=300)
        series = np.zeros(300)
        for t in range(1, 300):
            series[t] = 0.7 * series[t - 1] + noise[t]
        kept = series[100:]
        naive += len(phase1_chart(Family.IMR, kept, [Rule.BEYOND_LIMITS]).indices(Rule.BEYOND_LIMITS))
        residual += len(autoregression_chart(kept, n_phase1=200).signals)
    assert 15 <= naive / 20 <= 33
    assert residual / 20 < 2
