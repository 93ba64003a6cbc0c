"""Process capability against specification limits, with confidence intervals.

Sources: Bissell (1990), Applied Statistics 39, 331-340 (Cpk); Boyles (1991), Journal of Quality Technology
23, 17-26 (Cpm); Kotz and Johnson (1993), Process Capability Indices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import scipy
from scipy.special import ndtr, ndtri

from spc.engine.constants import c4
from spc.engine.families import standard_deviation
from spc.engine.readings import possible
from spc.engine.sigma import TooFewReadingsError


class SpecificationError(ValueError):
    """Specification limits, target or confidence that cannot be used."""


@dataclass(frozen=True)
class Index:
    """A capability index with its two-sided confidence interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class ProcessIndices:
    """Indices of a mean and a sigma without intervals.

    None where a limit or the target is absent, or sigma is 0.
    """

    c: float | None
    cl: float | None
    cu: float | None
    ck: float | None
    cm: float | None


@dataclass(frozen=True)
class Fallout:
    """Expected fractions outside each specification limit of a normal process.

    None without that limit, or where sigma is 0.
    """

    below_lsl: float | None
    above_usl: float | None


@dataclass(frozen=True)
class Capability:
    """Cp... use `sigma_within`, the chart's own estimate; Pp... use `sigma_overall`, the sample deviation.

    `cpm` uses sigma within (qcc, JMP's option), `cpm_overall` sigma overall (Minitab). With one specification
    limit cp, pp, cpm and cpm_overall are None and cpk, ppk speak of that side.
    """

    n: int
    mean: float
    sigma_within: float | None
    sigma_overall: float
    confidence: float
    cp: Index | None
    cpl: Index | None
    cpu: Index | None
    cpk: Index | None
    cpm: Index | None
    pp: Index | None
    ppl: Index | None
    ppu: Index | None
    ppk: Index | None
    cpm_overall: Index | None
    fallout_within: Fallout
    fallout_overall: Fallout


def process_indices(
    mean: float,
    sigma: float,
    *,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
) -> ProcessIndices:
    """Indices of a process with known mean and sigma (all in the characteristic's unit).

    Raises SpecificationError if no limit is given or they are out of order.
    """
    _check_specification(lsl, usl)
    if sigma <= 0:
        return ProcessIndices(None, None, None, None, None)
    cl = None if lsl is None else (mean - lsl) / (3.0 * sigma)
    cu = None if usl is None else (usl - mean) / (3.0 * sigma)
    c = None if lsl is None or usl is None else (usl - lsl) / (6.0 * sigma)
    cm = None if c is None or target is None else c / math.sqrt(1.0 + ((mean - target) / sigma) ** 2)
    return ProcessIndices(c, cl, cu, min(side for side in (cl, cu) if side is not None), cm)


