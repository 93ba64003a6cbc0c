"""Incremental capacity: dQ/dV over voltage of one charge or discharge, and its peaks.

Q is put on a grid of 2 mV over strictly monotone voltage and differentiated by a Savitzky–Golay filter. The window
is stated in mV and not in samples, so that files of different sampling give one answer: a window of 102 mV loses a
peak that one of 50 mV shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

GRID_V = 0.002
WINDOW_MV = 50.0
_ORDER = 3
# A record this close to the highest (lowest) voltage of the step belongs to the hold, which has no dV.
_HOLD_V = 0.001
# A peak stands out by at least this share of the highest value.
_PROMINENCE = 0.1


@dataclass(frozen=True)
class Peak:
    """A peak of |dQ/dV|: position in V, height and prominence in Ah/V."""

    voltage_v: float
    height_ah_v: float
    prominence_ah_v: float


@dataclass(frozen=True)
class IncrementalCapacity:
    """dQ/dV on a grid, shape (k,), Ah/V, positive for charge and discharge alike."""

    voltage_v: NDArray[np.float64]
    dqdv_ah_v: NDArray[np.float64]
    window_mv: float
    peaks: tuple[Peak, ...]


def incremental_capacity(
    voltage_v: ArrayLike, capacity_ah: ArrayLike, *, window_mv: float = WINDOW_MV
) -> IncrementalCapacity:
    """dQ/dV of one step from voltage and charge moved since its start, both (n,) in order of time.

    The hold at the end is left out.

    Raises:
        ValueError: rows of different length, a window below 10 mV, or a curve shorter than the window.
    """
    voltage, moved = np.asarray(voltage_v, dtype=np.float64), np.asarray(capacity_ah, dtype=np.float64)
    if voltage.ndim != 1 or voltage.shape != moved.shape:
        raise ValueError("voltage_v and capacity_ah must be rows of the same length")
    if not np.isfinite(window_mv) or window_mv < 5 * GRID_V * 1000:
        raise ValueError("window_mv must be at least 10 mV, five points of the grid")
    if voltage.size < 2:
        raise ValueError("voltage_v needs at least two records")
    direction = 1.0 if voltage[-1] >= voltage[0] else -1.0
    rising = direction * voltage
    arrival = int(np.argmax(rising >= rising.max() - _HOLD_V)) + 1
    rising, moved = rising[:arrival], np.abs(moved[:arrival])
    highest = np.maximum.accumulate(rising)
    is_new = np.concatenate(([True], np.diff(highest) > 0))
    rising, moved = highest[is_new], moved[is_new]

    points = round(window_mv / (GRID_V * 1000)) | 1
    first, last = np.ceil(rising[0] / GRID_V), np.floor(rising[-1] / GRID_V)
    grid = np.arange(first, last + 0.5) * GRID_V
    if grid.size < points:
        raise ValueError(f"voltage_v spans {1000 * (rising[-1] - rising[0]):.0f} mV, less than the window")
    on_grid = np.interp(grid, rising, moved)
    derivative = scipy.signal.savgol_filter(on_grid, points, _ORDER, deriv=1, delta=GRID_V)
    tops, found = scipy.signal.find_peaks(derivative, prominence=_PROMINENCE * float(derivative.max()))
    peaks = tuple(
        Peak(float(direction * grid[i]), float(derivative[i]), float(prominence))
        for i, prominence in zip(tops, found["prominences"], strict=True)
    )
    if direction < 0:
        grid, derivative, peaks = -grid[::-1], derivative[::-1], peaks[::-1]
    return IncrementalCapacity(grid, derivative, window_mv, peaks)
