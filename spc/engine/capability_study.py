"""All that a sample says about capability: indices, fallout, normality, laws, tolerance interval, histogram.

Sources: ISO 22514-2:2017 and ISO 21747:2006 (percentile method); AIAG, Statistical Process Control, 2nd edition
(25 subgroups, 100 readings before indices are read); Freedman and Diaconis (1981) (width of the histogram's bins).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from spc.engine.between_within import BetweenWithin
from spc.engine.capability import Capability, SpecificationError, estimate_capability, process_indices
from spc.engine.change import MonotoneTrend, mann_kendall
from spc.engine.normality import (
    Fit,
    NormalityTest,
    TransformError,
    anderson_darling,
    fit_box_cox,
    fit_johnson,
    rank_laws,
)
from spc.engine.percentile import percentile_indices
from spc.engine.readings import possible
from spc.engine.stability import Stability, stability
from spc.engine.tolerance import Sides, ToleranceInterval, normal_interval

FEWEST = 100  # readings below which AIAG does not read an index
FITTED = 1_000  # newest readings that laws are fitted to: more say no more about a shape
DRIFTED = 500  # newest readings that are searched for a drift: all pairs are compared
ALPHA = 0.05
COVERAGE, CONFIDENCE = 0.9973, 0.95
FEWEST_BINS, MOST_BINS = 5, 40
CURVE_POINTS = 121

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class NonNormal:
    """Overall indices by one method for data that are not normal; `problem` says why there are none."""

    method: str
    pp: float | None = None
    ppk: float | None = None
    detail: str = ""
    problem: str = ""


@dataclass(frozen=True)
class RankedLaw:
    """A fitted law with its Anderson-Darling statistic and the percentile method's overall indices."""

    fit: Fit
    pp: float | None
    ppk: float | None


@dataclass(frozen=True)
class Fallouts:
    """Parts per million outside either limit: counted in the sample, and expected of a normal law with each sigma and
    of the best-fitting law; None without that limit, that sigma or a law."""

    observed: tuple[float | None, float | None]
    within: tuple[float | None, float | None]
    between_within: tuple[float | None, float | None]
    overall: tuple[float | None, float | None]
    best: tuple[float | None, float | None]

    @staticmethod
    def total(sides: tuple[float | None, float | None]) -> float | None:
        known = [side for side in sides if side is not None]
        return sum(known) if known else None


