"""All subgroups of a chart reduced at once: from a list of subgroups, or from an array of readings without a loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spc.engine.families import Dispersion, Family, SubgroupData, Summary, summarise
from spc.engine.readings import LARGEST, SubgroupError, all_possible

FloatArray = NDArray[np.float64]

# Rows taken together, so that what is computed from them stays in the processor's cache.
_BLOCK = 4096

# (n,) individuals, (n, k) subgroups of k readings, or one SubgroupData a point.
Subgroups = Sequence[SubgroupData] | FloatArray


@dataclass(frozen=True)
class Summaries:
    """Arrays (n,) of what `Summary` says of one subgroup; sizes may be (1,) where all points share one.

    `dispersion` of individuals is their moving range.
    """

    statistic: FloatArray
    size: FloatArray
    total: FloatArray
    dispersion: FloatArray

    def without(self, excluded: frozenset[int]) -> Summaries:
        """The same with nothing plotted at these positions."""
        if not excluded:
            return self
        statistic = self.statistic.copy()
        statistic[[position for position in excluded if position < len(statistic)]] = np.nan
        return replace(self, statistic=statistic)


def summarise_all(family: Family, subgroups: Subgroups, *, span: int = 2) -> Summaries:
    """Reduce every subgroup; `span` readings make a moving range. Raises SubgroupError.

    The mean of a row of an array equals that of the same readings as a subgroup to the last bit or the one before:
    its sum carries its own rounding errors (Ogita, Rump and Oishi 2005, SIAM J. Sci. Comput. 26, algorithm Sum2).
    """
    if not isinstance(subgroups, np.ndarray):
        return _columns(family, [summarise(family, subgroup) for subgroup in subgroups], span)
    if family.is_attribute:
        raise SubgroupError(f"counts of a {family} chart come as subgroups with their sizes, not as an array")
    readings = np.asarray(subgroups, dtype=np.float64)
    if family is Family.IMR:
        return _individuals(readings, span)
    if readings.ndim != 2 or not readings.shape[1]:
        raise SubgroupError(f"an array of subgroups has the shape (points, readings), got {readings.shape}")
    return _rows(family, readings)


def moving_ranges(statistics: FloatArray, span: int = 2) -> FloatArray:
    """Range of the last `span` values, (n,); NaN at the start and where one of them is missing."""
    ranges = np.full(len(statistics), np.nan)
    if span == 2:
        np.subtract(statistics[1:], statistics[:-1], out=ranges[1:])
        np.abs(ranges, out=ranges)
    elif len(statistics) >= span:
        windows = np.lib.stride_tricks.sliding_window_view(statistics, span)
        ranges[span - 1 :] = windows.max(axis=1) - windows.min(axis=1)
    return ranges


def _columns(family: Family, summaries: Sequence[Summary], span: int) -> Summaries:
    statistic = np.array([summary.statistic for summary in summaries], dtype=np.float64)
    moves = family.dispersion is Dispersion.MOVING_RANGE
    own = np.array([summary.dispersion for summary in summaries], dtype=np.float64)
    return Summaries(
        statistic=statistic,
        size=np.array([summary.size for summary in summaries], dtype=np.float64),
        total=np.array([summary.total for summary in summaries], dtype=np.float64),
        dispersion=moving_ranges(statistic, span) if moves else own,
    )


def _individuals(readings: FloatArray, span: int) -> Summaries:
    if readings.ndim != 1:
        raise SubgroupError(f"an array of individuals has one reading a point, got {readings.shape}")
    missing = np.isnan(all_possible(readings))
    size = np.where(missing, np.nan, 1.0) if np.any(missing) else np.ones(1)
    return Summaries(readings, size, readings, moving_ranges(readings, span))


def _rows(family: Family, readings: FloatArray) -> Summaries:
    n, k = readings.shape
    total, dispersion = np.empty(n), np.full(n, np.nan)
    with np.errstate(invalid="ignore"):
        for start in range(0, n, _BLOCK):
            block = slice(start, start + _BLOCK)
            columns = np.ascontiguousarray(readings[block].T)
            low, high = columns.min(axis=0), columns.max(axis=0)
            least, most = float(low.min()), float(high.max())
            if not (least >= -LARGEST and most <= LARGEST):
                all_possible(columns)
            total[block] = _sum(columns, least, most)
            if k > 1:
                spread = np.subtract(high, low, out=high)
                if family is Family.XBAR_S:
                    deviation = np.sqrt(_sum_carrying((columns - total[block] / k) ** 2) / (k - 1))
                    spread = np.where(spread == 0.0, 0.0, deviation)
                dispersion[block] = spread
    size = np.full(1, float(k))
    statistic = total / k
    if family is Family.MEDIAN_R:
        whole = ~np.isnan(total)
        statistic[whole] = np.median(readings[whole], axis=1)
        total[whole] = k * statistic[whole]
    # Rows with a missing reading are smaller.
    if odd := np.flatnonzero(np.isnan(total)).tolist():
        size = np.full(n, float(k))
        for row in odd:
            one = summarise(family, SubgroupData(tuple(readings[row].tolist())))
            statistic[row], size[row], total[row] = one.statistic, one.size, one.total
            dispersion[row] = one.dispersion
    return Summaries(statistic, size, total, dispersion)


def _sum(columns: FloatArray, low: float, high: float) -> FloatArray:
    """Sums (n,) over the rows of `columns` (k, n), all between `low` and `high`.

    Where readings lie close together, their distances from a short number near them are whole multiples of one bit
    and few enough of them to be added without rounding: only the last addition rounds.
    """
    k = len(columns)
    mantissa, exponent = math.frexp(low) if math.isfinite(low) else (0.0, 0)
    anchor = math.ldexp(round(mantissa * 2.0**24), exponent - 24)
    if not k * max(abs(high - anchor), abs(low - anchor)) < abs(anchor) / 4.0:
        return _sum_carrying(columns)
    total: FloatArray = np.add.reduce(columns - anchor, axis=0)
    total += k * anchor
    return total


def _sum_carrying(columns: FloatArray) -> FloatArray:
    """Sums (n,) over the rows of `columns` (k, n), rounding errors summed beside and added at the end."""
    total: FloatArray = columns[0].copy()
    lost, new, part, rest = (np.zeros_like(total) for _ in range(4))
    for column in columns[1:]:
        np.add(total, column, out=new)
        np.subtract(new, total, out=part)  # what of the column arrived
        np.subtract(column, part, out=rest)
        np.subtract(new, part, out=part)  # what of the total arrived
        np.subtract(total, part, out=part)
        lost += rest
        lost += part
        total, new = new, total
    total += lost
    return total
