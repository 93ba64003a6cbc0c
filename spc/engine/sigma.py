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

from spc.engine.constants import c4, c4_of_df, d2, d3, sd_of_s
from spc.engine.families import Family
from spc.engine.readings import all_possible

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


def method_for(family: Family, method: SigmaMethod | None) -> SigmaMethod | None:
    """The method asked for, or the family's default; None for counts. Raises SigmaMethodError."""
    default = DEFAULT_METHOD.get(family)
    chosen = method or default
    suits = chosen is None if default is None else (chosen is SigmaMethod.MR) == (family is Family.IMR)
    if not suits:
        raise SigmaMethodError(f"a {family} chart cannot estimate sigma by {chosen}")
    return chosen


def total(values: FloatArray) -> float:
    """Sum of a row: exactly rounded up to 10,000 values, in pairs (relative error about 1e-15) beyond."""
    return math.fsum(values.tolist()) if len(values) <= 10_000 else float(np.sum(values))


def sigma_from_moving_ranges(ranges: Sequence[float] | FloatArray) -> SigmaEstimate:
    """Mean moving range of two over d2(2). `ranges` holds NaN wherever a pair is not of neighbours.

    The variance counts that neighbouring ranges share a reading: Cov(|x2 - x1|, |x3 - x2|) follows from the
    absolute moments of a bivariate normal with correlation -1/2.
    """
    row = np.asarray(ranges, dtype=np.float64)
    known = ~np.isnan(row)
    m = int(np.count_nonzero(known))
    if not m:
        raise TooFewReadingsError("no two neighbouring readings to form a moving range")
    adjacent = int(np.count_nonzero(known[1:] & known[:-1]))
    variance = 2.0 - 4.0 / math.pi
    covariance = 4.0 / math.pi * (math.sqrt(0.75) + math.asin(0.5) / 2.0 - 1.0)
    relative = (m * variance + 2 * adjacent * covariance) / (m * d2(2)) ** 2
    mean = total(row[1:] if m == len(row) - 1 and not known[0] else row[known]) / m
    return SigmaEstimate(mean / d2(2), 1.0 / (2.0 * relative))


def sigma_from_moving_spans(values: Sequence[float], span: int = 2) -> float:
    """Mean range of `span` readings in a row over d2(span). A window with a missing reading (NaN) does not count.

    Raises TooFewReadingsError without a whole window, ReadingError for an infinite one.
    """
    if span < 2:
        raise TooFewReadingsError(f"a moving range spans two readings at least, got {span}")
    all_possible(values)
    windows = (values[start : start + span] for start in range(len(values) - span + 1))
    ranges = [max(w) - min(w) for w in windows if not any(math.isnan(value) for value in w)]
    if not ranges:
        raise TooFewReadingsError(f"no {span} neighbouring readings to form a moving range")
    return math.fsum(ranges) / len(ranges) / d2(span)


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
