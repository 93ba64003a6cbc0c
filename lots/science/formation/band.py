"""A charge curve against the band of good cells, and detectors of single curves.

The charge is normalised to Q/Q_end on 97 points from 2 to 98 %; the band is the median ± 4·max(1.4826·MAD, 3 mV).
This normalisation hides a low capacity, so the end capacity has a band of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

SHARE = np.linspace(0.02, 0.98, 97)
WIDTH = 4.0
MAD_TO_SIGMA = 1.4826
LEAST_SIGMA_V = 0.003
MIN_CELLS = 20
OUT_PCT = 10.0
NOISE_FACTOR = 5.0
_NOISE_WINDOW, _NOISE_ORDER = 31, 2


class Alarm(StrEnum):
    """What a curve shows, named by what it points to in the handbook's table."""

    OUT_OF_BAND = "out_of_band"
    CAPACITY_OUT_OF_BAND = "capacity_out_of_band"
    RISES_TOO_FAST = "rises_too_fast"
    NOISY = "noisy"
    IRREGULAR_PLATEAU = "irregular_plateau"
    TEMPERATURE_EXCURSION = "temperature_excursion"
    EARLY_CUTOFF = "early_cutoff"


@dataclass(frozen=True)
class VoltageBand:
    """Median and robust sigma of voltage, V, at each share of the charge, shape (97,); the same of the capacity.

    A band belongs to one protocol version. `provisional` bands (fewer than 20 cells) must not judge.
    """

    protocol: str
    median_v: NDArray[np.float64]
    sigma_v: NDArray[np.float64]
    median_ah: float
    sigma_ah: float
    cells: int

    @property
    def provisional(self) -> bool:
        return self.cells < MIN_CELLS

    @property
    def lower_v(self) -> NDArray[np.float64]:
        return self.median_v - WIDTH * self.sigma_v

    @property
    def upper_v(self) -> NDArray[np.float64]:
        return self.median_v + WIDTH * self.sigma_v


@dataclass(frozen=True)
class BandVerdict:
    """Share of points outside the band and largest deviation in sigmas; `alarms` is empty when all is well."""

    out_pct: float
    max_z: float
    capacity_z: float
    alarms: tuple[Alarm, ...]


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


def voltage_band(curves_v: Sequence[NDArray[np.float64]], end_ah: ArrayLike, *, protocol: str) -> VoltageBand:
    """Band of normalised curves of good cells, all of one protocol version. `end_ah` has one value a curve.

    Raises:
        ValueError: no curve, or another number of capacities than curves.
    """
    curves, capacities = np.asarray(curves_v, dtype=np.float64), np.asarray(end_ah, dtype=np.float64)
    if curves.ndim != 2 or curves.shape[1] != SHARE.size:
        raise ValueError(f"curves_v must be normalised curves of {SHARE.size} points")
    if capacities.shape != (curves.shape[0],):
        raise ValueError("end_ah must hold one capacity a curve")
    median = np.median(curves, axis=0)
    sigma = MAD_TO_SIGMA * np.median(np.abs(curves - median), axis=0)
    middle = float(np.median(capacities))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(capacities - middle)))
    return VoltageBand(
        protocol=protocol,
        median_v=median,
        sigma_v=np.maximum(sigma, LEAST_SIGMA_V),
        median_ah=middle,
        sigma_ah=max(spread, 1e-3 * middle),
        cells=int(curves.shape[0]),
    )


def compare_with_band(
    curve_v: NDArray[np.float64], end_ah: float, band: VoltageBand, *, protocol: str
) -> BandVerdict:
    """Judge a normalised curve. Alarm when more than 10 % of its points are outside.

    Raises:
        ValueError: the curve ran under another protocol version than the band.
    """
    if protocol != band.protocol:
        raise ValueError(
            f"protocol {protocol} does not compare with a band of {band.protocol}: a changed profile needs a"
            " new baseline"
        )
    z = (np.asarray(curve_v, dtype=np.float64) - band.median_v) / band.sigma_v
    out_pct = 100.0 * float(np.mean(np.abs(z) > WIDTH))
    capacity_z = (end_ah - band.median_ah) / band.sigma_ah
    alarms = [Alarm.OUT_OF_BAND] if out_pct > OUT_PCT else []
    if abs(capacity_z) > WIDTH:
        alarms.append(Alarm.CAPACITY_OUT_OF_BAND)
    return BandVerdict(out_pct, float(np.max(np.abs(z))), capacity_z, tuple(alarms))


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
