"""Average run lengths of EWMA, CUSUM and MEWMA charts by their integral equations, and OC curves of Shewhart charts.

Quadrature (Nystrom) instead of a Markov chain over slices: the same equations, converging exponentially. Run lengths
start at the first point and count up to the signal; parameters are known. Sources: Crowder (1987), Technometrics 29;
Brook and Evans (1972), Biometrika 59; Lucas and Crosier (1982), Technometrics 24; Rigdon (1995), Journal of Statistical
Computation and Simulation 52 (MEWMA).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

FloatArray = NDArray[np.float64]
_NODES = 96
_SETTLED = 1e-13


class RunLengthParameterError(ValueError):
    """A weight, width or interval for which no run length exists."""


def shewhart_arl(shift: float, *, width: float = 3.0) -> float:
    """1 / P(beyond +-width) of a mean shifted by `shift` sigmas of the statistic."""
    return float(1.0 / (ndtr(-width - shift) + ndtr(shift - width)))


def shewhart_beta(shift: ArrayLike, n: ArrayLike, *, width: float = 3.0) -> FloatArray:
    """P(no signal) of one X-bar point, (shifts, sizes); shifts in sigmas of a single value."""
    moved = np.asarray(shift, np.float64)[:, None] * np.sqrt(np.asarray(n, np.float64))[None, :]
    # The tails are differenced on the side where they are small, so that tiny probabilities keep their digits.
    beta = np.where(
        moved > width,
        ndtr(width - moved) - ndtr(-width - moved),
        1.0 - ndtr(moved - width) - ndtr(-width - moved),
    )
    return np.asarray(beta, dtype=np.float64)


@lru_cache(maxsize=16)
def _rule(count: int) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes and weights on [-1, 1]: finding them costs more than using them."""
    return np.polynomial.legendre.leggauss(count)


def _legendre(low: float, high: float, count: int = _NODES) -> tuple[FloatArray, FloatArray]:
    nodes, weights = _rule(count)
    half = (high - low) / 2.0
    return low + half * (nodes + 1.0), half * weights


def _density(x: FloatArray) -> FloatArray:
    return np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def ewma_arl(shift: float, *, weight: float, width: float) -> float:
    """Two-sided EWMA with asymptotic limits, started at the centre; `shift` in sigmas of the statistic."""
    limit, at, run_lengths = _ewma_run_lengths(shift, weight, width)
    return float(_ewma_from(np.zeros(1), limit, at, run_lengths, shift, weight)[0])


def _ewma_run_lengths(shift: float, weight: float, width: float) -> tuple[float, FloatArray, FloatArray]:
    if not 0.0 < weight <= 1.0 or not width > 0.0:
        raise RunLengthParameterError(f"lambda must lie in (0, 1] and L above 0, got {weight} and {width}")
    limit = width * math.sqrt(weight / (2.0 - weight))
    at, weights = _legendre(-limit, limit)
    kernel = _density((at[None, :] - (1 - weight) * at[:, None]) / weight - shift) / weight * weights[None, :]
    solved = np.linalg.solve(np.eye(len(at)) - kernel, np.ones(len(at)))
    return limit, at, np.asarray(solved, dtype=np.float64)


def _ewma_from(
    z: FloatArray, limit: float, at: FloatArray, run_lengths: FloatArray, shift: float, weight: float
) -> FloatArray:
    _, weights = _legendre(-limit, limit)
    kernel = _density((at[None, :] - (1 - weight) * z[:, None]) / weight - shift) / weight * weights[None, :]
    return np.asarray(1.0 + kernel @ run_lengths, dtype=np.float64)


def ewma_arl_time_varying(shift: float, *, weight: float, width: float) -> float:
    """As `ewma_arl` with the limits of each moment: survival is followed until they have settled."""
    limit, at, run_lengths = _ewma_run_lengths(shift, weight, width)
    total, decay = 1.0, 1.0
    points, mass = np.zeros(1), np.ones(1)  # where the average may be, and with what probability
    while True:
        decay *= (1.0 - weight) ** 2
        here = limit * math.sqrt(1.0 - decay)
        nodes, weights = _legendre(-here, here)
        kernel = _density((nodes[:, None] - (1 - weight) * points[None, :]) / weight - shift) / weight
        points, mass = nodes, weights * (kernel @ mass)
        if decay < _SETTLED:
            break
        total += float(mass.sum())
        if mass.sum() < _SETTLED:
            return total
    return total + float(mass @ _ewma_from(points, limit, at, run_lengths, shift, weight))


def cusum_arl(shift: float, *, reference: float, interval: float, head_start: float = 0.0) -> float:
    """One-sided upper CUSUM with reference k and interval h, in sigmas; it starts at `head_start`."""
    at_zero, at_start = _cusum_run_lengths(shift, reference, interval, head_start)
    return at_start if head_start > 0.0 else at_zero


