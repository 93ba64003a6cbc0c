"""Median and range charts against published factors and a chart worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spc.engine import NELSON, Family, Rule, SubgroupData, estimate_baseline, phase1_chart
from spc.engine.constants import SubgroupSizeError, d2, sd_of_median

# Factor A4 of ISO 7870-2 for the limits of medians from the mean range (AIAG calls it A2 with a tilde).
A4 = {2: 1.880, 3: 1.187, 4: 0.796, 5: 0.691, 6: 0.549, 7: 0.509, 8: 0.432, 9: 0.412, 10: 0.363}
# Variances of medians of normal samples: Teichroew (1956), Annals of Mathematical Statistics 27, 410-426.
VARIANCES = {3: 0.44867110, 5: 0.28683366}


@pytest.mark.parametrize("n", A4)
def test_the_factor_of_the_standard_follows(n: int) -> None:
    assert 3.0 * sd_of_median(n) / d2(n) == pytest.approx(A4[n], abs=0.0006)


def test_variances_of_medians_are_the_published_ones() -> None:
    assert {n: round(sd_of_median(n) ** 2, 8) for n in VARIANCES} == VARIANCES
    assert sd_of_median(1) == pytest.approx(1.0, rel=1e-13)
    assert sd_of_median(2) == pytest.approx(math.sqrt(0.5), rel=1e-12)


def test_large_samples_approach_the_asymptotic_deviation() -> None:
    for n in (400, 401):
        assert sd_of_median(n) == pytest.approx(math.sqrt(math.pi / (2 * n)), rel=2e-3)
    with pytest.raises(SubgroupSizeError):
        sd_of_median(0)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
def test_deviation_of_the_median_by_simulation(n: int) -> None:
    medians = np.median(np.random.default_rng(n).normal(size=(200_000, n)), axis=1)
    assert sd_of_median(n) == pytest.approx(medians.std(), rel=0.01)


def test_a_chart_worked_by_hand() -> None:
    rows = [(10.0, 12.0, 11.0), (9.0, 10.0, 14.0), (11.0, 11.0, 12.0), (8.0, 10.0, 12.0), (11.0, 12.0, 13.0)]
    shown = phase1_chart(Family.MEDIAN_R, [SubgroupData(row) for row in rows], NELSON)
    assert shown.statistic.tolist() == [11.0, 10.0, 11.0, 10.0, 12.0]
    assert shown.dispersion.tolist() == [2.0, 5.0, 1.0, 4.0, 2.0]
    mean_range = 2.8
    assert shown.center[0] == pytest.approx(10.8)
    assert shown.ucl[0] == pytest.approx(10.8 + 1.187 * mean_range, abs=0.002)
    assert shown.lcl[0] == pytest.approx(10.8 - 1.187 * mean_range, abs=0.002)
    assert shown.dispersion_ucl[0] == pytest.approx(2.574 * mean_range, abs=0.005)
    assert shown.hits == ()


def test_a_wild_reading_moves_the_range_and_not_the_median() -> None:
    rows = np.random.default_rng(3).normal(50.0, 1.0, (30, 5))
    rows[20, 2] = 90.0
    baseline = estimate_baseline(Family.MEDIAN_R, rows[:20])
    data = [SubgroupData(tuple(row)) for row in rows.tolist()]
    shown = phase1_chart(Family.MEDIAN_R, data, [Rule.BEYOND_LIMITS], excluded=frozenset(range(20, 30)))
    assert shown.baseline == baseline
    assert [(hit.index, hit.panel) for hit in shown.hits] == [(20, "dispersion")]


def test_missing_readings_leave_a_smaller_subgroup_with_wider_limits() -> None:
    rows = [
        SubgroupData((1.0, 2.0, 3.0)),
        SubgroupData((1.0, math.nan, 3.0)),
        SubgroupData((2.5, math.nan, math.nan)),
    ]
    shown = phase1_chart(Family.MEDIAN_R, rows, NELSON)
    assert shown.statistic.tolist() == [2.0, 2.0, 2.5]
    assert shown.size.tolist() == [3.0, 2.0, 1.0]
    width = shown.ucl - shown.center
    sigma = shown.baseline.require_sigma()
    assert width.tolist() == pytest.approx([3.0 * sd_of_median(n) * sigma for n in (3, 2, 1)])
