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
    SigmaMethod,
    TooFewReadingsError,
    sigma_from_moving_ranges,
    sigma_from_spreads,
)

FloatArray = NDArray[np.float64]


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
    sigma_within: float
    sigma_means: float
    sigma_between: float
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
    def sigma_between_within(self) -> float:
        """Deviation of a single value: within and between together."""
        return math.hypot(self.sigma_between, self.sigma_within)

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
    sigma_within = sigma_from_spreads(method, np.full(1, float(n)), spreads[own]).sigma
    ranges = np.abs(np.diff(means))
    sigma_means = sigma_from_moving_ranges(np.abs(np.diff(means[own]))).sigma
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
        sigma_within=sigma_within,
        sigma_means=sigma_means,
        sigma_between=math.sqrt(max(0.0, sigma_means**2 - sigma_within**2 / n)),
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
