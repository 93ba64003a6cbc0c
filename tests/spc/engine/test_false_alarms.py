"""False alarms per point: at known parameters against probability tables, with estimated limits against sampling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spc.engine import Family, SubgroupData, estimate_baseline
from spc.engine.arl import average_run_length
from spc.engine.constants import c4, d2
from spc.engine.false_alarms import AlarmRate, Basis, alarm_rate
from spc.engine.rules import Rule

BEYOND = [Rule.BEYOND_LIMITS]
BOTH = [Rule.BEYOND_LIMITS, Rule.RUN_ONE_SIDE]


def test_rates_of_known_charts() -> None:
    # 1/370.4 beyond three sigma, and P(|x - y| > 3.686 sigma) = 0.0092 for the moving range.
    individuals = alarm_rate(Family.IMR, BEYOND)
    assert individuals.location == pytest.approx(1 / 370.398, rel=1e-5)
    assert individuals.dispersion == pytest.approx(0.0092, abs=1e-4)
    # Without limits on the spread only the run is left.
    runs = alarm_rate(Family.XBAR_S, [Rule.RUN_ONE_SIDE], size=12)
    assert runs == AlarmRate(1 / average_run_length([Rule.RUN_ONE_SIDE]), 0.0)
    # Poisson(4): limits 4 ± 6, so more than 10 signals, and nothing below.
    assert alarm_rate(Family.C, BEYOND, center=4.0).total == pytest.approx(0.00284, abs=1e-5)
    # Binomial(516, 0.02): 10.32 ± 9.54, so 0 and 20 or more.
    assert alarm_rate(Family.P, BEYOND, size=516, center=0.02).total == pytest.approx(0.0049, abs=6e-4)


@pytest.mark.slow
@pytest.mark.parametrize("m", [25, 50])
def test_individuals_limits_from_few_points_alarm_as_often_as_sampled_ones(m: int) -> None:
    rng = np.random.default_rng(20260105)
    rows = []
    for values in rng.standard_normal((3000, m)):
        baseline = estimate_baseline(Family.IMR, [SubgroupData((float(v),), None) for v in values])
        sigma = baseline.require_sigma()
        rows.append(
            (
                stats.norm.sf((baseline.center + 3 * sigma)) + stats.norm.cdf(baseline.center - 3 * sigma),
                2 * stats.norm.sf(3.2665 * d2(2) * sigma / np.sqrt(2)),
                baseline.sigma_df,
            )
        )
    location, dispersion, df = np.mean(np.array(rows, dtype=float), axis=0)
    expected = alarm_rate(Family.IMR, BEYOND, basis=Basis(m, float(df)))
    error = np.std([row[0] for row in rows]) / np.sqrt(len(rows))
    assert expected.location == pytest.approx(location, abs=4 * error + 0.06 * location)
    assert expected.dispersion == pytest.approx(dispersion, rel=0.12)
    assert expected.location > 1.5 / 370.4  # the price of few points


def test_subgroup_limits_from_few_points_alarm_as_often_as_sampled_ones() -> None:
    m, n = 20, 5
    rng = np.random.default_rng(7)
    data = rng.standard_normal((4000, m, n))
    sigma = data.std(axis=2, ddof=1).mean(axis=1) / c4(n)
    center = data.mean(axis=(1, 2))
    half = 3 * sigma / np.sqrt(n)
    tails = stats.norm.sf((center + half) * np.sqrt(n)) + stats.norm.cdf((center - half) * np.sqrt(n))
    df = float(1 / (2 * (sigma.std() / sigma.mean()) ** 2))
    assert alarm_rate(Family.XBAR_S, BEYOND, size=n, basis=Basis(m, df)).location == pytest.approx(
        tails.mean(), rel=0.05
    )


@pytest.mark.slow
@pytest.mark.parametrize("family, center", [(Family.IMR, 0.0), (Family.C, 9.0)])
def test_more_points_bring_the_rate_down_to_that_of_known_parameters(family: Family, center: float) -> None:
    known = alarm_rate(family, BOTH, center=center).total
    rates = [
        alarm_rate(family, BOTH, center=center, basis=Basis(m, 0.6 * m)).total for m in (20, 50, 200, 20_000)
    ]
    assert rates == sorted(rates, reverse=True) and rates[-1] > known
    assert rates[-1] == pytest.approx(known, rel=0.02)


def test_a_wider_spread_alarms_sooner() -> None:
    lengths = [average_run_length(BOTH, spread=spread) for spread in (0.8, 1.0, 1.25)]
    assert lengths == sorted(lengths, reverse=True)
    assert average_run_length(BEYOND, spread=1.5) == pytest.approx(1 / (2 * stats.norm.sf(2.0)), rel=1e-9)
