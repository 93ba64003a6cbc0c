"""Standard deviation within subgroups, from moving ranges, ranges or subgroup deviations.

Every estimator is unbiased for normal data and comes with its own degrees of freedom, found by matching the
variance of the estimate to that of a chi: df = 1 / (2 var(estimate) / sigma^2). Pooled deviations have theirs
exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray

from spc.engine.constants import c4, c4_of_df, d2, d3, range_covariance, sd_of_s
from spc.engine.families import Family

FloatArray = NDArray[np.float64]


class SigmaMethod(StrEnum):
    """How sigma within is estimated. Subgroups take all but MR; individuals only MR."""

    MR = "mr"
    RBAR = "rbar"
    SBAR = "sbar"
    POOLED = "pooled"
    MVLUE_R = "mvlue-r"
    MVLUE_S = "mvlue-s"


class SigmaMethodError(ValueError):
    """A sigma method that does not belong to the chart family."""


class TooFewReadingsError(ValueError):
    """Not enough readings to estimate a baseline."""


# Readings of a moving range, at the most: more reach over what it is to be blind to.
LONGEST_MOVING_RANGE = 25
DEFAULT_METHOD = {
    Family.IMR: SigmaMethod.MR,
    Family.XBAR_R: SigmaMethod.RBAR,
    Family.XBAR_S: SigmaMethod.SBAR,
    Family.MEDIAN_R: SigmaMethod.RBAR,
}


@dataclass(frozen=True)
class SigmaEstimate:
    """Standard deviation of an individual value, in its unit, and the estimate's degrees of freedom."""

    sigma: float
    df: float


def method_for(family: Family, method: SigmaMethod | None, *, span: int = 2) -> SigmaMethod | None:
    """The method asked for, or the family's default; None for counts. Raises SigmaMethodError, for a span too."""
    if not 2 <= span <= LONGEST_MOVING_RANGE or (span != 2 and family is not Family.IMR):
        raise SigmaMethodError(
            f"a moving range is of 2 to {LONGEST_MOVING_RANGE} individual readings; a {family} chart got {span}"
        )
    default = DEFAULT_METHOD.get(family)
    chosen = method or default
    suits = chosen is None if default is None else (chosen is SigmaMethod.MR) == (family is Family.IMR)
    if not suits:
        raise SigmaMethodError(f"a {family} chart cannot estimate sigma by {chosen}")
    return chosen


def total(values: FloatArray) -> float:
    """Sum of a row: exactly rounded up to 10,000 values, in pairs (relative error about 1e-15) beyond."""
    return math.fsum(values.tolist()) if len(values) <= 10_000 else float(np.sum(values))


def sigma_from_moving_ranges(ranges: Sequence[float] | FloatArray, span: int = 2) -> SigmaEstimate:
    """Mean range of `span` readings in a row over d2(span), from ranges (n,) at the last reading of each window.

    NaN stands wherever a window is not of neighbours. The variance counts that windows share readings. Raises
    TooFewReadingsError without a whole window.
    """
    row = np.asarray(ranges, dtype=np.float64)
    known = ~np.isnan(row)
    m = int(np.count_nonzero(known))
    if not m:
        count = "two" if span == 2 else str(span)
        raise TooFewReadingsError(f"no {count} neighbouring readings to form a moving range")
    shared = sum(
        int(np.count_nonzero(known[lag:] & known[:-lag])) * range_covariance(span, lag)
        for lag in range(1, min(span, len(row)))
    )
    relative = (m * d3(span) ** 2 + 2 * shared) / (m * d2(span)) ** 2
    first = len(row) - m
    mean = total(row[first:] if not np.any(known[:first]) else row[known]) / m
    return SigmaEstimate(mean / d2(span), 1.0 / (2.0 * relative))


# What an estimator takes: sizes n >= 2 of subgroups, (m,) or (1,), and their ranges or standard deviations (m,).
_Estimator = Callable[[FloatArray, FloatArray], SigmaEstimate]


def _mean_of_unbiased(sizes: FloatArray, spreads: FloatArray, *, use_range: bool) -> SigmaEstimate:
    m = len(spreads)
    expected, relative_variance = _constants(sizes, use_range=use_range)
    relative = total(np.broadcast_to(relative_variance, m)) / m**2
    return SigmaEstimate(total(spreads / expected) / m, 1.0 / (2.0 * relative))


def _minimum_variance(sizes: FloatArray, spreads: FloatArray, *, use_range: bool) -> SigmaEstimate:
    """Minimum variance linear unbiased estimate (Burr 1969): weights are reciprocal variances."""
    expected, relative_variance = _constants(sizes, use_range=use_range)
    weight = total(np.broadcast_to(1.0 / relative_variance, len(spreads)))
    return SigmaEstimate(total(spreads / expected / relative_variance) / weight, weight / 2.0)


def _constants(sizes: FloatArray, *, use_range: bool) -> tuple[FloatArray, FloatArray]:
    """E[spread] / sigma of each subgroup, and the variance of its unbiased estimate of sigma over sigma squared."""
    expected, deviation = (d2, d3) if use_range else (c4, sd_of_s)
    present = [int(n) for n in np.flatnonzero(np.bincount(sizes.astype(np.intp)))]
    means, variances = np.empty(len(sizes)), np.empty(len(sizes))
    for n in present:
        alike = slice(None) if len(present) == 1 else sizes == n
        means[alike], variances[alike] = expected(n), (deviation(n) / expected(n)) ** 2
    return means, variances


def _pooled(sizes: FloatArray, spreads: FloatArray) -> SigmaEstimate:
    """Root of the pooled variance over c4(df + 1)."""
    df = total(np.broadcast_to(sizes - 1.0, len(spreads)))
    return SigmaEstimate(math.sqrt(total((sizes - 1.0) * spreads**2) / df) / c4_of_df(df), df)


_FROM_SPREADS: dict[SigmaMethod, _Estimator] = {
    SigmaMethod.RBAR: partial(_mean_of_unbiased, use_range=True),
    SigmaMethod.SBAR: partial(_mean_of_unbiased, use_range=False),
    SigmaMethod.POOLED: _pooled,
    SigmaMethod.MVLUE_R: partial(_minimum_variance, use_range=True),
    SigmaMethod.MVLUE_S: partial(_minimum_variance, use_range=False),
}
USES_RANGES = frozenset({SigmaMethod.RBAR, SigmaMethod.MVLUE_R})


def sigma_from_spreads(method: SigmaMethod, sizes: FloatArray, spreads: FloatArray) -> SigmaEstimate:
    """Sigma within from subgroups of sizes (m,), or (1,) where all share one, and their spreads (m,).

    The spreads are ranges where the method uses ranges (`USES_RANGES`), standard deviations (ddof 1) otherwise.
    Subgroups below two readings or missing are left out. Raises TooFewReadingsError if none is left.
    """
    known = (sizes >= 2) & ~np.isnan(spreads)
    if not np.any(known):
        raise TooFewReadingsError("no subgroup of two or more readings to estimate sigma within")
    if not np.all(known):
        sizes, spreads = np.broadcast_to(sizes, spreads.shape)[known], spreads[known]
    return _FROM_SPREADS[method](sizes, spreads)
