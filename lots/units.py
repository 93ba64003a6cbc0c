"""UCUM codes as people write them, and exact conversion between those that measure the same thing.

Stored and sent is always the code.
"""

from __future__ import annotations

from decimal import Decimal, localcontext

_WRITTEN = {
    "1": "",
    "Cel": "°C",
    "A.h": "Ah",
    "mA.h": "mAh",
    "Pa.s": "Pa·s",
    "mPa.s": "mPa·s",
    "[ppm]": "ppm",
    "um": "µm",
    "mOhm": "mΩ",
    "Ohm": "Ω",
    "mg/cm2": "mg/cm²",
    "g/cm3": "g/cm³",
    "g/A.h": "g/Ah",
    "g.h/m3": "g·h/m³",
    "mV/wk": "mV/week",
    "mV/d": "mV/day",
    "/s": "1/s",
}

# What is measured → unit → how many of the first unit one of it is. Exact: defined by the SI and its prefixes.
_SAME: dict[str, dict[str, str]] = {
    "length": {"m": "1", "cm": "0.01", "mm": "0.001", "um": "0.000001", "nm": "0.000000001"},
    "mass": {"g": "1", "kg": "1000", "mg": "0.001", "ug": "0.000001"},
    "time": {"s": "1", "min": "60", "h": "3600", "d": "86400"},
    "charge": {"A.h": "1", "mA.h": "0.001"},
    "resistance": {"Ohm": "1", "mOhm": "0.001", "uOhm": "0.000001"},
    "voltage": {"V": "1", "mV": "0.001", "uV": "0.000001"},
    "pressure": {"Pa": "1", "hPa": "100", "mbar": "100", "kPa": "1000", "bar": "100000"},
    "viscosity": {"Pa.s": "1", "mPa.s": "0.001", "cP": "0.001"},
    "ratio": {"1": "1", "%": "0.01", "[ppm]": "0.000001"},
    "loading": {"g/m2": "1", "mg/cm2": "10"},
    "density": {"g/cm3": "1", "kg/m3": "0.001"},
    "speed": {"m/min": "1", "cm/min": "0.01", "m/s": "60", "mm/s": "0.06"},
    "line load": {"N/mm": "1", "kN/m": "1", "N/cm": "0.1", "N/m": "0.001"},
    "electrolyte per capacity": {"g/A.h": "1", "g/Ah": "1", "mg/A.h": "0.001"},
    "moisture dose": {"g.h/m3": "1", "mg.h/m3": "0.001"},
    "temperature": {"K": "1", "Cel": "1"},
}
_ZERO_C = Decimal("273.15")
_DIGITS, _PLACES = 50, Decimal("1e-8")


class UnitMismatch(ValueError):
    """The value cannot be converted exactly; the message names the unit to use."""


def written_unit(code: str) -> str:
    """A UCUM unit for the eye: `Cel` is °C, `1` is nothing."""
    return _WRITTEN.get(code, code)


def units_like(code: str) -> tuple[str, ...]:
    """The units from which values can be converted to `code`, itself first."""
    others = next((table for table in _SAME.values() if code in table), {})
    return (code, *(unit for unit in others if unit != code))


def convert(value: Decimal, unit: str, to: str) -> Decimal:
    """`value` in `unit` as a number of `to`, exactly, with at most 8 decimals.

    Raises UnitMismatch for units of different things, and where the result has more decimals.
    """
    if unit == to:
        return value
    if unit not in units_like(to):
        known = ", ".join(units_like(to))
        raise UnitMismatch(f"{unit!r} cannot be converted to {to!r}; use {known}")
    table = next(table for table in _SAME.values() if to in table)
    with localcontext() as context:
        context.prec = _DIGITS
        zero = {"Cel": _ZERO_C}
        base = value * Decimal(table[unit]) + zero.get(unit, Decimal(0))
        result = (base - zero.get(to, Decimal(0))) / Decimal(table[to])
        if result != result.quantize(_PLACES):
            raise UnitMismatch(f"{value} {unit} is no exact number of {to}; give it in {to}")
    return result
