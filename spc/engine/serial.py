"""Charts for data with a trend or with memory: regression residuals, AR(1) residuals, moving centre line.

A naive individuals chart on an AR(1) series with phi 0.7 raises some 24 false alarms in 200 points; the residuals of a
model estimated on phase 1 are what may be charted. Sources: Montgomery, Introduction to Statistical Quality Control,
10.4; Montgomery and Mastrangelo (1991), Journal of Quality Technology 23, 179-193 (moving centre line).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from spc.engine.readings import all_possible
from spc.engine.sigma import TooFewReadingsError, sigma_from_moving_ranges

FloatArray = NDArray[np.float64]
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class TrendChart:
    """Residuals (n,) about a line fitted to phase 1, with limits +-3 sigma_mr.

    `sigma_residual` is the regression's standard error; `sigma_mr` comes from the moving ranges of phase 1 residuals.
    """

    intercept: float
    slope: float
    residuals: FloatArray
    sigma_residual: float
    sigma_mr: float
    signals: tuple[int, ...]


@dataclass(frozen=True)
class AutoregressionChart:
    """One-step residuals (n,; the first is NaN) of x_t = intercept + phi x_(t-1), fitted to phase 1."""

    intercept: float
    phi: float
    residuals: FloatArray
    sigma_mr: float
    sigma_ols: float
    lcl: float
    ucl: float
    signals: tuple[int, ...]


@dataclass(frozen=True)
class Autoregression:
    """Maximum likelihood of a stationary AR(1): x_t - mean = phi (x_(t-1) - mean) + e_t, var e = `sigma2`."""

    phi: float
    mean: float
    sigma2: float


@dataclass(frozen=True)
class MovingCenterLine:
    """EWMA as a one-step forecast: errors (n,; the first is NaN), limits +-3 `sigma_p` about the last average."""

    weight: float
    sigma_p: float
    average: FloatArray
    errors: FloatArray
    signals: tuple[int, ...]


def trend_chart(y: ArrayLike, *, n_phase1: int, gaps: bool = False) -> TrendChart:
    """Residuals about the least-squares line over t = 0, 1, ... of the first `n_phase1` points (3 or more).

    With `gaps`, readings missing in phase 1 are passed over in their places; otherwise they are refused.
    """
    values = _series(y, n_phase1, least=3, gaps=gaps)
    t = np.arange(len(values), dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values[:n_phase1]))
    slope, intercept = _line(t[known], values[known])
    residuals = values - (intercept + slope * t)
    own = residuals[known]
    sigma_mr = _moving_range_sigma(residuals[:n_phase1], values[known])
    return TrendChart(
        intercept=float(intercept),
        slope=float(slope),
        residuals=residuals,
        sigma_residual=math.sqrt(float(own @ own) / (len(own) - 2)),
        sigma_mr=sigma_mr,
        signals=_beyond(residuals, 3.0 * sigma_mr),
    )


def autoregression_chart(y: ArrayLike, *, n_phase1: int, gaps: bool = False) -> AutoregressionChart:
    """Residual chart of an AR(1) regression on the first `n_phase1` points (4 or more); `gaps` as in `trend_chart`."""
    values = _series(y, n_phase1, least=4, gaps=gaps)
    before, now = values[: n_phase1 - 1], values[1:n_phase1]
    pairs = ~np.isnan(before) & ~np.isnan(now)
    if np.count_nonzero(pairs) < 3:
        raise TooFewReadingsError("an autoregression needs three pairs of neighbouring readings at least")
    phi, intercept = _line(before[pairs], now[pairs])
    residuals = np.concatenate(([np.nan], values[1:] - (intercept + phi * values[:-1])))
    own = residuals[1:n_phase1][pairs]
    sigma_mr = _moving_range_sigma(residuals[1:n_phase1], values[:n_phase1][~np.isnan(values[:n_phase1])])
    return AutoregressionChart(
        intercept=float(intercept),
        phi=float(phi),
        residuals=residuals,
        sigma_mr=sigma_mr,
        sigma_ols=math.sqrt(float(own @ own) / (len(own) - 2)),
        lcl=-3.0 * sigma_mr,
        ucl=3.0 * sigma_mr,
        signals=_beyond(residuals, 3.0 * sigma_mr),
    )


def autocorrelation(y: ArrayLike, *, lags: int) -> FloatArray:
    """Sample autocorrelations (lags + 1,) from lag 0, with the sum of squares as divisor (Box and Jenkins)."""
    values = _series(y, None, least=2)
    centred = values - values.mean()
    total = float(centred @ centred)
    if total == 0.0:
        raise TooFewReadingsError("a constant series has no autocorrelation")
    lags = min(lags, len(values) - 1)
    return np.array([float(centred[lag:] @ centred[: len(centred) - lag]) / total for lag in range(lags + 1)])


def fit_autoregression(y: ArrayLike) -> Autoregression:
    """Exact Gaussian maximum likelihood of a stationary AR(1) with a mean (as R's arima(1,0,0))."""
    values = _series(y, None, least=4)
    n = len(values)

    def parts(phi: float) -> tuple[float, float]:
        """The mean that fits best for this phi, and the weighted sum of squares about it."""
        edge = 1.0 - phi * phi
        weight = edge + (n - 1) * (1.0 - phi) ** 2
        mean = (edge * values[0] + (1.0 - phi) * float(np.sum(values[1:] - phi * values[:-1]))) / weight
        error = (values[1:] - mean) - phi * (values[:-1] - mean)
        return float(mean), edge * (values[0] - mean) ** 2 + float(error @ error)

    def minus_log_likelihood(phi: float) -> float:
        _, squares = parts(phi)
        return 0.5 * n * math.log(squares / n) - 0.5 * math.log(1.0 - phi * phi)

    if float(np.ptp(values)) == 0.0:
        raise TooFewReadingsError("a constant series has no autoregression")
    bound = 1.0 - 1e-9
    found = scipy.optimize.minimize_scalar(
        minus_log_likelihood, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-12}
    )
    mean, squares = parts(float(found.x))
    return Autoregression(phi=float(found.x), mean=mean, sigma2=squares / n)


