"""Events in a dry room's humidity: spikes, door openings, and what follows from them.

A spike during a shift is a risk of all lots that were open in it: their formation limits are tightened (handbook 7.5,
12.3). The tightened limits are computed here and stored with their reason by whoever applies them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Magnus equation with the coefficients of Sonntag (1990) as WMO-No. 8 gives them.
_ICE = (611.2, 22.46, 272.62)
_WATER = (611.2, 17.62, 243.12)


class Surface(StrEnum):
    """Over what a sensor's dew point is meant. It belongs to the sensor and is never guessed."""

    ICE = "ice"
    WATER = "water"


@dataclass(frozen=True)
class Spike:
    """Readings in a row above the limit, in seconds and °C; `open_door` when a door stood open in it."""

    start_s: float
    end_s: float
    highest_c: float
    open_door: bool


@dataclass(frozen=True)
class TightenedLimits:
    lower: float | None
    upper: float | None
    reason: str


class ChecklistItem(StrEnum):
    """The seven items of the daily checklist (handbook 7.2)."""

    CALIBRATION = "calibration"
    PRESSURE = "pressure"
    STAGING = "staging"
    SEALED_CONTAINERS = "sealed_containers"
    OPEN_TIME_LOGGING = "open_time_logging"
    GLOVES = "gloves"
    DESICCANT_AND_SEALS = "desiccant_and_seals"


def vapour_pressure_magnus_pa(point_c: ArrayLike, surface: Surface) -> NDArray[np.float64]:
    """Saturation vapour pressure, Pa, by the Magnus equation: over ice −65 to 0 °C, over water −45 to 60 °C.

    Raises:
        ValueError: point_c is not finite or out of the range of the equation.
    """
    point = np.asarray(point_c, dtype=np.float64)
    low, high = (-65.0, 0.0) if surface is Surface.ICE else (-45.0, 60.0)
    if not np.all((point >= low) & (point <= high)):
        raise ValueError(f"point_c must lie between {low:g} and {high:g} °C over {surface}")
    scale, slope, offset = _ICE if surface is Surface.ICE else _WATER
    return np.asarray(scale * np.exp(slope * point / (offset + point)), dtype=np.float64)


def spikes(
    time_s: ArrayLike,
    frost_point_c: ArrayLike,
    *,
    limit_c: float,
    least_readings: int = 2,
    doors_s: ArrayLike = (),
) -> tuple[Spike, ...]:
    """Spikes above `limit_c` of at least `least_readings` readings. `doors_s` are rows of (opened, closed), (k, 2).

    Raises:
        ValueError: rows that do not match, or a time that does not increase.
    """
    time, frost = (np.asarray(row, dtype=np.float64) for row in (time_s, frost_point_c))
    if time.ndim != 1 or time.shape != frost.shape:
        raise ValueError("time_s and frost_point_c must be rows of the same length")
    if np.any(np.diff(time) <= 0):
        raise ValueError("time_s must increase")
    doors = np.asarray(doors_s, dtype=np.float64).reshape(-1, 2)
    above = np.concatenate(([False], frost > limit_c, [False]))
    edges = np.flatnonzero(np.diff(above.astype(int)))
    found = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start < least_readings:
            continue
        begin, end = float(time[start]), float(time[stop - 1])
        door = bool(np.any((doors[:, 0] <= end) & (doors[:, 1] >= begin)))
        found.append(Spike(begin, end, float(frost[start:stop].max()), door))
    return tuple(found)


def tightened(
    lower: float | None, upper: float | None, *, share: float, reason: str, target: float | None = None
) -> TightenedLimits:
    """Limits drawn in by `share`: of their distance to the target where there is one, else of their width on each
    side that exists, one-sided of the value.

    Raises:
        ValueError: no limit, a target beyond one, a share out of (0, 0.5), or no reason.
    """
    if lower is None and upper is None:
        raise ValueError("lower and upper are both missing: nothing to tighten")
    if target is not None and not ((lower is None or lower <= target) and (upper is None or target <= upper)):
        raise ValueError("target must lie within the limits")
    if not 0 < share < 0.5:
        raise ValueError("share must lie between 0 and 0.5")
    if not reason.strip():
        raise ValueError("reason must be given: tightened limits are audited")
    if target is not None:
        return TightenedLimits(
            None if lower is None else lower + share * (target - lower),
            None if upper is None else upper - share * (upper - target),
            reason,
        )
    if lower is not None and upper is not None:
        width = share * (upper - lower)
        return TightenedLimits(lower + width, upper - width, reason)
    new_lower = None if lower is None else lower + share * abs(lower)
    new_upper = None if upper is None else upper - share * abs(upper)
    return TightenedLimits(new_lower, new_upper, reason)


def checklist_blocks(done: dict[ChecklistItem, bool], *, calibration_due_in_s: float) -> tuple[str, ...]:
    """Why a shift may not start: items that are open or failed, and a calibration that has lapsed."""
    blocks = [f"{item} is not checked" for item in ChecklistItem if item not in done]
    blocks += [f"{item} failed" for item, passed in done.items() if not passed]
    if not math.isfinite(calibration_due_in_s) or calibration_due_in_s <= 0:
        blocks.append("calibration of a humidity sensor has lapsed")
    return tuple(blocks)
