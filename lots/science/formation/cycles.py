"""Cycles of a test: capacities, the counters' opinion of them, whether cut-offs were reached, efficiency.

An efficiency is defined only where charge and discharge of the cycle both ended at their cut-off: a partial first
discharge gives a number like 0.18 that looks like a result and is not one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lots.science.formation.capacity import coulombic_efficiency_pct
from lots.science.formation.records import CyclerRecords
from lots.science.formation.segments import StepKind, StepTable

MAX_COUNTER_DEVIATION_PCT = 0.1
# Ends of two half cycles this close in voltage are the same cut-off, which the schedule must have set.
SAME_CUTOFF_V = 0.005
# A half cycle shorter than this share of the longest one says nothing about where half cycles end.
_COUNTS_FOR_CUTOFF = 0.02
_ROUNDING = 1 + 1e-9
# No instrument gives its current more coarsely than this share of the largest one.
_COARSEST_RESOLUTION = 0.02


class CounterVerdict(StrEnum):
    AGREES = "agrees"  # within 0.1 %
    WITHIN_RESOLUTION = "within_resolution"  # apart by no more than the last decimal of the file allows
    UNRESOLVED = (
        "unresolved"  # the current changes so much between records that the integral may be this far off
    )
    DIFFERS = "differs"
    NONE = "no_counter"


class CutoffSource(StrEnum):
    STEP_TABLE = "step_table"
    PROTOCOL = "protocol"
    REPEATS = "inferred_from_repeats"
    UNKNOWN = "unknown"


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
class Cutoffs:
    """Voltages at which charge and discharge should end; `hold_current_a` ends a hold, None without one."""

    upper_v: float
    lower_v: float
    hold_current_a: float | None = None


@dataclass(frozen=True)
class _Half:
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


@dataclass(frozen=True)
class Cycle:
    """One cycle. Capacities in Ah, as `*_source` says: integrated, but the counter's where the records do not resolve
    the current. `*_integrated_ah` are the integrals, `*_counter_ah` the instrument's own, NaN without counter;
    `counter_deviation_pct` and `counters` are of the half that agrees less.

    `ratio_pct` is discharge over charge whatever it means; `ce_pct` the efficiency, None with `reason` where it is
    not defined. `cutoffs_reached` is None when nothing tells. Voltages are means over the capacity.
    """

    number: int
    start_s: float
    end_s: float
    charge_ah: float
    discharge_ah: float
    charge_source: CapacitySource
    discharge_source: CapacitySource
    charge_integrated_ah: float
    discharge_integrated_ah: float
    charge_counter_ah: float
    discharge_counter_ah: float
    counter_deviation_pct: float | None
    counters: CounterVerdict
    cutoffs_reached: bool | None
    cutoff_source: CutoffSource
    ratio_pct: float | None
    ce_pct: float | None
    reason: str
    charge_end_v: float | None
    discharge_end_v: float | None


def cycles(
    records: CyclerRecords,
    table: StepTable,
    *,
    ended_at_cutoff: Mapping[int, bool] | None = None,
    cutoffs: Cutoffs | None = None,
    counter_resolution_ah: float = 0.0,
) -> tuple[Cycle, ...]:
    """Cycles that moved charge, in order.

    Whether a step reached its cut-off is taken from `cutoffs` (of a protocol) first, then from the file's step
    table (`ended_at_cutoff`, by step number), then from repeats: the highest end voltage that at least two
    charges share, the lowest that two discharges share.
    """
    verdicts, source = _verdicts(table, ended_at_cutoff or {}, cutoffs)
    resolution_a = _current_resolution_a(records)
    found = []
    for number in np.unique(table.cycle):
        rows = np.flatnonzero(table.cycle == number)
        active = [int(row) for row in rows if table.kind[row] is not StepKind.REST]
        if active:
            found.append(
                _cycle(
                    int(number), table, rows, active, verdicts, source, counter_resolution_ah, resolution_a
                )
            )
    return tuple(found)


def _verdicts(
    table: StepTable, ended_at_cutoff: Mapping[int, bool], cutoffs: Cutoffs | None
) -> tuple[dict[int, bool], CutoffSource]:
    """Row of the step table → whether its half cycle was at the cut-off when it ended."""
    rows = range(table.size)
    if cutoffs is not None:
        return {row: _at_protocol_cutoff(table, row, cutoffs) for row in rows}, CutoffSource.PROTOCOL
    if ended_at_cutoff:
        told = {row: ended_at_cutoff.get(int(table.number[row])) for row in rows}
        return {row: verdict for row, verdict in told.items() if verdict is not None}, CutoffSource.STEP_TABLE
    verdicts: dict[int, bool] = {}
    for kind, sign in ((StepKind.CHARGE, 1.0), (StepKind.DISCHARGE, -1.0)):
        mine = [row for row in rows if table.kind[row] is kind]
        largest = max((abs(float(table.net_ah[row])) for row in mine), default=0.0)
        counting = [row for row in mine if abs(float(table.net_ah[row])) >= _COUNTS_FOR_CUTOFF * largest]
        if len(counting) < 2:
            continue
        ends = sign * table.end_v
        best = max(float(ends[row]) for row in counting)
        at_best = [row for row in counting if float(ends[row]) >= best - SAME_CUTOFF_V]
        if len(at_best) < 2:
            continue
        for row in mine:
            verdicts[row] = float(ends[row]) >= best - SAME_CUTOFF_V
    return verdicts, CutoffSource.REPEATS if verdicts else CutoffSource.UNKNOWN


def _at_protocol_cutoff(table: StepTable, row: int, cutoffs: Cutoffs) -> bool:
    if table.kind[row] is StepKind.CHARGE:
        at_voltage = float(table.end_v[row]) >= cutoffs.upper_v - SAME_CUTOFF_V
        if cutoffs.hold_current_a is None:
            return at_voltage
        return at_voltage and abs(float(table.end_a[row])) <= 1.05 * cutoffs.hold_current_a
    return float(table.end_v[row]) <= cutoffs.lower_v + SAME_CUTOFF_V


def _current_resolution_a(records: CyclerRecords) -> float:
    """The smallest difference between two currents of the file: how finely it gives them.

    Zero where only a few set currents occur, which tell nothing of it.
    """
    sample = np.unique(np.abs(records.current_a[:: max(1, records.size // 20_000)]))
    steps = np.diff(sample)
    steps = steps[steps > 1e-12]
    finest = float(steps.min()) if steps.size else 0.0
    return finest if finest <= _COARSEST_RESOLUTION * float(sample[-1]) else 0.0


def _cycle(
    number: int,
    table: StepTable,
    rows: NDArray[np.intp],
    active: list[int],
    verdicts: Mapping[int, bool],
    source: CutoffSource,
    counter_resolution_ah: float,
    current_resolution_a: float,
) -> Cycle:
    charges = [row for row in active if table.kind[row] is StepKind.CHARGE]
    discharges = [row for row in active if table.kind[row] is StepKind.DISCHARGE]
    charge, discharge = (
        _half(half, table, counter_resolution_ah, current_resolution_a) for half in (charges, discharges)
    )
    reached: bool | None = False
    if charges and discharges:
        ends = [_half_reached(half, verdicts, source) for half in (charges, discharges)]
        reached = False if False in ends else None if None in ends else True
    ce, reason = _efficiency(charge.capacity_ah, discharge.capacity_ah, reached, bool(charges and discharges))
    if ce is None and reached and discharges and active[0] in discharges:
        reason = (
            "the cycle begins with a discharge, as that of a half cell does, and gives back less than it took"
        )
    return Cycle(
        number=number,
        start_s=float(table.start_s[rows[0]]),
        end_s=float(table.start_s[rows[-1]] + table.duration_s[rows[-1]]),
        charge_ah=charge.capacity_ah,
        discharge_ah=discharge.capacity_ah,
        charge_source=charge.source,
        discharge_source=discharge.source,
        charge_integrated_ah=charge.integrated_ah,
        discharge_integrated_ah=discharge.integrated_ah,
        charge_counter_ah=charge.counted_ah,
        discharge_counter_ah=discharge.counted_ah,
        counter_deviation_pct=max(
            (one for one in (charge.deviation_pct, discharge.deviation_pct) if one is not None), default=None
        ),
        counters=max((charge.verdict, discharge.verdict), key=_BY_WEIGHT.index),
        cutoffs_reached=reached,
        cutoff_source=source,
        ratio_pct=100.0 * discharge.capacity_ah / charge.capacity_ah
        if charge.capacity_ah > 0 and discharges
        else None,
        ce_pct=ce,
        reason=reason,
        charge_end_v=float(table.end_v[charges[-1]]) if charges else None,
        discharge_end_v=float(table.end_v[discharges[-1]]) if discharges else None,
    )


def _half_reached(half: list[int], verdicts: Mapping[int, bool], source: CutoffSource) -> bool | None:
    """A step table knows how each step had to end, so that the last one decides; voltages are reached once."""
    if source is CutoffSource.STEP_TABLE:
        return verdicts.get(half[-1])
    told = [verdicts[row] for row in half if row in verdicts]
    return any(told) if told else None


def _half(
    rows: list[int], table: StepTable, counter_resolution_ah: float, current_resolution_a: float
) -> _Half:
    """The steps of one direction. Their own records tell how close an integral can be, not those of the other one."""
    integrated = float(np.sum(np.abs(table.net_ah[rows])))
    counted = float(np.sum(table.counted_ah[rows]))
    if not (math.isfinite(counted) and counted > 0):
        return _Half(integrated, counted, None, CounterVerdict.NONE)
    apart = abs(integrated - counted)
    hours = float(np.sum(table.duration_s[rows])) / 3600.0
    # A counter is off by one unit at each end; a rounded current by half a unit all the time.
    within = len(rows) * counter_resolution_ah + 0.5 * current_resolution_a * hours
    deviation = 100.0 * apart / counted
    if deviation <= MAX_COUNTER_DEVIATION_PCT:
        verdict = CounterVerdict.AGREES
    elif apart <= within:
        verdict = CounterVerdict.WITHIN_RESOLUTION
    # Between two records a current that only rises or only falls is at most this far from its trapezoid.
    elif apart <= (within + float(np.sum(table.slack_ah[rows]))) * _ROUNDING:
        verdict = CounterVerdict.UNRESOLVED
    else:
        verdict = CounterVerdict.DIFFERS
    return _Half(integrated, counted, deviation, verdict)


def _efficiency(
    charge_ah: float, discharge_ah: float, reached: bool | None, both: bool
) -> tuple[float | None, str]:
    if not both:
        return None, "the cycle has no charge or no discharge"
    if reached is False:
        return None, "a step of the cycle ended before its cut-off"
    if reached is None:
        return None, "the file does not tell whether charge and discharge ended at their cut-offs"
    try:
        return coulombic_efficiency_pct(charge_ah, discharge_ah), ""
    except ValueError as error:
        return None, str(error)
