"""The first charge of a test, as what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lots.science.formation.detectors import (
    normalised_curve,
    slope_reversals,
    temperature_excursion_c,
    voltage_noise_v,
)
from lots.science.formation.records import CyclerRecords
from lots.science.formation.resistance import step_resistances
from lots.science.formation.segments import StepKind, StepTable, step_curve

# After which the jump at the start of the charge is read, s.
JUMP_S = 10.0


@dataclass(frozen=True)
class FirstCharge:
    """Normalised curve, V, shape (97,), and capacity, Ah; what the records do not tell is None.

    `noise_v` is its robust noise, `reversals` how often its slope changes sign. `jump_v` is how far the voltage jumps
    in the first ten seconds, when the current changes by `jump_a`. `excursion_c` is of the temperature of the test.
    """

    curve_v: NDArray[np.float64]
    end_ah: float
    noise_v: float | None
    reversals: int
    jump_v: float | None = None
    jump_a: float | None = None
    excursion_c: float | None = None


def charge_of_curve(
    voltage_v: ArrayLike,
    capacity_ah: ArrayLike,
    *,
    jump_v: float | None = None,
    jump_a: float | None = None,
    excursion_c: float | None = None,
) -> FirstCharge:
    """Describe a charge given as voltage (V) over charge moved (Ah), rows of the same length.

    Raises:
        ValueError: rows of different length, or a step that moved no charge.
    """
    return FirstCharge(
        curve_v=normalised_curve(voltage_v, capacity_ah),
        end_ah=float(np.abs(np.asarray(capacity_ah, dtype=np.float64)[-1])),
        noise_v=voltage_noise_v(voltage_v),
        reversals=slope_reversals(voltage_v, capacity_ah),
        jump_v=jump_v,
        jump_a=jump_a,
        excursion_c=excursion_c,
    )


def first_charge(records: CyclerRecords, table: StepTable) -> FirstCharge | None:
    """The first charge of a test; None where it has none that moved anything."""
    row = next((row for row in range(table.size) if table.kind[row] is StepKind.CHARGE), None)
    if row is None:
        return None
    at_start = [
        one for one in step_resistances(records, table, stated_s=JUMP_S) if one.step == int(table.number[row])
    ]
    warm = None if records.temperature_c is None else temperature_excursion_c(records.temperature_c)
    try:
        return charge_of_curve(
            *step_curve(records, table, row),
            jump_v=1e-3 * at_start[0].resistance_mohm * abs(at_start[0].current_step_a) if at_start else None,
            jump_a=at_start[0].current_step_a if at_start else None,
            excursion_c=warm,
        )
    except ValueError:
        return None
