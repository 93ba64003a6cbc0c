"""Counts that vary more than their law allows: the chi-square test and Laney's p' and u' charts.

Source: Laney (2002), Quality Engineering 14, 531-537. sigma_z is the mean moving range of z over d2(2), and z uses
the binomial or Poisson deviation at each point's own size, not inflated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from spc.engine.constants import d2
from spc.engine.readings import all_possible
from spc.engine.sigma import TooFewReadingsError

FloatArray = NDArray[np.float64]


class CountError(ValueError):
    """Counts or sizes that contradict each other."""


@dataclass(frozen=True)
class LaneyChart:
    """Proportions or rates (n,), their centre, sigma_z, limits (n,) and the positions beyond them."""

    statistic: FloatArray
    center: float
    sigma_z: float
    z: FloatArray
    lcl: FloatArray
    ucl: FloatArray
    beyond: tuple[int, ...]


@dataclass(frozen=True)
class OverdispersionTest:
    """Observed over theoretical variance, the test statistic D = ratio (m - 1) and P(chi-square > D)."""

    ratio: float
    statistic: float
    p_value: float


def laney_p(counts: ArrayLike, sizes: ArrayLike, *, n_phase1: int | None = None) -> LaneyChart:
    """Laney p' chart of counts (n,) out of sizes (n,); limits within 0 and 1, from the first `n_phase1` points."""
    d, n = _checked(counts, sizes)
    if np.any(d > n):
        raise CountError("counts: more found than inspected")
    center = float(d[:n_phase1].sum() / n[:n_phase1].sum())
    return _laney(d / n, center, np.sqrt(center * (1.0 - center) / n), top=1.0, n_phase1=n_phase1)


def laney_u(counts: ArrayLike, sizes: ArrayLike, *, n_phase1: int | None = None) -> LaneyChart:
    """Laney u' chart of counts (n,) in areas of opportunity (n,); limits from 0, of the first `n_phase1` points."""
    d, n = _checked(counts, sizes)
    center = float(d[:n_phase1].sum() / n[:n_phase1].sum())
    return _laney(d / n, center, np.sqrt(center / n), top=np.inf, n_phase1=n_phase1)


def overdispersion(counts: ArrayLike, sizes: ArrayLike, *, binomial: bool) -> OverdispersionTest:
    """Whether counts vary more than a binomial (else Poisson) law about their common proportion or rate.

    As qcc.overdispersion.test: sample variance of the counts over the theoretical one, chi-square with m - 1
    degrees of freedom. For unequal sizes the squared deviations are standardised one by one (Pearson).
    """
    d, n = _checked(counts, sizes)
    m = len(d)
    if m < 2:
        raise TooFewReadingsError("an overdispersion test needs two counts at least")
    rate = d.sum() / n.sum()
    expected = n * rate * (1.0 - rate) if binomial else n * rate
    statistic = float(np.sum((d - n * rate) ** 2 / expected)) if rate > 0 else 0.0
    return OverdispersionTest(statistic / (m - 1), statistic, float(scipy.stats.chi2.sf(statistic, m - 1)))


def _checked(counts: ArrayLike, sizes: ArrayLike) -> tuple[FloatArray, FloatArray]:
    d, n = all_possible(counts), all_possible(sizes)
    if d.shape != n.shape or d.ndim != 1 or not len(d):
        raise CountError("counts and sizes must be two rows of the same length, not empty")
    if not (np.all(np.isfinite(d)) and np.all(np.isfinite(n))) or np.any(d < 0) or np.any(n <= 0):
        raise CountError("counts must be zero or more and sizes above zero, all finite")
    return d, n


def _laney(
    statistic: FloatArray, center: float, deviation: FloatArray, *, top: float, n_phase1: int | None
) -> LaneyChart:
    if len(statistic[:n_phase1]) < 2:
        raise TooFewReadingsError("a Laney chart needs two points at least")
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(deviation > 0, (statistic - center) / deviation, np.nan)
    ranges = np.abs(np.diff(z[:n_phase1]))
    sigma_z = float(np.nanmean(ranges) / d2(2)) if np.any(~np.isnan(ranges)) else 0.0
    lcl = np.maximum(center - 3.0 * deviation * sigma_z, 0.0)
    ucl = np.minimum(center + 3.0 * deviation * sigma_z, top)
    beyond = ((statistic > ucl) | (statistic < lcl)) & (sigma_z > 0)
    return LaneyChart(statistic, center, sigma_z, z, lcl, ucl, tuple(np.flatnonzero(beyond).tolist()))
