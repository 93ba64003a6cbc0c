"""Capacities and efficiencies of formation cycles, and direct-current resistance.

Charge current is positive, discharge current negative, whatever the instrument writes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

# Two integrals at 0.02 % of full scale give ±0.03 %; more than 100.2 % is the instrument, not the cell.
MAX_COULOMBIC_EFFICIENCY_PCT = 100.2


@dataclass(frozen=True)
class FirstCycle:
    """First-cycle efficiency (%) and the capacity lost irreversibly in it (% of the charge, and Ah)."""

    efficiency_pct: float
    irreversible_loss_pct: float
    irreversible_loss_ah: float


def capacity_ah(time_s: ArrayLike, current_a: ArrayLike) -> float:
    """Charge moved in one step, Ah, always positive: trapezoid of current (A) over time (s).

    Raises:
        ValueError: time_s or current_a is not a finite row of the same length, or time runs backwards.
    """
    time = np.asarray(time_s, dtype=np.float64)
    current = np.asarray(current_a, dtype=np.float64)
    if time.ndim != 1 or time.shape != current.shape:
        raise ValueError("time_s and current_a must be rows of the same length")
    if not np.all(np.isfinite(time)) or np.any(np.diff(time) < 0):
        raise ValueError("time_s must be finite and must not run backwards")
    if not np.all(np.isfinite(current)):
        raise ValueError("current_a must be finite")
    return abs(float(np.trapezoid(current, time))) / 3600.0


def coulombic_efficiency_pct(charge_ah: float, discharge_ah: float) -> float:
    """Discharge capacity in % of the charge capacity of the same cycle.

    Raises:
        ValueError: a capacity cannot be used, or the result above 100.2 % shows a measurement fault.
    """
    if not math.isfinite(charge_ah) or charge_ah <= 0:
        raise ValueError("charge_ah must be finite and above zero")
    if not math.isfinite(discharge_ah) or discharge_ah < 0:
        raise ValueError("discharge_ah must be finite and not negative")
    efficiency = 100.0 * discharge_ah / charge_ah
    if efficiency > MAX_COULOMBIC_EFFICIENCY_PCT:
        raise ValueError(
            f"discharge {discharge_ah:g} Ah exceeds charge {charge_ah:g} Ah: an efficiency of"
            f" {efficiency:.2f} % is a measurement fault, check the cycler channel"
        )
    return efficiency


def first_cycle(charge_ah: float, discharge_ah: float, *, cutoffs_reached: bool) -> FirstCycle:
    """First-cycle efficiency and irreversible loss. Defined only when both steps ended at their cut-off.

    A partial first discharge gives a number like 0.18 that looks like a result and is not one.

    Raises:
        ValueError: cutoffs_reached is false, or a capacity cannot be used.
    """
    if not cutoffs_reached:
        raise ValueError(
            "a half of the first cycle ended before its cut-off (cutoffs_reached is false), so that its"
            " efficiency is not defined"
        )
    efficiency = coulombic_efficiency_pct(charge_ah, discharge_ah)
    return FirstCycle(
        efficiency_pct=efficiency,
        irreversible_loss_pct=100.0 - efficiency,
        irreversible_loss_ah=charge_ah - discharge_ah,
    )


def dc_resistance_mohm(
    *, voltage_before_v: float, voltage_after_v: float, current_before_a: float, current_after_a: float
) -> float:
    """Resistance of a current step, mΩ: ``(V_before − V_after) / (I_before − I_after)``.

    State the time between the two readings with the result (0.1, 1, 10 or 30 s), and never compare results of
    different temperatures.

    Raises:
        ValueError: a value is not finite, there is no current step, or voltage moves against the current.
    """
    values = (voltage_before_v, voltage_after_v, current_before_a, current_after_a)
    if not all(math.isfinite(value) for value in values):
        raise ValueError("voltages and currents must be finite")
    step_a = current_before_a - current_after_a
    if step_a == 0:
        raise ValueError("current_after_a equals current_before_a: without a current step no resistance")
    resistance = 1000.0 * (voltage_before_v - voltage_after_v) / step_a
    if resistance < 0:
        raise ValueError("voltage_after_v moves against the current step: check the sign of the current")
    return resistance
