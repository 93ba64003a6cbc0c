"""Measurement systems analysis: gauge repeatability and reproducibility, bias, linearity, agreement.

Sources: AIAG, Measurement Systems Analysis, 4th edition (2010); Fleiss (1971), Psychological Bulletin 76, 378-382.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from spc.engine.constants import d2, d3
from spc.engine.readings import LARGEST

FloatArray = NDArray[np.float64]
# d2* replaces d2 where few ranges are averaged; AIAG drops it above this many.
FEW_RANGES = 15
AIAG_NDC = 1.41  # the manual rounds the square root of two on its form


class StudyError(ValueError):
    """A study that is not balanced, or too small to say anything."""


@dataclass(frozen=True)
class Effect:
    """A source of variation: sum of squares, degrees of freedom, mean square."""

    ss: float
    df: int
    ms: float


@dataclass(frozen=True)
class GaugeVariance:
    """Variance components in squared units; negative estimates are 0."""

    repeatability: float
    operator: float
    interaction: float
    part: float

    @property
    def reproducibility(self) -> float:
        return self.operator + self.interaction

    @property
    def grr(self) -> float:
        return self.repeatability + self.reproducibility

    @property
    def total(self) -> float:
        return self.grr + self.part


@dataclass(frozen=True)
class AnovaStudy:
    """Crossed study by analysis of variance. `pooled` says that the interaction went into repeatability."""

    part: Effect
    operator: Effect
    interaction: Effect
    repeatability: Effect
    p_interaction: float
    pooled: bool
    variance: GaugeVariance

    def contribution_pct(self, variance: float) -> float:
        """Share of the total variance in percent."""
        return 100.0 * variance / self.variance.total if self.variance.total > 0 else math.nan

    def study_pct(self, variance: float) -> float:
        """Share of the total study variation (deviations) in percent."""
        return 100.0 * math.sqrt(variance / self.variance.total) if self.variance.total > 0 else math.nan

    def tolerance_pct(self, variance: float, tolerance: float, *, study_k: float = 6.0) -> float:
        """Study variation as percent of the tolerance (USL - LSL)."""
        return 100.0 * study_k * math.sqrt(variance) / tolerance

    @property
    def ndc_raw(self) -> float:
        """Square root of two times part over gauge deviation; infinite for a perfect gauge."""
        grr = self.variance.grr
        return math.sqrt(2.0 * self.variance.part / grr) if grr > 0 else math.inf

    @property
    def ndc(self) -> int | None:
        """Number of distinct categories, truncated; None for a perfect gauge."""
        return math.floor(self.ndc_raw) if math.isfinite(self.ndc_raw) else None


@dataclass(frozen=True)
class RangeStudy:
    """Crossed study by average and range: deviations EV, AV, GRR, PV, TV in the characteristic's unit."""

    mean_range: float
    operator_difference: float
    part_range: float
    k1: float
    k2: float
    k3: float
    ev: float
    av: float

    @property
    def grr(self) -> float:
        return math.hypot(self.ev, self.av)

    @property
    def pv(self) -> float:
        return self.part_range * self.k3

    @property
    def tv(self) -> float:
        return math.hypot(self.grr, self.pv)

    def pct(self, deviation: float) -> float:
        """Percent of the total variation."""
        return 100.0 * deviation / self.tv if self.tv > 0 else math.nan

    @property
    def ndc_raw(self) -> float:
        """1.41 PV / GRR, as on AIAG's form."""
        return AIAG_NDC * self.pv / self.grr if self.grr > 0 else math.inf

    @property
    def ndc(self) -> int | None:
        """Truncated; None for a perfect gauge."""
        return math.floor(self.ndc_raw) if math.isfinite(self.ndc_raw) else None


def gauge_anova(
    part: Sequence[Hashable], operator: Sequence[Hashable], y: ArrayLike, *, alpha_to_pool: float = 0.25
) -> AnovaStudy:
    """Balanced crossed study: every operator measures every part r >= 2 times. Readings (n,) in any order.

    The interaction is pooled into repeatability only when its p value exceeds `alpha_to_pool` (AIAG 0.25). Raises
    StudyError.
    """
    cube = _cube(part, operator, y)
    p, o, r = cube.shape
    if r < 2 or p < 2 or o < 2:
        raise StudyError("two parts, two operators and two trials at least are needed")
    grand, cell = cube.mean(), cube.mean(axis=2)
    parts, operators = cell.mean(axis=1), cell.mean(axis=0)
    ss_part = o * r * float(np.sum((parts - grand) ** 2))
    ss_operator = p * r * float(np.sum((operators - grand) ** 2))
    ss_inter = r * float(np.sum((cell - parts[:, None] - operators[None, :] + grand) ** 2))
    ss_error = float(np.sum((cube - cell[:, :, None]) ** 2))
    of_part, of_operator = _effect(ss_part, p - 1), _effect(ss_operator, o - 1)
    inter, error = _effect(ss_inter, (p - 1) * (o - 1)), _effect(ss_error, p * o * (r - 1))
    p_inter = float(scipy.stats.f.sf(inter.ms / error.ms, inter.df, error.df)) if error.ms > 0 else math.nan
    pooled = p_inter > alpha_to_pool
    if pooled:
        noise = (inter.ss + error.ss) / (inter.df + error.df)
        against, interaction = noise, 0.0
    else:
        noise, against = error.ms, inter.ms
        interaction = max(0.0, (inter.ms - error.ms) / r)
    variance = GaugeVariance(
        repeatability=noise,
        operator=max(0.0, (of_operator.ms - against) / (p * r)),
        interaction=interaction,
        part=max(0.0, (of_part.ms - against) / (o * r)),
    )
    return AnovaStudy(of_part, of_operator, inter, error, p_inter, pooled, variance)


