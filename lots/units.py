"""UCUM codes as people write them. Stored and sent is always the code."""

from __future__ import annotations

_WRITTEN = {
    "1": "",
    "Cel": "°C",
    "A.h": "Ah",
    "Pa.s": "Pa·s",
    "[ppm]": "ppm",
    "um": "µm",
    "mOhm": "mΩ",
    "Ohm": "Ω",
    "mg/cm2": "mg/cm²",
    "g/cm3": "g/cm³",
    "g/A.h": "g/Ah",
    "g.h/m3": "g·h/m³",
    "mV/wk": "mV/week",
}


def written_unit(code: str) -> str:
    """A UCUM unit for the eye: `Cel` is °C, `1` is nothing."""
    return _WRITTEN.get(code, code)
