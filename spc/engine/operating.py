"""Operating characteristics of charts for counts, acceptance chart limits, and the table of chart constants."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from spc.engine.constants import c4, d2, d3, sd_of_s

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ChartConstants:
    """Factors of the classical charts for subgroups of n, exact (ISO 7870-2 names them)."""

    d2: float
    d3: float
    c4: float
    d4_median_range: float
    A: float
    A2: float
    A3: float
    D1: float
    D2: float
    D3: float
    D4: float
    B3: float
    B4: float
    B5: float
    B6: float
    E2: float
    E3: float


def chart_constants(n: int) -> ChartConstants:
    """All factors for subgroup size n >= 2. Raises SubgroupSizeError."""
    mean, spread, unbias, of_s = d2(n), d3(n), c4(n), sd_of_s(n)
    root = math.sqrt(n)
    return ChartConstants(
        d2=mean,
        d3=spread,
        c4=unbias,
        d4_median_range=median_range(n),
        A=3.0 / root,
        A2=3.0 / (mean * root),
        A3=3.0 / (unbias * root),
        D1=max(0.0, mean - 3.0 * spread),
        D2=mean + 3.0 * spread,
        D3=max(0.0, 1.0 - 3.0 * spread / mean),
        D4=1.0 + 3.0 * spread / mean,
        B3=max(0.0, 1.0 - 3.0 * of_s / unbias),
        B4=1.0 + 3.0 * of_s / unbias,
        B5=max(0.0, unbias - 3.0 * of_s),
        B6=unbias + 3.0 * of_s,
        E2=3.0 / mean,
        E3=3.0 / unbias,
    )


_AXIS = np.linspace(-12.0, 12.0, 1537)


def median_range(n: int) -> float:
    """Median of the range of n standard normal values."""
    step = float(_AXIS[1] - _AXIS[0])
    density = np.exp(-0.5 * _AXIS**2) / math.sqrt(2.0 * math.pi)

    def below(width: float) -> float:
        inside = ndtr(_AXIS + width) - ndtr(_AXIS)
        return float(n * step * np.sum(density * inside ** (n - 1)))

    return float(scipy.optimize.brentq(lambda width: below(width) - 0.5, 1e-6, 20.0, xtol=1e-13))


def count_chart_beta(mean: ArrayLike, *, lcl: float, ucl: float) -> FloatArray:
    """P(no signal) of a c chart at true mean counts (any shape): a count on a limit does not signal."""
    true = np.asarray(mean, dtype=np.float64)
    below = scipy.stats.poisson.cdf(math.ceil(lcl) - 1, true) if lcl > 0 else 0.0
    return np.asarray(scipy.stats.poisson.cdf(math.floor(ucl), true) - below, dtype=np.float64)


class AcceptanceError(ValueError):
    """Risks, fractions or specification limits that give no acceptance chart."""


@dataclass(frozen=True)
class AcceptanceLimits:
    """Limits of the mean of n values in an acceptance chart; infinite where there is no specification limit."""

    lcl: float
    ucl: float


def acceptance_limits(
    *, lsl: float | None, usl: float | None, sigma: float, n: int, delta: float, alpha: float
) -> AcceptanceLimits:
    """Means that leave at most a fraction `delta` beyond a limit are rejected with risk `alpha` at most.

    UCL = USL - (z_delta - z_alpha / sqrt n) sigma (Freund 1957; Montgomery, 10.2.2). Raises AcceptanceError.
    """
    _check_fractions(delta, alpha)
    if n < 1 or not sigma >= 0.0:
        raise AcceptanceError(f"an acceptance chart takes n >= 1 and sigma >= 0, got {n} and {sigma}")
    reach = (-float(ndtri(delta)) + float(ndtri(alpha)) / math.sqrt(n)) * sigma
    lcl = -math.inf if lsl is None else lsl + reach
    ucl = math.inf if usl is None else usl - reach
    if not ucl > lcl:
        raise AcceptanceError("the specification is too narrow for this sigma: no mean would be accepted")
    return AcceptanceLimits(lcl=lcl, ucl=ucl)


def acceptance_sample_size(*, delta: float, alpha: float, gamma: float, beta: float) -> int:
    """Subgroup size of an acceptance chart that keeps two risks (Montgomery, 10.2.2).

    A process with a fraction `delta` beyond a limit is rejected with risk `alpha`, one with a larger fraction `gamma`
    accepted with risk `beta`. Raises AcceptanceError.
    """
    _check_fractions(delta, alpha, gamma, beta)
    if not delta < gamma:
        raise AcceptanceError(f"the rejectable fraction must exceed the acceptable one: {gamma} and {delta}")
    root = float((ndtri(alpha) + ndtri(beta)) / (ndtri(delta) - ndtri(gamma)))
    return max(1, math.ceil(root**2 - 1e-9))


def _check_fractions(*fractions: float) -> None:
    if not all(0.0 < fraction < 1.0 for fraction in fractions):
        raise AcceptanceError(
            f"fractions and risks lie between 0 and 1, got {', '.join(map(str, fractions))}"
        )
