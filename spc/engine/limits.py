"""Centre lines, control limits and standardised values of both panels, each point by its own size.

The batch chart and the streaming state both come through here, so that they agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spc.engine.baseline import Baseline
from spc.engine.constants import c4, d2, d3, sd_of_median, sd_of_s
from spc.engine.families import Dispersion, Family

FloatArray = NDArray[np.float64]

LIMIT_SIGMAS = 3.0
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class PanelLimits:
    """One panel of a chart; all arrays are (n,). NaN where there is nothing to plot or no limit.

    `z` is NaN wherever sigma is 0: the limits collapse and no rule fires.
    """

    center: FloatArray
    lcl: FloatArray
    ucl: FloatArray
    z: FloatArray


def location_limits(baseline: Baseline, statistic: FloatArray, size: FloatArray) -> PanelLimits:
    """Limits of the upper panel for statistics (n,) of subgroups with sizes (n,), or (1,) where all share one."""
    size = np.where(size > 0, size, np.nan)
    center = np.array([baseline.center])
    bottom, top = np.array([-np.inf]), np.array([np.inf])
    if baseline.family is Family.IMR:
        sigma = np.array([baseline.require_sigma()])
    elif baseline.family.plots_means:
        sigma = baseline.require_sigma() / np.sqrt(size)
    elif baseline.family is Family.MEDIAN_R:
        sigma = baseline.require_sigma() * _by_size(sd_of_median, size, least=1)
    elif baseline.family is Family.P:
        sigma = np.sqrt(baseline.center * (1.0 - baseline.center) / size)
        bottom, top = np.zeros(1), np.ones(1)
    elif baseline.family is Family.NP:
        sigma = np.sqrt(size * baseline.center * (1.0 - baseline.center))
        center = size * baseline.center
        bottom, top = np.zeros(1), size
    else:
        per_area = size if baseline.family is Family.U else np.ones_like(size)
        sigma = np.sqrt(baseline.center / per_area)
        bottom = np.zeros(1)
    return _panel(statistic, center, sigma, bottom, top)


def dispersion_limits(baseline: Baseline, dispersion: FloatArray, size: FloatArray) -> PanelLimits:
    """Limits of the lower panel for moving ranges, ranges or standard deviations (n,). All NaN for counts."""
    kind = baseline.family.dispersion
    if kind is None:
        nothing = np.broadcast_to(np.nan, dispersion.shape)
        return PanelLimits(nothing, nothing, nothing, nothing)
    sigma_within = baseline.require_sigma()
    if kind is Dispersion.MOVING_RANGE:
        mean, deviation = np.array([d2(baseline.span)]), np.array([d3(baseline.span)])
    elif kind is Dispersion.RANGE:
        mean, deviation = _by_size(d2, size), _by_size(d3, size)
    else:
        mean, deviation = _by_size(c4, size), _by_size(sd_of_s, size)
    center, sigma = mean * sigma_within, deviation * sigma_within
    return _panel(dispersion, center, sigma, np.zeros(1), np.full(1, np.inf))


def _by_size(constant: Callable[[int], float], size: FloatArray, *, least: int = 2) -> FloatArray:
    """The constant at each point's own size; NaN where the size is below `least` or missing."""
    values = np.full(len(size), np.nan)
    for n in np.unique(size[size >= least]):
        values[size == n] = constant(int(n))
    return values


def _panel(
    statistic: FloatArray, center: FloatArray, sigma: FloatArray, bottom: FloatArray, top: FloatArray
) -> PanelLimits:
    lcl = np.maximum(center - LIMIT_SIGMAS * sigma, bottom)
    ucl = np.minimum(center + LIMIT_SIGMAS * sigma, top)
    z = standardise(statistic, center, sigma)
    shape = statistic.shape
    return PanelLimits(
        np.broadcast_to(center, shape), np.broadcast_to(lcl, shape), np.broadcast_to(ucl, shape), z
    )


# Points taken together, so that what is computed from them stays in the processor's cache.
_BLOCK = 16384


def standardise(statistic: FloatArray, center: FloatArray, sigma: FloatArray) -> FloatArray:
    """z = (statistic - center) / sigma, (n,); NaN where sigma is 0 or anything is missing.

    `center` and `sigma` are (n,), or (1,) where all points share them.
    """
    z = np.empty(len(statistic))
    for start in range(0, len(z), _BLOCK):
        block = slice(start, start + _BLOCK)
        own = (center if len(center) == 1 else center[block], sigma if len(sigma) == 1 else sigma[block])
        _standardise(statistic[block], *own, out=z[block])
    return z


def _standardise(statistic: FloatArray, center: FloatArray, sigma: FloatArray, *, out: FloatArray) -> None:
    """One block.

    Rounding may carry a point that lies exactly on the line center + k sigma across it (10.3 with centre 10
    and sigma 0.1 gives 3.000000000000007). Beyond and within are decided against the lines that are drawn, so
    z is moved by its last bits to the side of the line on which the point is. That can only concern points within a
    few roundings of a line.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        np.subtract(statistic, center, out=out)
        np.divide(out, np.where(sigma > 0, sigma, np.nan), out=out)
        off = np.rint(out)
        np.abs(np.subtract(off, out, out=off), out=off)
        near = np.flatnonzero(off <= 8.0 * _EPSILON * (np.abs(center) / sigma + 4.0))
        if not len(near):
            return
        z, x = out[near], statistic[near]
        line_sigma = sigma if len(sigma) == 1 else sigma[near]
        k = np.clip(np.rint(z), -LIMIT_SIGMAS, LIMIT_SIGMAS)
        line = (center if len(center) == 1 else center[near]) + k * line_sigma
    z = np.where((x > line) & (z <= k), np.nextafter(k, np.inf), z)
    z = np.where((x < line) & (z >= k), np.nextafter(k, -np.inf), z)
    out[near] = np.where((x == line) & ~np.isnan(z), k, z)
