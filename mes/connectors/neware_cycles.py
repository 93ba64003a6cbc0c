"""From the records of a cycler to its cycles: capacities, counters, cut-offs, efficiency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import pandas as pd  # type: ignore[import-untyped]

from lots.science.formation import capacity_ah, coulombic_efficiency_pct
from mes.connectors.neware_steps import StepEnd, StepLimits, reached_cutoff

MAX_COUNTER_DEVIATION_PCT = 0.1


@dataclass(frozen=True)
class CyclerCycle:
    """One cycle: a charge and the discharge after it. Capacities in Ah, integrated from the records.

    `*_counter_ah` are the instrument's own counts; `counter_deviation_pct` is the larger of the two relative
    differences, None where the instrument counted nothing. `cutoffs_reached` is None when the file does not
    tell. `ce_pct` exists only where both cut-offs were reached and the result is physical.
    """

    number: int
    charge_ah: float
    discharge_ah: float
    charge_counter_ah: float
    discharge_counter_ah: float
    counter_deviation_pct: float | None
    cutoffs_reached: bool | None
    ce_pct: float | None
    started_at: datetime
    ended_at: datetime

    @property
    def counters_agree(self) -> bool:
        """Integral and counter differ by at most 0.1 %."""
        deviation = self.counter_deviation_pct
        return deviation is not None and deviation <= MAX_COUNTER_DEVIATION_PCT


def instant(unix_s: float, wall_clock_zone: tzinfo | None) -> datetime:
    """UTC instant of a record. With a zone, `unix_s` counts that zone's wall clock."""
    instant = datetime.fromtimestamp(unix_s, UTC)
    return instant.replace(tzinfo=wall_clock_zone).astimezone(UTC) if wall_clock_zone else instant


def cycles_of(
    records: pd.DataFrame, limits: Mapping[int, StepLimits], zone: tzinfo | None
) -> tuple[CyclerCycle, ...]:
    by_cycle: dict[int, list[StepEnd]] = {}
    for _, step in records.groupby("step_count", sort=True):
        by_cycle.setdefault(int(step["cycle_count"].iloc[0]), []).append(_step_end(step))
    return tuple(
        _cycle(number, steps, limits, zone)
        for number, steps in sorted(by_cycle.items())
        if any(step.net_ah for step in steps)
    )


def _step_end(step: pd.DataFrame) -> StepEnd:
    last = step.iloc[-1]
    current_a = step["current_mA"].to_numpy(dtype="float64") / 1000.0
    counter_ah = float(last["capacity_mAh"]) / 1000.0
    moved_ah = capacity_ah(step["step_time_s"].to_numpy(), current_a)
    return StepEnd(
        step_index=int(last["step_index"]),
        step_type=int(last["step_type"]),
        net_ah=moved_ah if current_a.sum() >= 0 else -moved_ah,
        counter_ah=counter_ah,
        voltage_v=float(last["voltage_V"]),
        current_a=float(current_a[-1]),
        started_unix_s=float(step["unix_time_s"].iloc[0]),
        ended_unix_s=float(last["unix_time_s"]),
    )


def _cycle(
    number: int, steps: list[StepEnd], limits: Mapping[int, StepLimits], zone: tzinfo | None
) -> CyclerCycle:
    charges = [step for step in steps if step.net_ah > 0]
    discharges = [step for step in steps if step.net_ah < 0]
    charge, discharge = _total(charges, counted=False), _total(discharges, counted=False)
    charge_counter, discharge_counter = _total(charges, counted=True), _total(discharges, counted=True)
    deviations = [
        100.0 * abs(integrated - counted) / counted
        for integrated, counted in ((charge, charge_counter), (discharge, discharge_counter))
        if counted > 0
    ]
    cutoffs_reached = _both_reached(charges, discharges, limits)
    return CyclerCycle(
        number=number,
        charge_ah=charge,
        discharge_ah=discharge,
        charge_counter_ah=charge_counter,
        discharge_counter_ah=discharge_counter,
        counter_deviation_pct=max(deviations, default=None),
        cutoffs_reached=cutoffs_reached,
        ce_pct=_efficiency_pct(charge, discharge) if cutoffs_reached else None,
        started_at=instant(min(step.started_unix_s for step in steps), zone),
        ended_at=instant(max(step.ended_unix_s for step in steps), zone),
    )


def _total(steps: list[StepEnd], *, counted: bool) -> float:
    return sum(abs(step.counter_ah if counted else step.net_ah) for step in steps)


def _both_reached(
    charges: list[StepEnd], discharges: list[StepEnd], limits: Mapping[int, StepLimits]
) -> bool | None:
    """The last charge and the last discharge decide: earlier steps may end by time on purpose."""
    if not charges or not discharges:
        return False
    ends = (reached_cutoff(charges[-1], limits), reached_cutoff(discharges[-1], limits))
    if False in ends:
        return False
    return None if None in ends else True


def _efficiency_pct(charge_ah: float, discharge_ah: float) -> float | None:
    try:
        return coulombic_efficiency_pct(charge_ah, discharge_ah)
    except ValueError:
        return None


def counter_remarks(cycles: tuple[CyclerCycle, ...]) -> tuple[str, ...]:
    apart = [cycle for cycle in cycles if not cycle.counters_agree]
    if not apart:
        return ()
    named = ", ".join(str(cycle.number) for cycle in apart[:5]) + (" and more" if len(apart) > 5 else "")
    return (
        (
            f"Integrated capacity and the cycler's counter differ by more than {MAX_COUNTER_DEVIATION_PCT:g} %"
            f" (or nothing was counted) in {len(apart)} of {len(cycles)} cycles: {named}."
        ),
    )
