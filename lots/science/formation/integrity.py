"""Does what was recorded of a test agree with its raw records? Charge as the integral of current over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lots.science.formation.capacity import capacity_ah
from lots.science.formation.cycles import cycles
from lots.science.formation.records import CyclerRecords
from lots.science.formation.segments import step_table

# Two integrals at 0.02 % of full scale and six decimals of the recorded value stay far below.
TOLERANCE_PCT = 0.5


@dataclass(frozen=True)
class ChargeMoved:
    """Charge and discharge of a whole test, A·h, both positive: integrated; and with the counter's capacities where the
    records do not resolve the current."""

    charge_ah: float
    discharge_ah: float
    charge_resolved_ah: float
    discharge_resolved_ah: float


def charge_moved(records: CyclerRecords) -> ChargeMoved:
    """Trapezoid of current over time, step by step, so that the jump of current between two steps counts for neither.

    Raises:
        ValueError: current or time is not finite, or time runs backwards.
    """
    totals = {1: 0.0, -1: 0.0}
    edges = np.flatnonzero(np.diff(records.step)) + 1
    for rows in np.split(np.arange(records.size), edges):
        if rows.size < 2:
            continue
        current = records.current_a[rows]
        sign = 1 if float(current.mean()) > 0 else -1
        totals[sign] += capacity_ah(records.time_s[rows], current)
    found = cycles(records, step_table(records))
    return ChargeMoved(
        charge_ah=totals[1],
        discharge_ah=totals[-1],
        charge_resolved_ah=totals[1] + sum(one.charge_ah - one.charge_integrated_ah for one in found),
        discharge_resolved_ah=totals[-1]
        + sum(one.discharge_ah - one.discharge_integrated_ah for one in found),
    )


def deviation_pct(recorded_ah: float, integral_ah: float) -> float:
    """How far a recorded capacity is off the integral, % of the integral; infinite where the integral is zero."""
    if integral_ah == 0:
        return 0.0 if recorded_ah == 0 else float("inf")
    return 100.0 * abs(recorded_ah - integral_ah) / integral_ah
