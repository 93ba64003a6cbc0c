"""What single curves show: shape over their share of charge, noise, reversals, a jump at the start, a warm moment."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

SHARE = np.linspace(0.02, 0.98, 97)
MAD_TO_SIGMA = 1.4826
NOISE_FACTOR = 5.0
_NOISE_WINDOW, _NOISE_ORDER = 31, 2


def normalised_curve(voltage_v: ArrayLike, capacity_ah: ArrayLike) -> NDArray[np.float64]:
    """Voltage at 2 to 98 % of the charge moved by the step, shape (97,), V.

    Raises:
        ValueError: rows of different length, or a step that moved no charge.
    """
    voltage, moved = (
        np.asarray(voltage_v, dtype=np.float64),
        np.abs(np.asarray(capacity_ah, dtype=np.float64)),
    )
    if voltage.ndim != 1 or voltage.shape != moved.shape or voltage.size < 2:
        raise ValueError("voltage_v and capacity_ah must be rows of the same length, two records or more")
    moved = np.maximum.accumulate(moved)
    if not np.isfinite(moved[-1]) or moved[-1] <= 0:
        raise ValueError("capacity_ah does not grow: the step moved no charge")
    return np.interp(SHARE, moved / moved[-1], voltage)


def capacity_at_voltage_ah(voltage_v: ArrayLike, capacity_ah: ArrayLike, level_v: float) -> float | None:
    """Charge moved when the step first reaches `level_v`, Ah; None when it never does."""
    voltage, moved = np.asarray(voltage_v, dtype=np.float64), np.asarray(capacity_ah, dtype=np.float64)
    rising = voltage[-1] >= voltage[0]
    reached = voltage >= level_v if rising else voltage <= level_v
    return float(moved[int(np.argmax(reached))]) if np.any(reached) else None


def rises_too_fast(ohmic_jump_v: float, current_a: float, *, resistance_limit_mohm: float) -> bool:
    """Whether the voltage jumps further at the start of a step (V_10s − V_0) than the resistance limit allows.

    Raises:
        ValueError: resistance_limit_mohm is not above zero.
    """
    if resistance_limit_mohm <= 0:
        raise ValueError("resistance_limit_mohm must be above zero")
    return abs(ohmic_jump_v) > 1e-3 * resistance_limit_mohm * abs(current_a)


def voltage_noise_v(voltage_v: ArrayLike) -> float | None:
    """Robust sigma of V around its Savitzky–Golay smooth (31 points, order 2), V; None for a shorter curve."""
    voltage = np.asarray(voltage_v, dtype=np.float64)
    if voltage.size < 2 * _NOISE_WINDOW:
        return None
    rest = voltage - scipy.signal.savgol_filter(voltage, _NOISE_WINDOW, _NOISE_ORDER)
    return MAD_TO_SIGMA * float(np.median(np.abs(rest - np.median(rest))))


def is_noisy(noise_v: float, lot_median_v: float) -> bool:
    """Whether a curve is more than five times as noisy as the median of its lot."""
    return noise_v > NOISE_FACTOR * lot_median_v


def slope_reversals(voltage_v: ArrayLike, capacity_ah: ArrayLike) -> int:
    """Sign changes of dV/dQ within a step, on 97 points: a regular plateau has none or few."""
    curve = normalised_curve(voltage_v, capacity_ah)
    slope = np.sign(np.diff(curve))
    slope = slope[slope != 0]
    return int(np.count_nonzero(np.diff(slope)))


def temperature_excursion_c(temperature_c: ArrayLike) -> float | None:
    """Largest deviation of the temperature from the median of the test, °C; None without readings."""
    temperature = np.asarray(temperature_c, dtype=np.float64)
    temperature = temperature[np.isfinite(temperature)]
    if temperature.size == 0:
        return None
    return float(np.max(np.abs(temperature - np.median(temperature))))
