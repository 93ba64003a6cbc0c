"""After filling: vacuum profile, soak, time to seal, and what impedance says about wetting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike


class FillVerdict(StrEnum):
    GOOD = "good"
    UNDERFILL = "underfill"
    OVERFILL = "overfill"
    WETTING_OR_GAS = "wetting_or_trapped_gas"


@dataclass(frozen=True)
class VacuumStep:
    """One evacuation as recorded: lowest pressure, mbar, how long it stayed below venting, and when it began, s."""

    lowest_mbar: float
    held_s: float
    started_s: float = 0.0


@dataclass(frozen=True)
class VacuumStepSet:
    """What the recipe asks of one evacuation."""

    target_mbar: float
    hold_s: float


def vacuum_steps(
    time_s: ArrayLike, pressure_mbar: ArrayLike, *, vent_mbar: float = 500.0
) -> tuple[VacuumStep, ...]:
    """Evacuations in a pressure curve, one for each time it falls below `vent_mbar`; `held_s` is the time below.

    Raises:
        ValueError: rows that do not match, time that does not increase, or a pressure that is negative.
    """
    time, pressure = _checked(time_s, pressure_mbar)
    below = pressure < vent_mbar
    edges = np.flatnonzero(np.diff(np.concatenate(([False], below, [False])).astype(int)))
    steps = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        held = float(time[stop - 1] - time[start])
        steps.append(VacuumStep(float(pressure[start:stop].min()), held, float(time[start])))
    return tuple(steps)


def soaks_s(time_s: ArrayLike, pressure_mbar: ArrayLike, *, vent_mbar: float = 500.0) -> tuple[float, ...]:
    """How long the chamber stood vented after each evacuation, s: until the next one, or the end of the record.

    Raises:
        ValueError: as `vacuum_steps`.
    """
    steps = vacuum_steps(time_s, pressure_mbar, vent_mbar=vent_mbar)
    ends = [step.started_s + step.held_s for step in steps]
    following = [*(step.started_s for step in steps[1:]), float(np.asarray(time_s)[-1])]
    return tuple(after - end for end, after in zip(ends, following[: len(ends)], strict=True))


def missed_steps(
    time_s: ArrayLike, pressure_mbar: ArrayLike, recipe: list[VacuumStepSet], *, vent_mbar: float = 500.0
) -> tuple[str, ...]:
    """What the curve misses of the recipe's evacuations, in words; empty when all were run as set."""
    time, pressure = _checked(time_s, pressure_mbar)
    found = vacuum_steps(time, pressure, vent_mbar=vent_mbar)
    missed = []
    if len(found) != len(recipe):
        missed.append(f"{len(found)} evacuations were run, the recipe asks for {len(recipe)}")
    for number, (step, asked) in enumerate(zip(found, recipe, strict=False), start=1):
        if step.lowest_mbar > asked.target_mbar:
            missed.append(
                f"evacuation {number} reached {step.lowest_mbar:g} mbar, not {asked.target_mbar:g} mbar"
            )
        if step.held_s < asked.hold_s:
            missed.append(f"evacuation {number} held {step.held_s:g} s, not {asked.hold_s:g} s")
    return tuple(missed)


def fill_to_seal_min(filled_at_s: float, sealed_at_s: float) -> float:
    """Minutes between filling and seal.

    Raises:
        ValueError: sealed_at_s is before filled_at_s.
    """
    if not sealed_at_s >= filled_at_s:
        raise ValueError("sealed_at_s is before filled_at_s: check the clocks of the stations")
    return (sealed_at_s - filled_at_s) / 60.0


def fill_verdict(
    deviation_pct: float, *, window_pct: float, impedance_z: float | None, impedance_limit_z: float = 3.0
) -> FillVerdict:
    """Mass first; mass in its window with a high early impedance is wetting or trapped gas and not underfill.

    `impedance_z` is the robust z-score of the early impedance against the lot; None where it was not measured.

    Raises:
        ValueError: window_pct is not above zero.
    """
    if not window_pct > 0:
        raise ValueError("window_pct must be above zero")
    if deviation_pct < -window_pct:
        return FillVerdict.UNDERFILL
    if deviation_pct > window_pct:
        return FillVerdict.OVERFILL
    if impedance_z is not None and impedance_z > impedance_limit_z:
        return FillVerdict.WETTING_OR_GAS
    return FillVerdict.GOOD


def _checked(time_s: ArrayLike, pressure_mbar: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    time, pressure = (np.asarray(row, dtype=np.float64) for row in (time_s, pressure_mbar))
    if time.ndim != 1 or time.shape != pressure.shape or time.size < 2:
        raise ValueError("time_s and pressure_mbar must be rows of the same length, two readings or more")
    if not np.all(np.diff(time) > 0):
        raise ValueError("time_s must increase")
    if not np.all(np.isfinite(pressure)) or np.any(pressure < 0):
        raise ValueError("pressure_mbar must be finite and not negative")
    return time, pressure