def _cusum_run_lengths(shift: float, k: float, h: float, start: float) -> tuple[float, float]:
    if k < 0.0 or not h > 0.0 or not 0.0 <= start < h:
        raise RunLengthParameterError(
            f"a CUSUM needs k >= 0, h > 0 and a start below h, got {k}, {h}, {start}"
        )
    at, weights = _legendre(0.0, h)
    # Unknowns: the run length at zero, where the sum rests, and at the nodes.
    n = len(at)
    system = np.eye(n + 1)
    from_points = np.concatenate(([0.0], at))
    system[:, 0] -= ndtr(k - shift - from_points)
    system[:, 1:] -= _density(at[None, :] + k - shift - from_points[:, None]) * weights[None, :]
    solved = np.linalg.solve(system, np.ones(n + 1))
    kernel = _density(at + k - shift - start) * weights
    at_start = 1.0 + float(ndtr(k - shift - start)) * solved[0] + float(kernel @ solved[1:])
    return float(solved[0]), float(at_start)


def cusum_arl_two_sided(shift: float, *, reference: float, interval: float, head_start: float = 0.0) -> float:
    """Both sides together, both with the head start (Lucas and Crosier's combination)."""
    up0, up = _cusum_run_lengths(shift, reference, interval, head_start)
    low0, low = _cusum_run_lengths(-shift, reference, interval, head_start)
    return (up * low0 + low * up0 - up0 * low0) / (up0 + low0)


def mewma_arl(
    shift: float, *, weight: float, limit: float, variables: int, nodes: tuple[int, int] = (40, 20)
) -> float:
    """MEWMA of `variables` >= 1 with limit h4 on its asymptotic covariance; `shift` is the Mahalanobis distance.

    In control the distance from the centre is a chain by itself; off target the component along the shift goes with it,
    and the equation is solved on `nodes` along the shift times across it. 20 along are too few: 0.3 % off.
    """
    if not 0.0 < weight <= 1.0 or not limit > 0.0 or variables < 1:
        raise RunLengthParameterError(
            "lambda must lie in (0, 1], h4 above 0, and one variable at least is needed"
        )
    radius = math.sqrt(limit * weight / (2.0 - weight))
    if variables == 1:
        return ewma_arl(shift, weight=weight, width=math.sqrt(limit))
    if shift == 0.0:
        at, weights = _legendre(0.0, radius, 64)
        system = np.eye(len(at)) - _ring_kernel(at, at, weight, variables) * weights[None, :]
        solved = np.linalg.solve(system, np.ones(len(at)))
        return float(1.0 + (_ring_kernel(np.zeros(1), at, weight, variables)[0] * weights) @ solved)
    return _mewma_shifted(shift, weight, radius, variables, nodes)


def mewma_limit(run_length: float, *, weight: float, variables: int) -> float:
    """The limit h4 with which a MEWMA has this run length in control. Raises RunLengthParameterError."""
    if not 1.5 <= run_length <= 1e6:
        raise RunLengthParameterError(f"a run length in control from 1.5 to 1e6 is needed, got {run_length}")
    if variables < 1:
        raise RunLengthParameterError("one variable at least is needed")

    def excess(limit: float) -> float:
        return math.log(mewma_arl(0.0, weight=weight, limit=limit, variables=variables) / run_length)

    # Without memory T-squared is chi-square; memory only lowers the limit.
    highest = float(scipy.stats.chi2.isf(1.0 / run_length, variables)) * (1.0 + 1e-6)
    return float(scipy.optimize.brentq(excess, highest * 1e-4, highest, xtol=1e-10))


def _ring_kernel(start: FloatArray, end: FloatArray, weight: float, df: int) -> FloatArray:
    """Density (starts, ends) of the next distance from the centre in `df` dimensions."""
    noncentral = ((1.0 - weight) * start / weight)[:, None] ** 2
    squared = (end / weight)[None, :] ** 2
    density = np.where(
        noncentral > 0.0,
        scipy.stats.ncx2.pdf(squared, df, np.maximum(noncentral, 1e-300)),
        scipy.stats.chi2.pdf(squared, df),
    )
    return np.asarray(density * 2.0 * end[None, :] / weight**2, dtype=np.float64)


def _mewma_shifted(
    shift: float, weight: float, radius: float, variables: int, nodes: tuple[int, int]
) -> float:
    """Nodes: the component along the shift by Chebyshev angles, the distance across it by Legendre."""
    angle, angle_weights = _legendre(-math.pi / 2.0, math.pi / 2.0, nodes[0])
    along, along_weights = radius * np.sin(angle), radius * np.cos(angle) * angle_weights
    unit, unit_weights = _legendre(0.0, 1.0, nodes[1])
    reach = np.sqrt(radius**2 - along**2)
    x = np.repeat(along, len(unit))
    r = (reach[:, None] * unit[None, :]).ravel()
    weights = (along_weights[:, None] * reach[:, None] * unit_weights[None, :]).ravel()
    kernel = _density((x[None, :] - (1 - weight) * x[:, None]) / weight - shift) / weight
    kernel = kernel * _ring_kernel(r, r, weight, variables - 1) * weights[None, :]
    solved = np.linalg.solve(np.eye(len(x)) - kernel, np.ones(len(x)))
    from_zero = _density(x / weight - shift) / weight
    across = _ring_kernel(np.zeros(1), r, weight, variables - 1)[0]
    return float(1.0 + (from_zero * across * weights) @ solved)
