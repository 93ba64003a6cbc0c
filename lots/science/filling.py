"""Electrolyte masses of a cell: dosed, retained, deviation from target and mass per capacity."""

from __future__ import annotations

import math


def dosed_mass_g(mass_before_g: float, mass_filled_g: float) -> float:
    """Electrolyte put into the cell, g: gross mass right after dosing minus gross mass before.

    Raises:
        ValueError: a mass is not above zero, or the cell is not heavier after dosing.
    """
    return _gain_g("mass_before_g", mass_before_g, "mass_filled_g", mass_filled_g)


def retained_mass_g(mass_before_g: float, mass_sealed_g: float) -> float:
    """Electrolyte still in the cell after evacuation and seal, g.

    Raises:
        ValueError: a mass is not above zero, or the sealed cell is not heavier than before filling.
    """
    return _gain_g("mass_before_g", mass_before_g, "mass_sealed_g", mass_sealed_g)


def fill_deviation_pct(retained_g: float, target_g: float) -> float:
    """Deviation of the retained mass from its target, % of the target.

    Raises:
        ValueError: retained_g is negative or target_g is not above zero.
    """
    if not math.isfinite(retained_g) or retained_g < 0:
        raise ValueError("retained_g must be finite and not negative")
    if not math.isfinite(target_g) or target_g <= 0:
        raise ValueError("target_g must be finite and above zero")
    return 100.0 * (retained_g - target_g) / target_g


def electrolyte_per_capacity_g_ah(retained_g: float, nominal_capacity_ah: float) -> float:
    """Electrolyte per nominal capacity, g/Ah.

    Raises:
        ValueError: retained_g is negative or nominal_capacity_ah is not above zero.
    """
    if not math.isfinite(retained_g) or retained_g < 0:
        raise ValueError("retained_g must be finite and not negative")
    if not math.isfinite(nominal_capacity_ah) or nominal_capacity_ah <= 0:
        raise ValueError("nominal_capacity_ah must be finite and above zero")
    return retained_g / nominal_capacity_ah


def fill_fraction_pct(retained_g: float, *, density_g_cm3: float, pore_volume_cm3: float) -> float:
    """Share of the cell's pores that the retained electrolyte can fill, %; above 100 % some stands free.

    Raises:
        ValueError: retained_g is negative, or density or pore volume is not above zero.
    """
    if not math.isfinite(retained_g) or retained_g < 0:
        raise ValueError("retained_g must be finite and not negative")
    for name, value in (("density_g_cm3", density_g_cm3), ("pore_volume_cm3", pore_volume_cm3)):
        if not math.isfinite(value) or value <= 0:
            raise ValueError(f"{name} must be finite and above zero")
    return 100.0 * retained_g / density_g_cm3 / pore_volume_cm3


def _gain_g(before_name: str, before_g: float, after_name: str, after_g: float) -> float:
    for name, value in ((before_name, before_g), (after_name, after_g)):
        if not math.isfinite(value) or value <= 0:
            raise ValueError(f"{name} must be finite and above zero")
    if after_g <= before_g:
        raise ValueError(
            f"{after_name} {after_g:g} g is not above {before_name} {before_g:g} g: weigh the cell again"
        )
    return after_g - before_g
