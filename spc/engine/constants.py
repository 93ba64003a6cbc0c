"""Control chart constants of normal samples, computed and not tabulated.

Three-digit tables shift limits by 3e-4 relative; these are exact to about 1e-13. All functions are cached, so
a stream pays for each subgroup size once.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import scipy
from scipy.special import log_ndtr, ndtr

# Trapezoid sums of analytic integrands that die like exp(-x^2/2) converge exponentially: h = 1/32 is ample.
_STEP = 1.0 / 32.0
_AXIS = np.arange(-12.0, 12.0 + _STEP / 2, _STEP)
# P(range > 20 sigma) is below 1e-40 for every n up to 1e6.
_RANGE_MAX = 20.0
_RANGE_NODES = 160


class SubgroupSizeError(ValueError):
    """A subgroup size for which the constant does not exist."""


def _checked(n: int) -> int:
    if n < 2:
        raise SubgroupSizeError(f"the constants of a range or standard deviation need n >= 2, got {n}")
    return n


@lru_cache(maxsize=1024)
def d2(n: int) -> float:
    """Mean of the range of n standard normal values, E[R] / sigma (Tippett 1925). n >= 2."""
    _checked(n)
    integrand = -np.expm1(n * log_ndtr(_AXIS)) - np.exp(n * log_ndtr(-_AXIS))
    return math.fsum(integrand.tolist()) * _STEP


@lru_cache(maxsize=1024)
def d3(n: int) -> float:
    """Standard deviation of the range of n standard normal values, sd(R) / sigma. n >= 2."""
    _checked(n)
    nodes, weights = np.polynomial.legendre.leggauss(_RANGE_NODES)
    widths = (nodes + 1.0) * (_RANGE_MAX / 2)
    weights = weights * (_RANGE_MAX / 2)
    density = np.exp(-0.5 * _AXIS**2) / math.sqrt(2.0 * math.pi)
    inside = ndtr(_AXIS[None, :] + widths[:, None]) - ndtr(_AXIS)[None, :]
    cumulative = n * _STEP * (density * inside ** (n - 1)).sum(axis=1)
    second_moment = float(np.sum(weights * 2.0 * widths * (1.0 - cumulative)))
    return math.sqrt(second_moment - d2(n) ** 2)


@lru_cache(maxsize=1024)
def c4(n: int) -> float:
    """Mean of the standard deviation (ddof 1) of n standard normal values, E[s] / sigma. n >= 2."""
    return c4_of_df(float(_checked(n) - 1))


@lru_cache(maxsize=1024)
def c4_of_df(df: float) -> float:
    """E[s] / sigma of a standard deviation with `df` degrees of freedom, df >= 1."""
    if df < 300:
        return math.sqrt(2.0 / df) * math.gamma((df + 1.0) / 2.0) / math.gamma(df / 2.0)
    # The gamma function overflows; this series of the ratio is exact to 1e-16 from here on.
    return 1.0 - 1 / (4 * df) + 1 / (32 * df**2) + 5 / (128 * df**3) - 21 / (2048 * df**4)


def sd_of_s(n: int) -> float:
    """Standard deviation of s over sigma, sqrt(1 - c4(n)^2). n >= 2."""
    return math.sqrt(1.0 - c4(n) ** 2)


@lru_cache(maxsize=1024)
def sd_of_median(n: int) -> float:
    """Standard deviation of the median of n standard normal values. n >= 1.

    By the densities of order statistics (David and Nagaraja 2003, Order Statistics, 2.1 and 2.3); for even n the median
    is the mean of the middle two, whose centre and distance are integrated together.
    """
    if n < 1:
        raise SubgroupSizeError(f"a median takes one value at least, got {n}")
    half = (n + 1) // 2
    density = np.exp(-0.5 * _AXIS**2) / math.sqrt(2.0 * math.pi)
    if n % 2:
        log_factor = math.lgamma(n + 1) - 2.0 * math.lgamma(half)
        weight = np.exp(log_factor + (half - 1) * (log_ndtr(_AXIS) + log_ndtr(-_AXIS))) * density
        return math.sqrt(float(np.sum(weight * _AXIS**2)) * _STEP)
    nodes, weights = np.polynomial.legendre.leggauss(_RANGE_NODES)
    reach = (nodes + 1.0) * (_RANGE_MAX / 4)  # half the distance of the two
    low, high = _AXIS[None, :] - reach[:, None], _AXIS[None, :] + reach[:, None]
    log_factor = math.lgamma(n + 1) - 2.0 * math.lgamma(half)
    joint = np.exp(log_factor + (half - 1) * (log_ndtr(low) + log_ndtr(-high)) - 0.5 * (low**2 + high**2)) / (
        2.0 * math.pi
    )
    # dx dy = 2 d(centre) d(half the distance)
    inner = (joint * _AXIS**2).sum(axis=1) * _STEP
    return math.sqrt(float(np.sum(weights * (_RANGE_MAX / 4) * 2.0 * inner)))


@lru_cache(maxsize=4096)
def range_covariance(n: int, lag: int) -> float:
    """Covariance of the ranges of two windows of n standard normal values in a row, `lag` values apart. n >= 2.

    Given smallest u and largest v of the s = n - lag values that they share, the two are independent and alike, each
    with the mean E max(v, M) - E min(u, -M'), where M and M' are the largest of `lag` values: the covariance is the
    variance of that mean over u and v. About 1e-9; 0 for windows that share nothing.
    """
    shared = _checked(n) - lag
    if lag < 1:
        raise SubgroupSizeError(f"windows lie one value apart at least, got {lag}")
    if shared < 1:
        return 0.0
    reaching = _mean_of_larger(lag)
    axis, step = _AXIS[::4], 4.0 * _STEP
    if shared == 1:
        density = np.exp(-0.5 * axis**2) / math.sqrt(2.0 * math.pi)
        return float(np.sum(density * (reaching(axis) + reaching(-axis)) ** 2)) * step - d2(n) ** 2
    nodes, weights = np.polynomial.legendre.leggauss(_RANGE_NODES)
    reach = (nodes + 1.0) * (_RANGE_MAX / 4)  # half of what the shared values span
    low, high = axis[None, :] - reach[:, None], axis[None, :] + reach[:, None]
    joint = np.exp(-0.5 * (low**2 + high**2)) / (2.0 * math.pi) * (ndtr(high) - ndtr(low)) ** (shared - 2)
    inner = (joint * (reaching(high) + reaching(-low)) ** 2).sum(axis=1) * step
    # du dv = 2 d(centre) d(half of the span)
    second = shared * (shared - 1) * float(np.sum(weights * (_RANGE_MAX / 4) * 2.0 * inner))
    return second - d2(n) ** 2


def _mean_of_larger(k: int) -> scipy.interpolate.CubicHermiteSpline:
    """v -> E max(v, the largest of k standard normal values); its slope is the k-th power of P(value < v)."""
    width = _STEP / 2
    at = np.arange(-24.0, 24.0 + width / 2, width)
    nodes, weights = np.polynomial.legendre.leggauss(3)
    points = at[:-1, None] + width / 2 * (nodes + 1.0)
    above = -np.expm1(k * log_ndtr(points)) @ weights * (width / 2)  # in each cell of the grid
    beyond = np.append(np.cumsum(above[::-1])[::-1], 0.0)
    return scipy.interpolate.CubicHermiteSpline(at, at + beyond, np.exp(k * log_ndtr(at)))
