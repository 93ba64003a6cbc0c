"""What a cycler's own counters say of the charge that its records integrate to, one direction of a cycle at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from lots.science.formation.records import CyclerRecords
from lots.science.formation.segments import StepTable, step_curve

MAX_COUNTER_DEVIATION_PCT = 0.1
_ROUNDING = 1 + 1e-9
# What the currents between two records may do to a count again, where single precision loses nothing.
_HARDLY_PCT = 0.02
# No instrument gives its current more coarsely than this share of the largest one.
_COARSEST_RESOLUTION = 0.02
# Tests with more than two months of steps are not counted again, ten times a second: a file may claim any time.
_MOST_TICKS = 50_000_000
_TICKS_AT_ONCE = 1_000_000


class CounterVerdict(StrEnum):
    AGREES = "agrees"  # within 0.1 %
    WITHIN_RESOLUTION = (
        "within_resolution"  # apart by no more than the digits of the file or of the counter allow
    )
    UNRESOLVED = (
        "unresolved"  # the current changes so much between records that the integral may be this far off
    )
    DIFFERS = "differs"
    NONE = "no_counter"


# What one half of a cycle gives away decides for both.
_BY_WEIGHT = (
    CounterVerdict.NONE,
    CounterVerdict.AGREES,
    CounterVerdict.WITHIN_RESOLUTION,
    CounterVerdict.UNRESOLVED,
    CounterVerdict.DIFFERS,
)


class CapacitySource(StrEnum):
    INTEGRATED = "integrated"
    COUNTER = "counter"  # the records do not resolve the current: the instrument, which saw it, knows better


@dataclass(frozen=True)
class CounterPrecision:
    """How finely an instrument counts.

    `resolution_ah` is the last decimal that the file gives. `single_precision_tick_s` is the interval at which the
    instrument adds to a counter of single precision, None where it is not known to: such a counter loses up to half
    of its last binary digit at every addition, always the same while the current is constant.
    """

    resolution_ah: float = 0.0
    single_precision_tick_s: float | None = None


UNKNOWN_PRECISION = CounterPrecision()


@dataclass(frozen=True)
class HalfCycle:
    """Charge or discharge of a cycle, Ah, and what its counter says of the integral."""

    integrated_ah: float
    counted_ah: float
    deviation_pct: float | None
    verdict: CounterVerdict

    @property
    def source(self) -> CapacitySource:
        unresolved = self.verdict is CounterVerdict.UNRESOLVED
        return CapacitySource.COUNTER if unresolved else CapacitySource.INTEGRATED

    @property
    def capacity_ah(self) -> float:
        return self.counted_ah if self.source is CapacitySource.COUNTER else self.integrated_ah


def heavier(one: CounterVerdict, other: CounterVerdict) -> CounterVerdict:
    """The verdict of a cycle from those of its halves."""
    return max((one, other), key=_BY_WEIGHT.index)


def current_resolution_a(records: CyclerRecords) -> float:
    """The smallest difference between two currents of the file: how finely it gives them.

    Zero where only a few set currents occur, which tell nothing of it.
    """
    sample = np.unique(np.abs(records.current_a[:: max(1, records.size // 20_000)]))
    steps = np.diff(sample)
    steps = steps[steps > 1e-12]
    finest = float(steps.min()) if steps.size else 0.0
    return finest if finest <= _COARSEST_RESOLUTION * float(sample[-1]) else 0.0


def half_cycles(
    groups: Sequence[Sequence[int]], records: CyclerRecords, table: StepTable, precision: CounterPrecision
) -> list[HalfCycle]:
    """The halves of a whole test, each given by its rows of the table.

    What would contradict its counter is counted again where the instrument may add up in single precision, and where
    the halves that agree speak for it: counted again they are hardly further from their counters than before.
    """
    resolution_a = current_resolution_a(records)
    halves = [_half_cycle(list(rows), table, precision, resolution_a) for rows in groups]
    tick_s = precision.single_precision_tick_s
    if tick_s is None or all(half.verdict is not CounterVerdict.DIFFERS for half in halves):
        return halves
    if float(np.sum(table.duration_s)) > tick_s * _MOST_TICKS:
        return halves
    again = [
        sum(counted_in_single_precision_ah(records, table, row, tick_s) for row in rows) for rows in groups
    ]
    if not _speak_for_it(list(zip(halves, again, strict=True))):
        return halves
    return [
        replace(half, verdict=CounterVerdict.WITHIN_RESOLUTION)
        if half.verdict is CounterVerdict.DIFFERS
        and _deviation_pct(ah, half.counted_ah) <= MAX_COUNTER_DEVIATION_PCT
        else half
        for half, ah in zip(halves, again, strict=True)
    ]


def _speak_for_it(halves: Sequence[tuple[HalfCycle, float]]) -> bool:
    """Whether the halves that agree do so as well once they are counted again; at least one must."""
    agreeing = [(half, again_ah) for half, again_ah in halves if half.verdict is CounterVerdict.AGREES]
    before = sum(abs(half.integrated_ah - half.counted_ah) for half, _ in agreeing)
    after = sum(abs(again_ah - half.counted_ah) for half, again_ah in agreeing)
    counted = sum(half.counted_ah for half, _ in agreeing)
    return counted > 0 and 100.0 * (after - before) / counted <= _HARDLY_PCT


def _half_cycle(
    rows: list[int], table: StepTable, precision: CounterPrecision, current_resolution_a: float
) -> HalfCycle:
    """The steps of one direction. Their own records tell how close an integral can be, not those of the other one."""
    integrated = float(np.sum(np.abs(table.net_ah[rows])))
    counted = float(np.sum(table.counted_ah[rows]))
    if not (math.isfinite(counted) and counted > 0):
        return HalfCycle(integrated, counted, None, CounterVerdict.NONE)
    apart = abs(integrated - counted)
    hours = float(np.sum(table.duration_s[rows])) / 3600.0
    # A counter is off by one unit at each end; a rounded current by half a unit all the time.
    within = len(rows) * precision.resolution_ah + 0.5 * current_resolution_a * hours
    deviation = _deviation_pct(integrated, counted)
    if deviation <= MAX_COUNTER_DEVIATION_PCT:
        verdict = CounterVerdict.AGREES
    elif apart <= within:
        verdict = CounterVerdict.WITHIN_RESOLUTION
    # Between two records a current that only rises or only falls is at most this far from its trapezoid.
    elif apart <= (within + float(np.sum(table.slack_ah[rows]))) * _ROUNDING:
        verdict = CounterVerdict.UNRESOLVED
    else:
        verdict = CounterVerdict.DIFFERS
    return HalfCycle(integrated, counted, deviation, verdict)


def _deviation_pct(ah: float, counted_ah: float) -> float:
    return 100.0 * abs(ah - counted_ah) / counted_ah


def counted_in_single_precision_ah(
    records: CyclerRecords, table: StepTable, row: int, tick_s: float
) -> float:
    """Charge moved in a step, Ah, not negative, added up from nought every `tick_s` in single precision.

    The charge between two records is taken as the product integrates it; each addition rounds to the 24 binary
    digits of IEEE 754 binary32, as a counter of that type does.
    """
    _, moved_ah = step_curve(records, table, row)
    start_s, end_s = float(table.start_s[row]), float(table.start_s[row] + table.duration_s[row])
    time_s = records.time_s[table.first[row] : table.last[row] + 1]
    known_s = np.concatenate(([start_s], time_s, [end_s]))
    known_ah = np.concatenate(([0.0], moved_ah, [abs(float(table.net_ah[row]))]))
    ticks = max(1, math.ceil((end_s - start_s) / tick_s))
    total = np.float32(0.0)
    for first in range(0, ticks, _TICKS_AT_ONCE):
        last = min(ticks, first + _TICKS_AT_ONCE)
        edges_s = np.minimum(start_s + tick_s * np.arange(first, last + 1), end_s)
        added = np.diff(np.interp(edges_s, known_s, known_ah)).astype(np.float32)
        total = np.add.accumulate(np.concatenate(([total], added)), dtype=np.float32)[-1]
    return float(total)
