"""When a process changed, and whether it drifts.

A chart says that something changed, some points after it did. The step's maximum likelihood estimate says when
(Samuel, Pignatiello and Calvin 1998, Quality Engineering 10, 521-527). A drift too slow for a chart is tested by ranks
(Mann 1945; Kendall, Rank Correlation Methods), with the variance that autocorrelation asks for (Hamed and Rao 1998,
Journal of Hydrology 204, 182-196) and the slope that outliers do not move (Theil 1950; Sen 1968).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
# All pairs are compared; this many points make 8 million pairs.
LARGEST_SERIES = 4000
TIE = 1e-12  # likelihoods that differ by less are equal: the unit of the data must not decide


class ChangeError(ValueError):
    """A series that holds no change to estimate: too short, constant sigma 0, or infinite."""


@dataclass(frozen=True)
class ChangePoint:
    """`position` (0-based) of the first shifted point, and the mean from there to the signal, in the data's unit.

    `shift_sigmas` is the shift in sigmas of one point (of the first shifted point, if sigma varies);
    `log_likelihood_ratio` compares it with no change.
    """

    position: int
    mean: float
    shift_sigmas: float
    log_likelihood_ratio: float


@dataclass(frozen=True)
class MonotoneTrend:
    """Mann-Kendall: `s` of rising minus falling pairs, its `variance`, `z` with continuity correction, two-sided `p`.

    `variance_factor` is what autocorrelation multiplied the variance by (1: nothing). `slope` per unit of time and its
    interval (`slope_low`, `slope_high`) are Theil and Sen's; `intercept` makes the median residual 0.
    """

    s: int
    variance: float
    variance_factor: float
    z: float
    p: float
    slope: float
    slope_low: float
    slope_high: float
    intercept: float


def step_change_point(
    values: ArrayLike, *, center: float, sigma: ArrayLike, signal: int | None = None
) -> ChangePoint:
    """The step that best explains a signal at position `signal` (default: the last point).

    `values` (n,) are plotted points, NaN where one is missing; `center` is the mean in control; `sigma`, a scalar or
    (n,), the standard deviation of each plotted point. Maximises over t the likelihood that the points t .. signal
    share another mean; of instants that explain it equally well the earliest counts. Raises ChangeError.
    """
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1 or not series.size:
        raise ChangeError("a row of points is needed to look for a change")
    last = len(series) - 1 if signal is None else signal
    if not 0 <= last < len(series):
        raise ChangeError(f"the signal at {last} is not one of the {len(series)} points")
    spread = np.broadcast_to(np.asarray(sigma, dtype=np.float64), series.shape)[: last + 1]
    series = series[: last + 1]
    present = ~np.isnan(series)
    if not present.any():
        raise ChangeError("there is no reading up to the signal")
    if not np.all(np.isfinite(series[present])) or not math.isfinite(center):
        raise ChangeError("readings and centre must be finite")
    if not np.all((spread[present] > 0) & np.isfinite(spread[present])):
        raise ChangeError("sigma must be above 0: a chart without spread has no change point")
    # In sigmas, so that no unit over- or underflows.
    scale = float(np.max(spread[present]))
    weight = np.where(present, (scale / np.where(present, spread, scale)) ** 2, 0.0)
    moved = np.where(present, (series - center) / scale, 0.0) * weight
    sums, weights = np.cumsum(moved[::-1])[::-1], np.cumsum(weight[::-1])[::-1]
    score = np.where(present, sums**2 / np.where(weights > 0, weights, 1.0), -1.0)
    at = int(np.argmax(score >= np.max(score) * (1.0 - TIE)))
    shift = float(sums[at] / weights[at]) * scale
    return ChangePoint(at, center + shift, shift / float(spread[at]), float(score[at]) / 2.0)


def mann_kendall(
    values: ArrayLike,
    *,
    times: ArrayLike | None = None,
    correct_autocorrelation: bool = True,
    confidence: float = 0.95,
) -> MonotoneTrend:
    """Test (n,) values, in order of time, for a monotone trend; NaN are left out with their times.

    `times` (n,) rise strictly and give the slope its unit (default 0, 1, ...). At least 4 values; at most 4000, because
    all pairs are compared. Raises ChangeError.
    """
    x, t = _series(values, times)
    s, variance = _kendall_sum(x), _kendall_variance(x)
    slopes = _pair_slopes(x, t)
    slope = float(np.median(slopes))
    factor = _variance_factor(x - slope * t) if correct_autocorrelation else 1.0
    variance *= factor
    z = (s - math.copysign(1.0, s)) / math.sqrt(variance) if s and variance > 0 else 0.0
    reach = float(scipy.stats.norm.isf((1.0 - confidence) / 2.0)) * math.sqrt(variance)
    pairs = len(slopes)
    low = max(0, math.floor((pairs - reach) / 2.0))
    high = min(pairs - 1, math.ceil((pairs + reach) / 2.0))
    return MonotoneTrend(
        s=s,
        variance=variance,
        variance_factor=factor,
        z=z,
        p=float(2.0 * scipy.stats.norm.sf(abs(z))),
        slope=slope,
        slope_low=float(slopes[low]),
        slope_high=float(slopes[high]),
        intercept=float(np.median(x - slope * t)),
    )


def _series(values: ArrayLike, times: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    x = np.asarray(values, dtype=np.float64)
    t = np.arange(x.size, dtype=np.float64) if times is None else np.asarray(times, dtype=np.float64)
    if x.ndim != 1 or x.shape != t.shape:
        raise ChangeError(f"as many times as values are needed, got shapes {x.shape} and {t.shape}")
    kept = ~np.isnan(x)
    x, t = x[kept], t[kept]
    if not np.all(np.isfinite(x)) or not np.all(np.isfinite(t)):
        raise ChangeError("values and times must be finite")
    if np.any(np.diff(t) <= 0):
        raise ChangeError("times must rise from one value to the next")
    if not 4 <= len(x) <= LARGEST_SERIES:
        raise ChangeError(
            f"4 to {LARGEST_SERIES} values are needed, got {len(x)}: use means of longer spells"
        )
    return x, t


def _kendall_sum(x: FloatArray) -> int:
    return int(
        sum(int(np.sum(x[i + 1 :] > x[i])) - int(np.sum(x[i + 1 :] < x[i])) for i in range(len(x) - 1))
    )


def _kendall_variance(x: FloatArray) -> float:
    """Of S without a trend, with the correction for ties."""
    n = len(x)
    ties = np.unique(x, return_counts=True)[1].astype(np.float64)
    return float((n * (n - 1) * (2 * n + 5) - np.sum(ties * (ties - 1) * (2 * ties + 5))) / 18.0)


def _pair_slopes(x: FloatArray, t: FloatArray) -> FloatArray:
    first, second = np.triu_indices(len(x), k=1)
    return np.asarray(np.sort((x[second] - x[first]) / (t[second] - t[first])), dtype=np.float64)


def _variance_factor(detrended: FloatArray) -> float:
    """Hamed and Rao's: from the autocorrelations of the ranks that differ from 0 at 5 %; at least 1.

    A factor below 1 would make the test reject more often than its level for a series that alternates; it is not used.
    """
    n = len(detrended)
    # Values that differ by rounding only are ties: detrending an exact line leaves such.
    tolerance = 1e-9 * float(np.ptp(detrended))
    ranks = scipy.stats.rankdata(np.round(detrended / tolerance) if tolerance > 0 else detrended)
    centred = ranks - ranks.mean()
    total = float(centred @ centred)
    if total == 0.0:
        return 1.0
    lags = np.arange(1, n - 2)
    r = np.array([float(centred[lag:] @ centred[:-lag]) / total for lag in lags])
    bound = float(scipy.stats.norm.isf(0.025)) / math.sqrt(n)
    weights = (n - lags) * (n - lags - 1.0) * (n - lags - 2.0)
    factor = 1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * float(weights @ np.where(np.abs(r) > bound, r, 0.0))
    return max(1.0, factor)
