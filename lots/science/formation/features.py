"""Everything computed from one test, in one result: cycles, trend, resistances, curve features, findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lots.science.formation.capacity import FirstCycle, first_cycle
from lots.science.formation.compliance import Compliance, check_compliance
from lots.science.formation.counters import UNKNOWN_PRECISION, CounterPrecision
from lots.science.formation.cycles import Cutoffs, Cycle, cycles
from lots.science.formation.detectors import slope_reversals, temperature_excursion_c, voltage_noise_v
from lots.science.formation.incremental import IncrementalCapacity, incremental_capacity
from lots.science.formation.protocol import FormationProtocol
from lots.science.formation.records import CyclerRecords
from lots.science.formation.resistance import STATED_TIMES_S, StepResistance, step_resistances
from lots.science.formation.segments import StepKind, StepTable, step_curve, step_table
from lots.science.formation.trend import EfficiencyTrend, efficiency_trend


@dataclass(frozen=True)
class HalfCycleFeatures:
    """Features of the largest step of one direction in one cycle; voltages V, `noise_v` None for few records.

    `capacity_ah` is what the step's curve moves: integrated, whatever a counter says.
    """

    cycle: int
    kind: StepKind
    capacity_ah: float
    mean_voltage_v: float
    noise_v: float | None
    slope_reversals: int


@dataclass(frozen=True)
class FormationResult:
    """`first` is None where the first cycle has no efficiency; the reason stands with the cycle."""

    table: StepTable
    cycles: tuple[Cycle, ...]
    first: FirstCycle | None
    trend: EfficiencyTrend | None
    resistances: tuple[StepResistance, ...]
    halves: tuple[HalfCycleFeatures, ...]
    incremental: Mapping[StepKind, IncrementalCapacity]
    temperature_excursion_c: float | None
    compliance: Compliance | None


def formation_result(
    records: CyclerRecords,
    *,
    ended_at_cutoff: Mapping[int, bool] | None = None,
    counter: CounterPrecision = UNKNOWN_PRECISION,
    protocol: FormationProtocol | None = None,
    nominal_capacity_ah: float | None = None,
) -> FormationResult:
    """Evaluate checked records; `compliance` is None without a protocol to hold them against."""
    table = step_table(records)
    cutoffs: Cutoffs | None = protocol.cutoffs if protocol else None
    found = cycles(
        records,
        table,
        ended_at_cutoff=ended_at_cutoff,
        cutoffs=cutoffs,
        counter=counter,
    )
    resistances = tuple(
        one for stated in STATED_TIMES_S for one in step_resistances(records, table, stated_s=stated)
    )
    compliance = None
    if protocol is not None:
        compliance = check_compliance(
            records, table, protocol, nominal_capacity_ah=nominal_capacity_ah, resistances=resistances
        )
    with_ce = [cycle for cycle in found if cycle.ce_pct is not None]
    return FormationResult(
        table=table,
        cycles=found,
        first=_first(found),
        trend=efficiency_trend(
            [cycle.number for cycle in with_ce], [cycle.ce_pct or 0.0 for cycle in with_ce]
        ),
        resistances=resistances,
        halves=_halves(records, table, found),
        incremental=_incremental(records, table),
        temperature_excursion_c=(
            None if records.temperature_c is None else temperature_excursion_c(records.temperature_c)
        ),
        compliance=compliance,
    )


def _first(found: tuple[Cycle, ...]) -> FirstCycle | None:
    if not found or found[0].ce_pct is None:
        return None
    return first_cycle(found[0].charge_ah, found[0].discharge_ah, cutoffs_reached=True)


def _largest(table: StepTable, kind: StepKind, number: int | None = None) -> int | None:
    rows = [
        row
        for row in range(table.size)
        if table.kind[row] is kind and (number is None or int(table.cycle[row]) == number)
    ]
    return max(rows, key=lambda row: abs(float(table.net_ah[row])), default=None)


def _halves(
    records: CyclerRecords, table: StepTable, found: tuple[Cycle, ...]
) -> tuple[HalfCycleFeatures, ...]:
    halves = []
    for cycle in found:
        for kind in (StepKind.CHARGE, StepKind.DISCHARGE):
            row = _largest(table, kind, cycle.number)
            if row is None:
                continue
            voltage, moved = step_curve(records, table, row)
            if voltage.size < 3 or moved[-1] <= 0:
                continue
            span = float(moved[-1] - moved[0])
            mean = (
                float(((voltage[1:] + voltage[:-1]) / 2 * (moved[1:] - moved[:-1])).sum() / span)
                if span
                else 0.0
            )
            halves.append(
                HalfCycleFeatures(
                    cycle=cycle.number,
                    kind=kind,
                    capacity_ah=float(moved[-1]),
                    mean_voltage_v=mean,
                    noise_v=voltage_noise_v(voltage),
                    slope_reversals=slope_reversals(voltage, moved),
                )
            )
    return tuple(halves)


def _incremental(records: CyclerRecords, table: StepTable) -> dict[StepKind, IncrementalCapacity]:
    """dQ/dV of the largest charge and of the largest discharge, where they are long enough for it."""
    curves = {}
    for kind in (StepKind.CHARGE, StepKind.DISCHARGE):
        row = _largest(table, kind)
        if row is None:
            continue
        try:
            curves[kind] = incremental_capacity(*step_curve(records, table, row))
        except ValueError:
            continue
    return curves
