"""Rare events: g charts of the units between two events, t charts of the time between them.

Where events are rare, a p or u chart sits at zero; what lies between two events still tells every time. A point above
the upper limit says that events have become rarer, a point below the lower one, or a run of zeros, that they have
become more frequent. Sources: Kaminsky, Benneyan, Davis and Burke (1992), Journal of Quality Technology 24, 63-69 and
Benneyan (2001), Health Care Management Science 4, 305-318 (g); Nelson (1994), Journal of Quality Technology 26, 239-241
and Montgomery, Introduction to Statistical Quality Control, 7.3.5 (t); quantiles instead of three sigma: Xie, Goh and
Kuralmani (2002), Statistical Models and Control Charts for High-Quality Processes, chapters 2 and 8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from spc.engine.baseline import estimate_baseline
from spc.engine.batch import ChartResult, chart
from spc.engine.bits import all_of_last, pack, positions
from spc.engine.families import Family
from spc.engine.readings import all_possible
from spc.engine.rules import Rule
from spc.engine.sigma import TooFewReadingsError

FloatArray = NDArray[np.float64]

# The power that makes an exponential law nearly normal (Nelson 1994).
POWER = 1.0 / 3.6
# Probability beyond one limit, as of three sigma of a normal law.
TAIL = float(ndtr(-3.0))


class Limits(StrEnum):
    """Three standard deviations about the mean, or quantiles of the law about its median."""

    SIGMA = "sigma"
    PROBABILITY = "probability"


class IntervalError(ValueError):
    """A number of units or a time between events that cannot be."""


@dataclass(frozen=True)
class BetweenChart:
    """Units or times between events (n,), one line each, and the positions beyond them.

    `zero_run`: so many zeros in a row are as improbable as a point beyond a limit (g charts; None if no number is);
    `zero_runs` the positions at which such a run is complete.
    """

    statistic: FloatArray
    center: float
    lcl: float
    ucl: float
    beyond: tuple[int, ...]
    zero_run: int | None = None
    zero_runs: tuple[int, ...] = ()


@dataclass(frozen=True)
class PowerChart:
    """Times between events (n,) to the power 1/3.6 as individuals; the lines again in the unit of time."""

    transformed: ChartResult
    center: float
    lcl: float
    ucl: float


def g_chart(
    between: ArrayLike, *, limits: Limits = Limits.SIGMA, n_phase1: int | None = None
) -> BetweenChart:
    """g chart of the good units (n,) between events: whole numbers from 0; NaN keeps its place.

    Three sigma: mean +- 3 sqrt(mean (mean + 1)), which some 2 % of the points of a stable process exceed. Probability:
    a count above the upper limit, or below the lower, has a probability of 0.00135 at most. The run of zeros is
    Benneyan's. Raises IntervalError, ReadingError, TooFewReadingsError.
    """
    counts = _checked(between, n_phase1)
    if np.any(np.floor(counts) != counts, where=~np.isnan(counts)):
        raise IntervalError("units between events are whole numbers")
    mean = _mean(counts[:n_phase1])
    if limits is Limits.SIGMA:
        center, lcl, ucl = mean, 0.0, mean + 3.0 * math.sqrt(mean * (mean + 1.0))
    else:
        center, lcl, ucl = (_geometric_quantile(mean, tail) for tail in (0.5, 1.0 - TAIL, TAIL))
    event = 1.0 / (1.0 + mean)
    zero_run = math.ceil(math.log(TAIL) / math.log(event)) if mean > 0.0 else None
    runs = () if zero_run is None else _runs_of(counts == 0.0, zero_run)
    return BetweenChart(counts, center, lcl, ucl, _beyond(counts, lcl, ucl), zero_run, runs)


def t_chart(times: ArrayLike, *, n_phase1: int | None = None) -> BetweenChart:
    """t chart of times (n,) between events with limits from quantiles of the exponential law about its median.

    Raises IntervalError, ReadingError, TooFewReadingsError.
    """
    values = _checked(times, n_phase1)
    mean = _mean(values[:n_phase1])
    lcl, ucl = -mean * math.log1p(-TAIL), -mean * math.log(TAIL)
    return BetweenChart(values, mean * math.log(2.0), lcl, ucl, _beyond(values, lcl, ucl))


def power_t_chart(
    times: ArrayLike, rules: tuple[Rule, ...] = (Rule.BEYOND_LIMITS,), *, n_phase1: int | None = None
) -> PowerChart:
    """t chart of times (n,) between events as individuals of times^(1/3.6), which are nearly normal: all rules apply.

    Two times at least. Raises IntervalError, ReadingError, TooFewReadingsError.
    """
    values = _checked(times, n_phase1) ** POWER
    baseline = estimate_baseline(Family.IMR, values[:n_phase1])
    shown = chart(Family.IMR, baseline, values, rules)
    center, reach = baseline.center, 3.0 * baseline.require_sigma()
    lines = (max(0.0, line) ** (1.0 / POWER) for line in (center, center - reach, center + reach))
    return PowerChart(shown, *lines)


def _checked(between: ArrayLike, n_phase1: int | None) -> FloatArray:
    values = all_possible(between)
    if values.ndim != 1:
        raise IntervalError(f"one row of intervals is needed, got shape {values.shape}")
    if np.any(values < 0.0):
        raise IntervalError("what lies between events is zero or more")
    if n_phase1 is not None and not 1 <= n_phase1 <= len(values):
        raise TooFewReadingsError(f"a phase 1 of {n_phase1} intervals out of {len(values)}")
    return values


def _mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    if not len(known):
        raise TooFewReadingsError("no interval between events to estimate limits from")
    return math.fsum(known.tolist()) / len(known)


def _geometric_quantile(mean: float, tail: float) -> float:
    """Smallest whole x with P(X > x) <= `tail`, where X counts units before an event; P(X > x) = (1 - p)^(x + 1)."""
    if mean == 0.0:
        return 0.0
    steps = math.log(tail) / -math.log1p(1.0 / mean)  # log(1 - p) with p = 1 / (1 + mean)
    return float(max(0, math.ceil(steps - 1e-9) - 1))


def _runs_of(holds: NDArray[np.bool_], length: int) -> tuple[int, ...]:
    return tuple(positions(all_of_last(pack(holds), length)).tolist())


def _beyond(values: FloatArray, lcl: float, ucl: float) -> tuple[int, ...]:
    if not ucl > lcl:
        return ()  # every interval is zero: limits that have collapsed flag nothing
    return tuple(np.flatnonzero((values > ucl) | (values < lcl)).tolist())