@dataclass(frozen=True)
class Histogram:
    """Bin edges (k + 1), counts (k), and over `x` the densities times n times the width of a bin, as the counts are."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    x: tuple[float, ...]
    within: tuple[float, ...]
    overall: tuple[float, ...]
    best: tuple[float, ...]


@dataclass(frozen=True)
class CapabilityStudy:
    """`normality` and `best` are None for readings that do not vary or are fewer than 8.

    `drift` is a monotone trend over the newest readings, its slope per reading; None below 8 readings that vary.
    `together` has the indices of sigma between and within as its Cp, Cpk and so on; None with `parts`, where nothing
    tells the spread between subgroups from that within.
    """

    capability: Capability
    parts: BetweenWithin | None
    together: Capability | None
    ppm: Fallouts
    stability: Stability | None
    drift: MonotoneTrend | None
    normality: NormalityTest | None
    methods: tuple[NonNormal, ...]
    laws: tuple[RankedLaw, ...]
    tolerance: ToleranceInterval
    histogram: Histogram

    @property
    def is_small(self) -> bool:
        return self.capability.n < FEWEST

    @property
    def is_normal(self) -> bool | None:
        """Whether normality survives the test at ALPHA."""
        return None if self.normality is None else self.normality.p_value >= ALPHA

    @property
    def drifts(self) -> bool:
        """Whether a drift that autocorrelation does not explain is seen at ALPHA."""
        return self.drift is not None and self.drift.p < ALPHA

    @property
    def best(self) -> RankedLaw | None:
        return self.laws[0] if self.laws else None


def capability_study(
    values: Sequence[float],
    *,
    sigma_within: float | None,
    within_df: float | None = None,
    parts: BetweenWithin | None = None,
    lsl: float | None = None,
    usl: float | None = None,
    target: float | None = None,
) -> CapabilityStudy:
    """The study of readings (n,), oldest first, in the characteristic's unit; NaN is left out.

    `sigma_within`, `within_df` and `parts` are the chart's own. Raises TooFewReadingsError below two readings,
    SpecificationError without limits or with limits out of order.
    """
    known = [possible(value) for value in values if not math.isnan(value)]
    capability = estimate_capability(
        known, sigma_within=sigma_within, within_df=within_df, lsl=lsl, usl=usl, target=target
    )
    together = None if parts is None else together_of(known, parts, lsl=lsl, usl=usl, target=target)
    x = np.asarray(known[-FITTED:])
    varies = len(x) >= 8 and float(np.ptp(x)) > 0.0 and float(x.std()) > 0.0
    laws = (
        tuple(_ranked(fit, lsl, usl) for fit in rank_laws(x) if math.isfinite(fit.anderson_darling))
        if varies
        else ()
    )
    sides = Sides.BOTH if lsl is not None and usl is not None else Sides.UPPER if lsl is None else Sides.LOWER
    return CapabilityStudy(
        capability=capability,
        parts=parts,
        together=together,
        ppm=_ppm(np.asarray(known), capability, together, laws[0].fit if laws else None, lsl, usl),
        stability=stability(known, sigma_within=sigma_within, within_df=within_df) if sigma_within else None,
        drift=mann_kendall(known[-DRIFTED:]) if varies else None,
        normality=anderson_darling(x) if varies else None,
        methods=(_by_box_cox(x, lsl, usl), _by_johnson(x, lsl, usl)) if varies else (),
        laws=laws,
        tolerance=normal_interval(known, coverage=COVERAGE, confidence=CONFIDENCE, sides=sides),
        histogram=_histogram(np.asarray(known), capability, laws[0].fit if laws else None),
    )


def together_of(
    values: Sequence[float],
    parts: BetweenWithin,
    *,
    lsl: float | None,
    usl: float | None,
    target: float | None,
) -> Capability:
    """Capability (n,) with sigma between and within in the place of sigma within. Raises as `estimate_capability`."""
    return estimate_capability(
        values, sigma_within=parts.total, within_df=parts.df, lsl=lsl, usl=usl, target=target
    )


def _ranked(fit: Fit, lsl: float | None, usl: float | None) -> RankedLaw:
    found = percentile_indices(fit.quantiles, lsl=lsl, usl=usl)
    return RankedLaw(fit, found.pp, found.ppk)


def _by_box_cox(x: FloatArray, lsl: float | None, usl: float | None) -> NonNormal:
    name = "Box–Cox"
    try:
        transform = fit_box_cox(x)
    except TransformError as error:
        return NonNormal(name, problem=str(error))
    if any(limit is not None and limit <= 0.0 for limit in (lsl, usl)):
        return NonNormal(name, problem="a limit at or below zero has no Box-Cox transform")
    with np.errstate(over="ignore"):
        return _transformed(name, f"λ = {transform.lam:.3g}", transform(x), *_limits(transform, lsl, usl))


def _by_johnson(x: FloatArray, lsl: float | None, usl: float | None) -> NonNormal:
    name = "Johnson"
    try:
        curve = fit_johnson(x)
    except TransformError as error:
        return NonNormal(name, problem=str(error))
    low, high = _limits(curve, lsl, usl)
    detail = f"{curve.family}, γ = {curve.gamma:.3g}, η = {curve.eta:.3g}"
    if low is None and high is None:
        return NonNormal(
            name, detail=detail, problem="every limit lies outside the range of the bounded curve"
        )
    return _transformed(name, detail, curve(x), low, high)


def _limits(
    transform: Callable[[ArrayLike], FloatArray], lsl: float | None, usl: float | None
) -> tuple[float | None, float | None]:
    """Transformed limits; None where there is none, or where a bounded curve cannot reach it."""
    found = (None if limit is None else float(transform(limit)) for limit in (lsl, usl))
    low, high = (None if limit is None or not math.isfinite(limit) else limit for limit in found)
    return low, high


def _transformed(name: str, detail: str, y: FloatArray, low: float | None, high: float | None) -> NonNormal:
    if not np.all(np.isfinite(y)):
        return NonNormal(name, detail=detail, problem="the transform leaves the range of numbers")
    try:
        found = process_indices(float(y.mean()), float(y.std(ddof=1)), lsl=low, usl=high)
    except SpecificationError:
        return NonNormal(name, detail=detail, problem="the transformed limits coincide")
    return NonNormal(name, found.c, found.ck, detail)


def _ppm(
    x: FloatArray,
    capability: Capability,
    together: Capability | None,
    best: Fit | None,
    lsl: float | None,
    usl: float | None,
) -> Fallouts:
    within, overall = capability.fallout_within, capability.fallout_overall
    return Fallouts(
        observed=(
            None if lsl is None else 1e6 * float(np.mean(x < lsl)),
            None if usl is None else 1e6 * float(np.mean(x > usl)),
        ),
        within=(_millions(within.below_lsl), _millions(within.above_usl)),
        between_within=(None, None)
        if together is None
        else (
            _millions(together.fallout_within.below_lsl),
            _millions(together.fallout_within.above_usl),
        ),
        overall=(_millions(overall.below_lsl), _millions(overall.above_usl)),
        best=(
            None if best is None or lsl is None else _millions(best.below(lsl)),
            None if best is None or usl is None else _millions(best.above(usl)),
        ),
    )


def _millions(fraction: float | None) -> float | None:
    return None if fraction is None else 1e6 * fraction


def _histogram(x: FloatArray, capability: Capability, best: Fit | None) -> Histogram:
    low, high = float(x.min()), float(x.max())
    if low == high:
        half = abs(low) * 1e-3 or 1.0
        return Histogram((low - half, low + half), (len(x),), (), (), (), ())
    quarter = float(np.subtract(*np.percentile(x, [75, 25])))
    wanted = (high - low) / (2.0 * quarter * len(x) ** (-1 / 3)) if quarter > 0 else math.sqrt(len(x))
    bins = int(min(MOST_BINS, max(FEWEST_BINS, math.ceil(wanted))))
    counts, edges = np.histogram(x, bins=bins, range=(low, high))
    area = len(x) * (high - low) / bins
    reach = max(3.5 * capability.sigma_overall, (high - low) / 20)
    at = np.linspace(min(low, capability.mean - reach), max(high, capability.mean + reach), CURVE_POINTS)

    def bell(sigma: float | None) -> tuple[float, ...]:
        return tuple((scipy.stats.norm.pdf(at, capability.mean, sigma) * area).tolist()) if sigma else ()

    return Histogram(
        edges=tuple(edges.tolist()),
        counts=tuple(int(count) for count in counts),
        x=tuple(at.tolist()),
        within=bell(capability.sigma_within),
        overall=bell(capability.sigma_overall),
        best=tuple((best.densities(at) * area).tolist()) if best is not None else (),
    )