def moving_center_line(y: ArrayLike, *, n_phase1: int, gaps: bool = False) -> MovingCenterLine:
    """The weight that minimises the squared one-step errors of phase 1; sigma_p is their root mean square.

    The average starts at the first reading, which has no forecast and so no error. `gaps` as in `trend_chart`; the
    first reading may not be missing.
    """
    values = _series(y, n_phase1, least=3, gaps=gaps)
    known = np.flatnonzero(~np.isnan(values[:n_phase1]))[1:]

    def squares(weight: float) -> float:
        error = _forecast_errors(values[:n_phase1], weight)[1][known]
        return float(error @ error)

    grid = np.linspace(0.01, 1.0, 100)
    start = grid[int(np.argmin([squares(w) for w in grid]))]
    found = scipy.optimize.minimize_scalar(
        squares,
        bounds=(max(1e-6, start - 0.01), min(1.0, start + 0.01)),
        method="bounded",
        options={"xatol": 1e-10},
    )
    weight = float(found.x)
    average, errors = _forecast_errors(values, weight)
    sigma_p = math.sqrt(squares(weight) / len(known))
    return MovingCenterLine(weight, sigma_p, average, errors, _beyond(errors, 3.0 * sigma_p))


def _forecast_errors(values: FloatArray, weight: float) -> tuple[FloatArray, FloatArray]:
    """Averages and errors (n,); the first reading is finite, a missing one leaves the average where it was."""
    averages, errors = [float(values[0])], [math.nan]
    for value in values[1:].tolist():
        average = averages[-1]
        errors.append(value - average)
        averages.append(average if math.isnan(value) else average + weight * errors[-1])
    return np.array(averages), np.array(errors)


def _series(y: ArrayLike, n_phase1: int | None, *, least: int, gaps: bool = False) -> FloatArray:
    """The series; what is fitted must be whole unless `gaps` are allowed, a later reading may be missing (NaN)."""
    values = all_possible(y)
    used = len(values) if n_phase1 is None else n_phase1
    if values.ndim != 1 or not least <= used <= len(values):
        raise TooFewReadingsError(
            f"one row with a phase 1 of {least} readings at least is needed, got {used}"
        )
    missing = int(np.count_nonzero(np.isnan(values[:used])))
    if missing and not gaps:
        raise TooFewReadingsError("what is fitted must be whole: every reading finite")
    if used - missing < least:
        raise TooFewReadingsError(f"{least} readings at least are needed, got {used - missing}")
    return values


def _line(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Slope and intercept of the least-squares line of y on x, both (n,). Raises TooFewReadingsError."""
    mean_x, mean_y = float(x.mean()), float(y.mean())
    square = float((x - mean_x) @ (x - mean_x))
    if x.min() == x.max() or not square > 0.0:
        raise TooFewReadingsError("phase 1 does not vary: there is no line to estimate")
    if y.min() == y.max():
        return 0.0, float(y[0])
    slope = float((x - mean_x) @ (y - mean_y)) / square
    return slope, mean_y - slope * mean_x


def _moving_range_sigma(residuals: FloatArray, readings: FloatArray) -> float:
    """Sigma of the residuals of readings; 0 where they are no more than the rounding of the fit."""
    sigma = sigma_from_moving_ranges(np.abs(np.diff(residuals))).sigma
    return sigma if sigma > 8.0 * _EPSILON * float(np.abs(readings).max()) else 0.0


def _beyond(residuals: FloatArray, reach: float) -> tuple[int, ...]:
    if not reach > 0.0:
        return ()
    with np.errstate(invalid="ignore"):
        return tuple(np.flatnonzero(np.abs(residuals) > reach).tolist())
