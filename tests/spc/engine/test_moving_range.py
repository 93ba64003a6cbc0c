"""Moving ranges of more than two readings: their constants, limits, and degrees of freedom."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spc.engine import MISSING_POINT, Family, Panel, Rule, SigmaMethodError, SubgroupData, phase1_chart
from spc.engine.baseline import estimate_baseline
from spc.engine.batch import chart
from spc.engine.constants import SubgroupSizeError, d2, d3, range_covariance

VARIANCE = 2.0 - 4.0 / math.pi  # of the range of two
SHARED = (
    4.0 / math.pi * (math.sqrt(0.75) + math.asin(0.5) / 2.0 - 1.0)
)  # two ranges of two with one value in common


def test_covariance_of_ranges_of_two_is_the_closed_form_of_a_bivariate_normal() -> None:
    assert range_covariance(2, 1) == pytest.approx(SHARED, rel=1e-11)


def test_covariance_of_ranges_of_three_follows_from_their_distances() -> None:
    """The range of three is half of the sum of their three distances."""
    assert range_covariance(3, 1) == pytest.approx((VARIANCE + 6 * SHARED) / 4, rel=1e-9)
    assert range_covariance(3, 2) == pytest.approx(SHARED, rel=1e-10)


def test_windows_that_share_nothing_are_independent_and_wide_ones_nearly_equal() -> None:
    assert range_covariance(5, 5) == 0.0
    lags = [range_covariance(10, lag) for lag in range(1, 11)]
    assert lags == sorted(lags, reverse=True) and lags[0] < d3(10) ** 2
    with pytest.raises(SubgroupSizeError, match="n >= 2"):
        range_covariance(1, 1)
    with pytest.raises(SubgroupSizeError, match="one value apart"):
        range_covariance(3, 0)


@pytest.mark.parametrize("span", [3, 5])
def test_degrees_of_freedom_are_those_of_repeated_series(span: int) -> None:
    """4000 series of 30 readings: the variance of sigma over its mean squared is 1 / (2 df)."""
    series = np.random.default_rng(span).normal(size=(4000, 30))
    found = [estimate_baseline(Family.IMR, row, span=span) for row in series]
    sigmas = np.array([baseline.require_sigma() for baseline in found])
    assert sigmas.mean() == pytest.approx(1.0, abs=0.01)
    assert found[0].sigma_df == pytest.approx(1.0 / (2.0 * sigmas.var()), rel=0.08)
    assert found[0].sigma_df > estimate_baseline(Family.IMR, series[0]).sigma_df  # wider spans waste less


def test_limits_of_a_span_of_three_by_hand() -> None:
    values = [10.0, 12.0, 11.0, 15.0, 11.0, 10.0]
    shown = phase1_chart(
        Family.IMR, [SubgroupData((value,)) for value in values], [Rule.BEYOND_LIMITS], span=3
    )
    assert np.isnan(shown.dispersion[:2]).all()
    assert shown.dispersion[2:].tolist() == [2.0, 4.0, 4.0, 5.0]
    sigma = 15.0 / 4.0 / d2(3)
    assert shown.baseline.sigma == pytest.approx(sigma, rel=1e-14)
    assert shown.ucl[0] == pytest.approx(11.5 + 3 * sigma, rel=1e-14)
    assert shown.dispersion_center[0] == pytest.approx(15.0 / 4.0, rel=1e-14)
    assert shown.dispersion_ucl[0] == pytest.approx((d2(3) + 3 * d3(3)) * sigma, rel=1e-14)
    assert shown.dispersion_lcl[0] == 0.0


def test_no_window_reaches_over_a_missing_or_excluded_point_or_a_boundary() -> None:
    """SPC.md 11, for every span."""
    values = [10.0, 12.0, 11.0, 90.0, 13.0, 11.0, 10.0, 12.0]
    data = [SubgroupData((value,)) for value in values]
    without = estimate_baseline(Family.IMR, data, excluded=frozenset({3}), span=3)
    assert without.sigma == pytest.approx((2.0 + 3.0 + 2.0) / 3 / d2(3), rel=1e-14)
    as_array = estimate_baseline(Family.IMR, np.array(values), excluded=frozenset({3}), span=3)
    missing = estimate_baseline(Family.IMR, [*data[:3], MISSING_POINT, *data[4:]], span=3)
    assert without.sigma == as_array.sigma == missing.sigma
    shown = chart(Family.IMR, without, data, [Rule.BEYOND_LIMITS], restarts=frozenset({5}))
    assert np.flatnonzero(np.isnan(shown.dispersion)).tolist() == [0, 1, 5, 6]
    hits = [hit.index for hit in shown.hits if hit.panel is Panel.DISPERSION]
    assert hits == [3, 4]


@pytest.mark.parametrize(("family", "span"), [(Family.IMR, 1), (Family.IMR, 26), (Family.XBAR_R, 3)])
def test_span_that_cannot_be_is_refused_in_words(family: Family, span: int) -> None:
    with pytest.raises(SigmaMethodError, match="2 to 25 individual readings"):
        estimate_baseline(
            family, [SubgroupData((1.0, 2.0)[: 1 if family is Family.IMR else 2])] * 9, span=span
        )