def gauge_average_range(part: Sequence[Hashable], operator: Sequence[Hashable], y: ArrayLike) -> RangeStudy:
    """Balanced crossed study by AIAG's average-and-range form. Raises StudyError."""
    cube = _cube(part, operator, y)
    p, o, r = cube.shape
    if r < 2 or p < 2 or o < 2:
        raise StudyError("two parts, two operators and two trials at least are needed")
    mean_range = float(np.ptp(cube, axis=2).mean())
    difference = float(np.ptp(cube.mean(axis=(0, 2))))
    part_range = float(np.ptp(cube.mean(axis=(1, 2))))
    k1 = 1.0 / (d2(r) if p * o > FEW_RANGES else d2_star(r, p * o))
    k2, k3 = 1.0 / d2_star(o, 1), 1.0 / d2_star(p, 1)
    ev = mean_range * k1
    av = math.sqrt(max(0.0, (difference * k2) ** 2 - ev**2 / (p * r)))
    return RangeStudy(mean_range, difference, part_range, k1, k2, k3, ev, av)


def d2_star(n: int, groups: int) -> float:
    """Root mean square of the mean of `groups` ranges of n standard normal values (Duncan, table D3)."""
    return math.sqrt(d2(n) ** 2 + d3(n) ** 2 / groups)


@dataclass(frozen=True)
class Bias:
    """Mean reading minus reference, its t statistic, p value and confidence interval."""

    bias: float
    t: float
    p_value: float
    lower: float
    upper: float


def bias(values: ArrayLike, reference: float, *, confidence: float = 0.95) -> Bias:
    """Bias of repeated readings (n >= 2) of one reference part."""
    x = _finite(values)
    if len(x) < 2:
        raise StudyError("a bias study needs two readings at least")
    mean, error = float(x.mean() - reference), float(x.std(ddof=1) / math.sqrt(len(x)))
    reach = float(scipy.stats.t.ppf((1 + confidence) / 2, len(x) - 1)) * error
    t = mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0
    return Bias(mean, t, float(2 * scipy.stats.t.sf(abs(t), len(x) - 1)), mean - reach, mean + reach)


@dataclass(frozen=True)
class Linearity:
    """bias = intercept + slope reference, with p values of both against 0."""

    slope: float
    intercept: float
    r_squared: float
    p_slope: float
    p_intercept: float


def linearity(reference: ArrayLike, values: ArrayLike) -> Linearity:
    """Regression of bias on reference over the working range; readings (n,) with their references (n,), n >= 3."""
    x, read = _finite(reference), _finite(values)
    if len(x) < 3 or x.shape != read.shape or float(np.ptp(x)) == 0.0:
        raise StudyError("a linearity study needs three readings at least, of different references")
    line = scipy.stats.linregress(x, read - x)
    error = float(line.intercept_stderr)
    t = float(line.intercept) / error if error > 0 else math.inf
    return Linearity(
        float(line.slope),
        float(line.intercept),
        float(line.rvalue**2),
        float(line.pvalue),
        float(2 * scipy.stats.t.sf(abs(t), len(x) - 2)),
    )


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Agreement of two raters beyond chance; NaN where chance alone would agree always."""
    if len(first) != len(second) or not first:
        raise StudyError("both raters must judge the same parts, one at least")
    classes = sorted({*first, *second}, key=str)
    agree = sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
    chance = sum((first.count(c) / len(first)) * (second.count(c) / len(second)) for c in classes)
    return (agree - chance) / (1.0 - chance) if chance < 1.0 else math.nan


def fleiss_kappa(ratings: Sequence[Sequence[Hashable]]) -> float:
    """Agreement of m raters on n parts, `ratings` (n, m), beyond chance (Fleiss 1971)."""
    sizes = {len(row) for row in ratings}
    if len(sizes) != 1 or min(sizes) < 2:
        raise StudyError("every part needs the same number of ratings, two at least")
    m = sizes.pop()
    classes = sorted({rating for row in ratings for rating in row}, key=str)
    table = np.array([[list(row).count(c) for c in classes] for row in ratings], dtype=np.float64)
    agree = float(np.mean((np.sum(table**2, axis=1) - m) / (m * (m - 1))))
    chance = float(np.sum((table.sum(axis=0) / table.sum()) ** 2))
    return (agree - chance) / (1.0 - chance) if chance < 1.0 else math.nan


def _finite(values: ArrayLike) -> FloatArray:
    """Readings as a row. Raises StudyError for one that is missing, infinite or too large to be squared."""
    row = np.asarray(values, dtype=np.float64)
    if not np.all(np.abs(row) <= LARGEST):
        raise StudyError(f"every reading must be finite, up to {LARGEST:g}: measure the missing ones")
    return row


def _effect(ss: float, df: int) -> Effect:
    return Effect(ss, df, ss / df)


def _cube(part: Sequence[Hashable], operator: Sequence[Hashable], y: ArrayLike) -> FloatArray:
    """Readings as (parts, operators, trials). Raises StudyError where a cell has more or fewer than the others."""
    values = _finite(y)
    if not len(part) == len(operator) == len(values) or not len(values):
        raise StudyError("part, operator and y must be three rows of the same length, not empty")
    cells: dict[tuple[Hashable, Hashable], list[float]] = {}
    for p, o, value in zip(part, operator, values.tolist(), strict=True):
        cells.setdefault((p, o), []).append(value)
    parts, operators = list(dict.fromkeys(part)), list(dict.fromkeys(operator))
    trials = {len(cells.get((p, o), ())) for p in parts for o in operators}
    if len(trials) != 1:
        raise StudyError("the study is not balanced: every operator must measure every part equally often")
    return np.array([[cells[p, o] for o in operators] for p in parts])
