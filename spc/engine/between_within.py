"""Between/within (three-way) charts: individuals and moving range of subgroup means beside the range within.

For webs, wafers and trays the spread within a subgroup says nothing of the spread between subgroups, and X-bar limits
from it flag most points. Definitions as in Minitab's I-MR-R/S:
sigma_between = sqrt(max(0, (MR-bar/d2)^2 - sigma_within^2/n)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spc.engine.constants import c4, d2, d3, sd_of_s
from spc.engine.families import standard_deviation
from spc.engine.readings import all_possible
from spc.engine.sigma import (
    USES_RANGES,
    SigmaEstimate,
    SigmaMethod,
    TooFewReadingsError,
    sigma_from_moving_ranges,
    sigma_from_spreads,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class BetweenWithin:
    """Sigma within subgroups, between them, and the degrees of freedom of both together (Satterthwaite 1946)."""

    within: float
    between: float
    df: float

    @property
    def total(self) -> float:
        """Deviation of a single reading of any subgroup."""
        return math.hypot(self.between, self.within)


def between_within(subgroups: Sequence[Sequence[float]], within: SigmaEstimate) -> BetweenWithin | None:
    """Sigma between subgroups (m, n_i) in their order, NaN left out, beside the chart's estimate of sigma within.

    Subgroups may differ in size: the mean of 1/n_i takes the place of 1/n. None where no subgroup has two readings, or
    no two neighbours have any: then nothing tells the two apart.
    """
    known = [[value for value in row if not math.isnan(value)] for row in subgroups]
    sizes = [len(row) for row in known if row]
    means = np.array([math.fsum(row) / len(row) if row else math.nan for row in known])
    try:
        of_means = sigma_from_moving_ranges(np.abs(np.diff(means)))
    except TooFewReadingsError:
        return None
    if max(sizes) < 2:
        return None
    return _apart(of_means, within, sum(1.0 / n for n in sizes) / len(sizes))


def _apart(of_means: SigmaEstimate, within: SigmaEstimate, share: float) -> BetweenWithin:
    """`share` of the variance within is in the variance of a mean. No sigma is squared: huge ones overflow."""
    noise = within.sigma * math.sqrt(share)
    if not of_means.sigma > noise:
        return BetweenWithin(within.sigma, 0.0, within.df)
    between = math.sqrt(of_means.sigma - noise) * math.sqrt(of_means.sigma + noise)
    rest = (within.sigma / of_means.sigma) ** 2 * (1.0 - share)
    df = (1.0 + rest) ** 2 / (1.0 / of_means.df + rest**2 / within.df)
    return BetweenWithin(within.sigma, between, df)


@dataclass(frozen=True)
class ThreeWayChart:
    """Three panels over subgroups of one size n: means (individuals), their moving ranges, and the spread within.

    `sigma_means` is the deviation of the means by their moving range; `xbar_lcl` and `xbar_ucl` are the limits that an
    X-bar chart would have used, kept to show what it would have flagged.
    """

    n: int
    by_range: bool
    means: FloatArray
    moving_ranges: FloatArray
    dispersion: FloatArray
    center: float
    parts: BetweenWithin
    within_df: float
    sigma_means: float
    lcl: float
    ucl: float
    mr_center: float
    mr_ucl: float
    dispersion_center: float
    dispersion_lcl: float
    dispersion_ucl: float
    xbar_lcl: float
    xbar_ucl: float

    @property
    def sigma_within(self) -> float:
        """Deviation of a single value within its subgroup."""
        return self.parts.within

    @property
    def sigma_between(self) -> float:
        """Deviation of the subgroups' own levels."""
        return self.parts.between

    @property
    def sigma_between_within(self) -> float:
        """Deviation of a single value: within and between together."""
        return self.parts.total

    @property
    def beyond(self) -> tuple[int, ...]:
        """Positions beyond the individuals limits of the means."""
        return _beyond(self.means, self.lcl, self.ucl)

    @property
    def beyond_xbar(self) -> tuple[int, ...]:
        """Positions beyond the limits of a chart that knows the spread within only."""
        return _beyond(self.means, self.xbar_lcl, self.xbar_ucl)


def three_way_chart(
    subgroups: Sequence[Sequence[float]],
    *,
    method: SigmaMethod = SigmaMethod.RBAR,
    n_phase1: int | None = None,
) -> ThreeWayChart:
    """Subgroups (m, n) of one size, n >= 2, m >= 2; limits from the first `n_phase1` of them.

    `method` estimates sigma within from ranges or deviations. A subgroup with a missing reading keeps its place.
    Raises TooFewReadingsError, ReadingError.
    """
    sizes = {len(subgroup) for subgroup in subgroups}
    if len(subgroups) < 2 or len(sizes) != 1 or min(sizes) < 2:
        raise TooFewReadingsError("a three-way chart needs two subgroups at least, all of one size from 2 up")
    n = sizes.pop()
    data = all_possible(subgroups)
    means, own = data.mean(axis=1), slice(n_phase1)
    by_range = method in USES_RANGES
    spreads = np.array([np.ptp(row) if by_range else _deviation(row) for row in data])
    within = sigma_from_spreads(method, np.full(1, float(n)), spreads[own])
    sigma_within = within.sigma
    ranges = np.abs(np.diff(means))
    of_means = sigma_from_moving_ranges(np.abs(np.diff(means[own])))
    sigma_means = of_means.sigma
    center = float(np.nanmean(means[own]))
    constant, deviation = (d2(n), d3(n)) if by_range else (c4(n), sd_of_s(n))
    reach = 3.0 * sigma_within / math.sqrt(n)
    return ThreeWayChart(
        n=n,
        by_range=by_range,
        means=means,
        moving_ranges=np.concatenate(([np.nan], ranges)),
        dispersion=spreads,
        center=center,
        parts=_apart(of_means, within, 1.0 / n),
        within_df=within.df,
        sigma_means=sigma_means,
        lcl=center - 3.0 * sigma_means,
        ucl=center + 3.0 * sigma_means,
        mr_center=d2(2) * sigma_means,
        mr_ucl=(d2(2) + 3.0 * d3(2)) * sigma_means,
        dispersion_center=constant * sigma_within,
        dispersion_lcl=max(0.0, constant - 3.0 * deviation) * sigma_within,
        dispersion_ucl=(constant + 3.0 * deviation) * sigma_within,
        xbar_lcl=center - reach,
        xbar_ucl=center + reach,
    )


def _deviation(row: FloatArray) -> float:
    return math.nan if np.any(np.isnan(row)) else standard_deviation(row.tolist())


def _beyond(values: FloatArray, lcl: float, ucl: float) -> tuple[int, ...]:
    if not ucl > lcl:
        return ()  # limits that have collapsed flag nothing
    with np.errstate(invalid="ignore"):
        return tuple(np.flatnonzero((values > ucl) | (values < lcl)).tolist())