def estimate_capability(
    values: Sequence[float],
    *,
    sigma_within: float | None,
    within_df: float | None = None,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
    confidence: float = 0.95,
    unbias_overall: bool = False,
) -> Capability:
    """Capability of individual readings; NaN is left out.

    `sigma_within` is the chart's (`Baseline.sigma`); `within_df` its own degrees of freedom
    (`Baseline.sigma_df`, the honest choice); None takes n - 1, as qcc does. `unbias_overall` divides the
    sample deviation by c4(n), a Minitab option. Intervals: chi-square for cp and pp; Bissell for cpk and the
    sides (two-sided for cpk, one-sided bounds for each side); chi-square with Boyles' degrees of freedom for
    cpm. Raises TooFewReadingsError below two readings, SpecificationError for unusable limits.
    """
    readings = [possible(value) for value in values if not math.isnan(value)]
    n = len(readings)
    if n < 2:
        raise TooFewReadingsError(f"capability needs two readings at least, got {n}")
    if not 0.0 < confidence < 1.0:
        raise SpecificationError(f"confidence must lie between 0 and 1, got {confidence}")
    mean = math.fsum(readings) / n
    sigma_overall = standard_deviation(readings) / (c4(n) if unbias_overall else 1.0)
    overall = process_indices(mean, sigma_overall, lsl=lsl, usl=usl, target=target)
    # Without an estimate of sigma within the process indices are as undefined as with sigma 0.
    within = process_indices(mean, sigma_within or 0.0, lsl=lsl, usl=usl, target=target)
    df = float(n - 1)
    short_term = _Intervals(n, df if within_df is None else within_df, confidence)
    long_term = _Intervals(n, df, confidence)
    return Capability(
        n=n,
        mean=mean,
        sigma_within=sigma_within,
        sigma_overall=sigma_overall,
        confidence=confidence,
        cp=short_term.chi_square(within.c),
        cpl=short_term.side(within.cl),
        cpu=short_term.side(within.cu),
        cpk=short_term.smaller_side(within.ck),
        cpm=short_term.boyles(within.cm, _offset(mean, target, sigma_within)),
        pp=long_term.chi_square(overall.c),
        ppl=long_term.side(overall.cl),
        ppu=long_term.side(overall.cu),
        ppk=long_term.smaller_side(overall.ck),
        cpm_overall=long_term.boyles(overall.cm, _offset(mean, target, sigma_overall)),
        fallout_within=fallout(mean, sigma_within or 0.0, lsl=lsl, usl=usl),
        fallout_overall=fallout(mean, sigma_overall, lsl=lsl, usl=usl),
    )


def fallout(mean: float, sigma: float, *, lsl: float | None, usl: float | None) -> Fallout:
    """Expected fractions beyond the specification limits of a normal process; None where sigma is 0."""
    return Fallout(
        None if lsl is None or sigma <= 0 else float(ndtr((lsl - mean) / sigma)),
        None if usl is None or sigma <= 0 else float(ndtr((mean - usl) / sigma)),
    )


def _offset(mean: float, target: float | None, sigma: float | None) -> float:
    """Squared distance of the mean from the target in sigmas; 0 where there is no cpm anyway."""
    return 0.0 if target is None or not sigma else ((mean - target) / sigma) ** 2


def _check_specification(lsl: float | None, usl: float | None) -> None:
    if lsl is None and usl is None:
        raise SpecificationError("capability needs at least one specification limit")
    if lsl is not None and usl is not None and not lsl < usl:
        raise SpecificationError(f"lsl {lsl} is not below usl {usl}")


@dataclass(frozen=True)
class _Intervals:
    """Confidence intervals for indices from n readings and a sigma with df degrees of freedom."""

    n: int
    df: float
    confidence: float

    def chi_square(self, value: float | None, df: float | None = None) -> Index | None:
        if value is None:
            return None
        freedom = self.df if df is None else df
        tail = (1.0 - self.confidence) / 2.0
        lower, upper = (
            math.sqrt(float(scipy.stats.chi2.ppf(q, freedom)) / freedom) for q in (tail, 1.0 - tail)
        )
        return Index(value, value * lower, value * upper)

    def boyles(self, value: float | None, offset: float) -> Index | None:
        """Boyles' degrees of freedom n (1 + q)^2 / (1 + 2 q), q the squared offset in sigmas."""
        return self.chi_square(value, self.n * (1.0 + offset) / (1.0 + offset / (1.0 + offset)))

    def side(self, value: float | None) -> Index | None:
        return self._bissell(value, self.confidence)

    def smaller_side(self, value: float | None) -> Index | None:
        return self._bissell(value, (1.0 + self.confidence) / 2.0)

    def _bissell(self, value: float | None, quantile: float) -> Index | None:
        if value is None:
            return None
        reach = float(ndtri(quantile)) * math.sqrt(1.0 / (9.0 * self.n) + value**2 / (2.0 * self.df))
        return Index(value, value - reach, value + reach)
