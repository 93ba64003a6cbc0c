"""Cycles of a test: capacities, the counters' opinion of them, whether cut-offs were reached, efficiency.

An efficiency is defined only where charge and discharge of the cycle both ended at their cut-off: a partial first
discharge gives a number like 0.18 that looks like a result and is not one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lots.science.formation.capacity import coulombic_efficiency_pct
from lots.science.formation.counters import (
    UNKNOWN_PRECISION,
    CapacitySource,
    CounterPrecision,
    CounterVerdict,
    HalfCycle,
    half_cycles,
    heavier,
)
from lots.science.formation.records import CyclerRecords
from lots.science.formation.segments import StepKind, StepTable

# Ends of two half cycles this close in voltage are the same cut-off, which the schedule must have set.
SAME_CUTOFF_V = 0.005
# A half cycle shorter than this share of the longest one says nothing about where half cycles end.
_COUNTS_FOR_CUTOFF = 0.02


class CutoffSource(StrEnum):
    STEP_TABLE = "step_table"
    PROTOCOL = "protocol"
    REPEATS = "inferred_from_repeats"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Cutoffs:
    """Voltages at which charge and discharge should end; `hold_current_a` ends a hold, None without one."""

    upper_v: float
    lower_v: float
    hold_current_a: float | None = None


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
    counter: CounterPrecision = UNKNOWN_PRECISION,
) -> tuple[Cycle, ...]:
    """Cycles that moved charge, in order.

    Whether a step reached its cut-off is taken from `cutoffs` (of a protocol) first, then from the file's step
    table (`ended_at_cutoff`, by step number), then from repeats: the highest end voltage that at least two
    charges share, the lowest that two discharges share. `counter` says how finely the instrument counts.
    """
    verdicts, source = _verdicts(table, ended_at_cutoff or {}, cutoffs)
    by_cycle = [np.flatnonzero(table.cycle == number) for number in np.unique(table.cycle)]
    by_cycle = [rows for rows in by_cycle if any(table.kind[row] is not StepKind.REST for row in rows)]
    halves = half_cycles(
        [_of_kind(rows, table, kind) for rows in by_cycle for kind in (StepKind.CHARGE, StepKind.DISCHARGE)],
        records,
        table,
        counter,
    )
    pairs = zip(by_cycle, halves[::2], halves[1::2], strict=True)
    return tuple(
        _cycle(table, rows, charge, discharge, verdicts, source) for rows, charge, discharge in pairs
    )


def _of_kind(rows: NDArray[np.intp], table: StepTable, kind: StepKind) -> list[int]:
    return [int(row) for row in rows if table.kind[row] is kind]


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


def _cycle(
    table: StepTable,
    rows: NDArray[np.intp],
    charge: HalfCycle,
    discharge: HalfCycle,
    verdicts: Mapping[int, bool],
    source: CutoffSource,
) -> Cycle:
    charges, discharges = (_of_kind(rows, table, kind) for kind in (StepKind.CHARGE, StepKind.DISCHARGE))
    reached: bool | None = False
    if charges and discharges:
        ends = [_half_reached(steps, verdicts, source) for steps in (charges, discharges)]
        reached = False if False in ends else None if None in ends else True
    ce, reason = _efficiency(charge.capacity_ah, discharge.capacity_ah, reached, bool(charges and discharges))
    if ce is None and reached and discharges and min(discharges) < min(charges):
        reason = (
            "the cycle begins with a discharge, as that of a half cell does, and gives back less than it took"
        )
    return Cycle(
        number=int(table.cycle[rows[0]]),
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
        counters=heavier(charge.verdict, discharge.verdict),
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
