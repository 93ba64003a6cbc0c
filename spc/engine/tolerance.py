"""Statistical tolerance intervals: what holds a fraction of the population, with confidence.

Not to be taken for a confidence interval of the mean, nor for a tolerance of the drawing. Sources: ISO 16269-6:2014;
Odeh and Owen (1980), Tables for Normal Tolerance Limits (exact factors); Wilks (1941), Annals of Mathematical
Statistics 12, 91-96 (order statistics); NIST/SEMATECH e-Handbook 7.2.6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
import scipy
from scipy.special import ndtri

from spc.engine.families import standard_deviation
from spc.engine.readings import possible
from spc.engine.sigma import TooFewReadingsError


class Sides(StrEnum):
    """Which ends an interval has."""

    BOTH = "both"
    LOWER = "lower"
    UPPER = "upper"


class ToleranceError(ValueError):
    """A coverage or confidence outside (0, 1)."""


@dataclass(frozen=True)
class ToleranceInterval:
    """Ends in the unit of the readings; None where the interval is open.

    `confidence` is reached at least; `factor` is k of mean -+ k s, None for an interval between order statistics.
    """

    lower: float | None
    upper: float | None
    coverage: float
    confidence: float
    factor: float | None


@lru_cache(maxsize=1024)
def one_sided_factor(n: int, coverage: float, confidence: float) -> float:
    """k such that mean + k s of n normal readings lies above a fraction `coverage`, exact by the noncentral t.

    ISO 16269-6, annex; n >= 2. Raises ToleranceError, TooFewReadingsError.
    """
    _checked(n, coverage, confidence)
    root = math.sqrt(n)
    return float(scipy.stats.nct.ppf(confidence, n - 1, float(ndtri(coverage)) * root)) / root


@lru_cache(maxsize=1024)
def two_sided_factor(n: int, coverage: float, confidence: float) -> float:
    """k such that mean -+ k s of n normal readings holds a fraction `coverage`; exact, not Howe's approximation.

    The mean is off by z / sqrt(n); the interval must then reach r(z) on either side, where the fraction within
    z / sqrt(n) -+ r is the coverage; s is large enough with a chi-square probability; the average over z is the
    confidence (Odeh and Owen 1980, chapter 3). n >= 2. Raises ToleranceError, TooFewReadingsError.
    """
    _checked(n, coverage, confidence)
    df = n - 1
    # Composite Gauss-Legendre over z in (0, 9): the integrand is smooth, the rest is below 1e-18.
    nodes, weights = np.polynomial.legendre.leggauss(40)
    z = np.concatenate([start + 0.75 * (nodes + 1.0) for start in np.arange(0.0, 9.0, 1.5)])
    weight = np.tile(weights * 0.75, 6) * 2.0 * np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
    squared_reach = scipy.stats.ncx2.ppf(coverage, 1, z**2 / n)

    def reached(k: float) -> float:
        return float(np.sum(weight * scipy.stats.chi2.sf(df * squared_reach / k**2, df)))

    high = 1.0
    while reached(high) < confidence:
        high *= 2.0
    return float(
        scipy.optimize.brentq(lambda k: reached(k) - confidence, high / 2.0 if high > 1.0 else 1e-9, high)
    )


def normal_interval(
    values: Sequence[float], *, coverage: float, confidence: float, sides: Sides = Sides.BOTH
) -> ToleranceInterval:
    """Tolerance interval of normal readings; NaN is left out. Raises ToleranceError, TooFewReadingsError."""
    known = _known(values)
    _checked(len(known), coverage, confidence)
    factor = (two_sided_factor if sides is Sides.BOTH else one_sided_factor)(len(known), coverage, confidence)
    mean, s = math.fsum(known) / len(known), standard_deviation(known)
    return ToleranceInterval(
        lower=None if sides is Sides.UPPER else mean - factor * s,
        upper=None if sides is Sides.LOWER else mean + factor * s,
        coverage=coverage,
        confidence=confidence,
        factor=factor,
    )


def distribution_free_interval(
    values: Sequence[float], *, coverage: float, confidence: float, sides: Sides = Sides.BOTH
) -> ToleranceInterval:
    """The shortest-ranked interval between order statistics that reaches the confidence, whatever the distribution.

    As many readings as the confidence allows are left outside, half of them at each end (the odd one above). The
    `confidence` of the answer is the exact one. Raises TooFewReadingsError with the number of readings that is needed.
    """
    known = sorted(_known(values))
    n = len(known)
    _checked(max(n, 2), coverage, confidence)
    # With m readings outside, the coverage reaches p with probability P(binomial(n, p) <= n - m).
    outside = n - int(scipy.stats.binom.ppf(confidence, n, coverage)) if n else 0
    if outside < (2 if sides is Sides.BOTH else 1):
        needed = distribution_free_size(coverage=coverage, confidence=confidence, sides=sides)
        raise TooFewReadingsError(
            f"{n} readings hold no {coverage:g} of an unknown distribution with confidence {confidence:g}: "
            f"it takes {needed}"
        )
    below = {Sides.BOTH: outside // 2, Sides.LOWER: outside, Sides.UPPER: 0}[sides]
    above = outside - below
    return ToleranceInterval(
        lower=None if sides is Sides.UPPER else known[below - 1],
        upper=None if sides is Sides.LOWER else known[n - above],
        coverage=coverage,
        confidence=float(scipy.stats.binom.cdf(n - outside, n, coverage)),
        factor=None,
    )


def distribution_free_size(*, coverage: float, confidence: float, sides: Sides = Sides.BOTH) -> int:
    """Fewest readings whose extremes (one extreme, where one-sided) reach the confidence (ISO 16269-6, clause 7)."""
    _checked(2, coverage, confidence)
    if sides is not Sides.BOTH:
        return max(1, math.ceil(math.log1p(-confidence) / math.log(coverage) - 1e-12))
    low, high = 1, 2
    while scipy.stats.binom.cdf(high - 2, high, coverage) < confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        reaches = scipy.stats.binom.cdf(middle - 2, middle, coverage) >= confidence
        low, high = (low, middle) if reaches else (middle, high)
    return high


def _known(values: Sequence[float]) -> list[float]:
    return [possible(value) for value in values if not math.isnan(value)]


def _checked(n: int, coverage: float, confidence: float) -> None:
    if not (0.0 < coverage < 1.0 and 0.0 < confidence < 1.0):
        raise ToleranceError(f"coverage and confidence lie between 0 and 1, got {coverage} and {confidence}")
    if n < 2:
        raise TooFewReadingsError("a tolerance interval needs two readings at least")
