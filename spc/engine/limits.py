"""Centre lines, control limits and standardised values of both panels, each point by its own size.

The batch chart and the streaming state both come through here, so that they agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spc.engine.baseline import Baseline
from spc.engine.constants import c4, d2, d3, sd_of_s
from spc.engine.families import Dispersion, Family

FloatArray = NDArray[np.float64]

LIMIT_SIGMAS = 3.0


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
    """Limits of the upper panel for statistics (n,) of subgroups with sizes (n,)."""
    size = np.where(size > 0, size, np.nan)
    center = np.full(len(statistic), baseline.center)
    bottom, top = np.full(len(statistic), -np.inf), np.full(len(statistic), np.inf)
    if baseline.family is Family.IMR:
        sigma = np.full(len(statistic), baseline.require_sigma())
    elif baseline.family.plots_means:
        sigma = baseline.require_sigma() / np.sqrt(size)
    elif baseline.family is Family.P:
        sigma = np.sqrt(baseline.center * (1.0 - baseline.center) / size)
        bottom, top = np.zeros_like(center), np.ones_like(center)
    elif baseline.family is Family.NP:
        sigma = np.sqrt(size * baseline.center * (1.0 - baseline.center))
        center = size * baseline.center
        bottom, top = np.zeros_like(center), size
    else:
        per_area = size if baseline.family is Family.U else np.ones_like(size)
        sigma = np.sqrt(baseline.center / per_area)
        bottom = np.zeros_like(center)
    return _panel(statistic, center, sigma, bottom, top)


def dispersion_limits(baseline: Baseline, dispersion: FloatArray, size: FloatArray) -> PanelLimits:
    """Limits of the lower panel for moving ranges, ranges or standard deviations (n,). All NaN for counts."""
    kind = baseline.family.dispersion
    if kind is None:
        nothing = np.full(len(dispersion), np.nan)
        return PanelLimits(nothing, nothing, nothing, nothing)
    sigma_within = baseline.require_sigma()
    if kind is Dispersion.MOVING_RANGE:
        mean, deviation = np.full(len(size), d2(2)), np.full(len(size), d3(2))
    elif kind is Dispersion.RANGE:
        mean, deviation = _by_size(d2, size), _by_size(d3, size)
    else:
        mean, deviation = _by_size(c4, size), _by_size(sd_of_s, size)
    center, sigma = mean * sigma_within, deviation * sigma_within
    return _panel(dispersion, center, sigma, np.zeros_like(center), np.full(len(size), np.inf))


def _by_size(constant: Callable[[int], float], size: FloatArray) -> FloatArray:
    """The constant at each point's own size; NaN where the size is below two or missing."""
    values = np.full(len(size), np.nan)
    for n in np.unique(size[size >= 2]):
        values[size == n] = constant(int(n))
    return values


def _panel(
    statistic: FloatArray, center: FloatArray, sigma: FloatArray, bottom: FloatArray, top: FloatArray
) -> PanelLimits:
    lcl = np.maximum(center - LIMIT_SIGMAS * sigma, bottom)
    ucl = np.minimum(center + LIMIT_SIGMAS * sigma, top)
    return PanelLimits(center, lcl, ucl, standardise(statistic, center, sigma))


def standardise(statistic: FloatArray, center: FloatArray, sigma: FloatArray) -> FloatArray:
    """z = (statistic - center) / sigma, (n,); NaN where sigma is 0 or anything is missing.

    Rounding may carry a point that lies exactly on the line center + k sigma across it (10.3 with centre 10
    and sigma 0.1 gives 3.000000000000007). Beyond and within are decided against the lines that are drawn, so
    z is moved by its last bits to the side of the line on which the point is.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(sigma > 0, (statistic - center) / sigma, np.nan)
    k = np.clip(np.rint(z), -LIMIT_SIGMAS, LIMIT_SIGMAS)
    line = center + k * sigma
    z = np.where((statistic > line) & (z <= k), np.nextafter(k, np.inf), z)
    z = np.where((statistic < line) & (z >= k), np.nextafter(k, -np.inf), z)
    return np.where((statistic == line) & ~np.isnan(z), k, z)
