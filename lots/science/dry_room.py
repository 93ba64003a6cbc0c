"""Water in dry-room air, and the moisture dose of material that stood open in it.

A frost point is a temperature of saturation over ice. A sensor that reports a dew point over water gives
another vapour pressure for the same number (48 % more at −40 °C), so the two are never mixed here.
The enhancement factor of water vapour in air (about 1.005 at 1 atm) is left out: a sensor error of ±1 °C is
±12 % of the water content at −40 °C.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

STANDARD_PRESSURE_PA = 101_325.0
MAX_GAP_S = 300.0

_KELVIN = 273.15
_WATER_G_MOL = 18.01528
_AIR_G_MOL = 28.965
_GAS_CONSTANT = 8.314462618  # J/(mol K), CODATA 2018


@dataclass(frozen=True)
class WaterContent:
    """Water in air of one frost point. `ppmv` is per volume of moist air; `ppmv_dry` and `ppm_mass` of dry."""

    vapour_pressure_pa: float
    ppmv: float
    ppmv_dry: float
    ppm_mass: float
    absolute_humidity_g_m3: float
    relative_humidity_pct: float


@dataclass(frozen=True)
class MoistureDose:
    """Integral of absolute humidity over one open interval, g·h/m³; None when it is not known.

    Unknown is never zero: `reason` says which part of the interval no reading covers.
    """

    dose_g_h_m3: float | None
    open_min: float
    reason: str = ""


def vapour_pressure_over_ice_pa(frost_point_c: ArrayLike) -> NDArray[np.float64]:
    """Saturation vapour pressure over ice, Pa (Sonntag 1990), for −100 to 0 °C.

    Raises:
        ValueError: frost_point_c is not finite or outside the range of the equation.
    """
    celsius = np.asarray(frost_point_c, dtype=np.float64)
    if not np.all((celsius >= -100) & (celsius <= 0)):
        raise ValueError(
            "frost_point_c must lie between -100 and 0 °C; above 0 °C there is no ice, check the sensor"
        )
    t = celsius + _KELVIN
    exponent = 24.721994 - 6024.5282 / t + 1.0613868e-2 * t - 1.3198825e-5 * t**2 - 0.49382577 * np.log(t)
    return np.asarray(100.0 * np.exp(exponent), dtype=np.float64)


def vapour_pressure_over_water_pa(dew_point_c: ArrayLike) -> NDArray[np.float64]:
    """Saturation vapour pressure over (supercooled) water, Pa (Sonntag 1990), for −100 to 100 °C.

    Raises:
        ValueError: dew_point_c is not finite or outside the range of the equation.
    """
    celsius = np.asarray(dew_point_c, dtype=np.float64)
    if not np.all((celsius >= -100) & (celsius <= 100)):
        raise ValueError("dew_point_c must lie between -100 and 100 °C")
    t = celsius + _KELVIN
    exponent = 16.635794 - 6096.9385 / t - 2.711193e-2 * t + 1.673952e-5 * t**2 + 2.433502 * np.log(t)
    return np.asarray(100.0 * np.exp(exponent), dtype=np.float64)


def absolute_humidity_g_m3(frost_point_c: ArrayLike, air_temperature_c: float) -> NDArray[np.float64]:
    """Grams of water in a cubic metre of air. `air_temperature_c` is that of the air, not of the frost point.

    Raises:
        ValueError: frost_point_c or air_temperature_c is out of range.
    """
    if not -50 <= air_temperature_c <= 100:
        raise ValueError("air_temperature_c must lie between -50 and 100 °C")
    pressure = vapour_pressure_over_ice_pa(frost_point_c)
    return pressure * _WATER_G_MOL / (_GAS_CONSTANT * (air_temperature_c + _KELVIN))


def water_content(
    frost_point_c: float, *, air_temperature_c: float = 20.0, pressure_pa: float = STANDARD_PRESSURE_PA
) -> WaterContent:
    """Every usual measure of the water content of air with this frost point at this total pressure.

    Raises:
        ValueError: frost_point_c or air_temperature_c is out of range, or pressure_pa below the vapour pressure.
    """
    vapour = float(vapour_pressure_over_ice_pa(frost_point_c))
    humidity = float(absolute_humidity_g_m3(frost_point_c, air_temperature_c))
    if not np.isfinite(pressure_pa) or pressure_pa <= vapour:
        raise ValueError("pressure_pa must be finite and above the vapour pressure")
    dry = 1e6 * vapour / (pressure_pa - vapour)
    return WaterContent(
        vapour_pressure_pa=vapour,
        ppmv=1e6 * vapour / pressure_pa,
        ppmv_dry=dry,
        ppm_mass=dry * _WATER_G_MOL / _AIR_G_MOL,
        absolute_humidity_g_m3=humidity,
        relative_humidity_pct=100.0 * vapour / float(vapour_pressure_over_water_pa(air_temperature_c)),
    )


def moisture_dose(
    opened_at_s: float,
    closed_at_s: float,
    series_t_s: ArrayLike,
    frost_point_c: ArrayLike,
    *,
    air_temperature_c: float,
    max_gap_s: float = MAX_GAP_S,
) -> MoistureDose:
    """Integrate absolute humidity over one open interval: convert each reading, then trapezoid.

    The frost point is never averaged first (−23 % in the worked example). Readings outside the interval serve
    to interpolate its ends; without one, the nearest reading holds for up to `max_gap_s`.

    Args:
        opened_at_s, closed_at_s, series_t_s: seconds on one clock; the series may come in any order.
        frost_point_c: (n,) °C over ice.

    Raises:
        ValueError: closed_at_s before opened_at_s, rows of different length, or a value out of range.
    """
    times = np.asarray(series_t_s, dtype=np.float64)
    frost = np.asarray(frost_point_c, dtype=np.float64)
    if not np.isfinite(opened_at_s) or not np.isfinite(closed_at_s) or closed_at_s < opened_at_s:
        raise ValueError("closed_at_s must not be before opened_at_s")
    if times.ndim != 1 or times.shape != frost.shape or not np.all(np.isfinite(times)):
        raise ValueError("series_t_s and frost_point_c must be finite rows of the same length")
    open_min = (closed_at_s - opened_at_s) / 60.0

    order = np.argsort(times, kind="stable")
    times, frost = times[order], frost[order]
    near = (times >= opened_at_s - max_gap_s) & (times <= closed_at_s + max_gap_s)
    times, frost = times[near], frost[near]
    if times.size == 0:
        return MoistureDose(None, open_min, "no frost point was read while the container stood open")
    inside = times[(times > opened_at_s) & (times < closed_at_s)]
    start = times[times <= opened_at_s][-1] if times[0] <= opened_at_s else opened_at_s
    end = times[times >= closed_at_s][0] if times[-1] >= closed_at_s else closed_at_s
    longest_gap = float(np.max(np.diff(np.concatenate(([start], inside, [end])))))
    if longest_gap > max_gap_s:
        return MoistureDose(
            None,
            open_min,
            f"no frost point for {longest_gap / 60:.1f} min while the container stood open"
            f" (at most {max_gap_s / 60:g} min)",
        )
    humidity = absolute_humidity_g_m3(frost, air_temperature_c)
    grid = np.concatenate(([opened_at_s], inside, [closed_at_s]))
    dose = float(np.trapezoid(np.interp(grid, times, humidity), grid)) / 3600.0
    return MoistureDose(dose, open_min)


def unknown_gaps_s(
    opened_at_s: float, closed_at_s: float, series_t_s: ArrayLike, *, max_gap_s: float = MAX_GAP_S
) -> tuple[tuple[float, float], ...]:
    """The parts of an open interval that no reading covers, as `moisture_dose` judges them: (from, to), seconds.

    `series_t_s` may come in any order. Unknown is never zero: one such part makes the interval's dose unknown.
    """
    times = np.sort(np.asarray(series_t_s, dtype=np.float64))
    times = times[(times >= opened_at_s - max_gap_s) & (times <= closed_at_s + max_gap_s)]
    if times.size == 0:
        return ((opened_at_s, closed_at_s),)
    start = float(times[times <= opened_at_s][-1]) if times[0] <= opened_at_s else opened_at_s
    end = float(times[times >= closed_at_s][0]) if times[-1] >= closed_at_s else closed_at_s
    grid = np.concatenate(([start], times[(times > opened_at_s) & (times < closed_at_s)], [end]))
    wide = np.flatnonzero(np.diff(grid) > max_gap_s)
    return tuple((max(opened_at_s, float(grid[i])), min(closed_at_s, float(grid[i + 1]))) for i in wide)
