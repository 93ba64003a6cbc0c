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
from itertools import pairwise

from spc.engine.constants import c4, c4_of_df, d2, d3, sd_of_s
from spc.engine.families import Family


class SigmaMethod(StrEnum):
    """How sigma within is estimated. Subgroup means take all but MR; individuals only MR."""

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
}


@dataclass(frozen=True)
class SigmaEstimate:
    """Standard deviation of an individual value, in its unit, and the estimate's degrees of freedom."""

    sigma: float
    df: float


@dataclass(frozen=True)
class Spread:
    """Range and standard deviation (ddof 1) of one subgroup of n >= 2 values."""

    n: int
    range: float
    s: float


def method_for(family: Family, method: SigmaMethod | None) -> SigmaMethod | None:
    """The method asked for, or the family's default; None for counts. Raises SigmaMethodError."""
    default = DEFAULT_METHOD.get(family)
    chosen = method or default
    suits = chosen is None if default is None else (chosen is SigmaMethod.MR) == (family is Family.IMR)
    if not suits:
        raise SigmaMethodError(f"a {family} chart cannot estimate sigma by {chosen}")
    return chosen


def sigma_from_moving_ranges(ranges: Sequence[float]) -> SigmaEstimate:
    """Mean moving range of two over d2(2). `ranges` holds NaN wherever a pair is not of neighbours.

    The variance counts that neighbouring ranges share a reading: Cov(|x2 - x1|, |x3 - x2|) follows from the
    absolute moments of a bivariate normal with correlation -1/2.
    """
    valid = [value for value in ranges if not math.isnan(value)]
    if not valid:
        raise TooFewReadingsError("no two neighbouring readings to form a moving range")
    m = len(valid)
    adjacent = sum(not (math.isnan(a) or math.isnan(b)) for a, b in pairwise(ranges))
    variance = 2.0 - 4.0 / math.pi
    covariance = 4.0 / math.pi * (math.sqrt(0.75) + math.asin(0.5) / 2.0 - 1.0)
    relative = (m * variance + 2 * adjacent * covariance) / (m * d2(2)) ** 2
    return SigmaEstimate(math.fsum(valid) / m / d2(2), 1.0 / (2.0 * relative))


def sigma_from_moving_spans(values: Sequence[float], span: int = 2) -> float:
    """Mean range of `span` readings in a row over d2(span). A window with a missing reading (NaN) does not count.

    Raises TooFewReadingsError without a whole window, ValueError for an infinite reading.
    """
    if span < 2:
        raise TooFewReadingsError(f"a moving range spans two readings at least, got {span}")
    if any(math.isinf(value) for value in values):
        raise ValueError("an infinite reading has no moving range")
    windows = (values[start : start + span] for start in range(len(values) - span + 1))
    ranges = [max(w) - min(w) for w in windows if not any(math.isnan(value) for value in w)]
    if not ranges:
        raise TooFewReadingsError(f"no {span} neighbouring readings to form a moving range")
    return math.fsum(ranges) / len(ranges) / d2(span)


def _mean_of_unbiased(spreads: Sequence[Spread], *, use_range: bool) -> SigmaEstimate:
    k = len(spreads)
    estimates = [_unbiased(spread, use_range=use_range) for spread in spreads]
    relative = math.fsum(variance for _, variance in estimates) / k**2
    return SigmaEstimate(math.fsum(sigma for sigma, _ in estimates) / k, 1.0 / (2.0 * relative))


def _minimum_variance(spreads: Sequence[Spread], *, use_range: bool) -> SigmaEstimate:
    """Minimum variance linear unbiased estimate (Burr 1969): weights are reciprocal variances."""
    estimates = [_unbiased(spread, use_range=use_range) for spread in spreads]
    weight = math.fsum(1.0 / variance for _, variance in estimates)
    return SigmaEstimate(math.fsum(sigma / variance for sigma, variance in estimates) / weight, weight / 2.0)


def _unbiased(spread: Spread, *, use_range: bool) -> tuple[float, float]:
    """One subgroup's unbiased estimate of sigma, and its variance over sigma squared."""
    if use_range:
        return spread.range / d2(spread.n), (d3(spread.n) / d2(spread.n)) ** 2
    return spread.s / c4(spread.n), (sd_of_s(spread.n) / c4(spread.n)) ** 2


def _pooled(spreads: Sequence[Spread]) -> SigmaEstimate:
    """Root of the pooled variance over c4(df + 1)."""
    df = sum(spread.n - 1 for spread in spreads)
    pooled = math.sqrt(math.fsum((spread.n - 1) * spread.s**2 for spread in spreads) / df)
    return SigmaEstimate(pooled / c4_of_df(float(df)), float(df))


_FROM_SPREADS: dict[SigmaMethod, Callable[[Sequence[Spread]], SigmaEstimate]] = {
    SigmaMethod.RBAR: partial(_mean_of_unbiased, use_range=True),
    SigmaMethod.SBAR: partial(_mean_of_unbiased, use_range=False),
    SigmaMethod.POOLED: _pooled,
    SigmaMethod.MVLUE_R: partial(_minimum_variance, use_range=True),
    SigmaMethod.MVLUE_S: partial(_minimum_variance, use_range=False),
}


def sigma_from_spreads(method: SigmaMethod, spreads: Sequence[Spread]) -> SigmaEstimate:
    """Sigma within from the spreads of subgroups of any sizes.

    Raises TooFewReadingsError if there are none.
    """
    if not spreads:
        raise TooFewReadingsError("no subgroup of two or more readings to estimate sigma within")
    return _FROM_SPREADS[method](spreads)
