"""Slurry at its release: solids by weighing, viscosity at one temperature and shear rate, drift while it stands."""

from __future__ import annotations

import math


def weighed_solids_pct(powder_kg: float, solvent_kg: float) -> float:
    """Solids by mass from what was weighed before mixing, %.

    Raises:
        ValueError: a mass is not above zero.
    """
    _positive(powder_kg=powder_kg, solvent_kg=solvent_kg)
    return 100.0 * powder_kg / (powder_kg + solvent_kg)


def viscosity_at_reference_pa_s(
    viscosity_pa_s: float,
    *,
    temperature_c: float,
    shear_rate_1_s: float,
    reference_temperature_c: float,
    reference_shear_rate_1_s: float,
    temperature_tolerance_c: float = 1.0,
    shear_rate_tolerance: float = 0.05,
) -> float:
    """The viscosity, Pa·s, where it was measured as the recipe says; viscosities of other conditions do not compare.

    Nothing is corrected: a slurry is shear-thinning, and its law belongs to the recipe, not to this function.

    Raises:
        ValueError: temperature (°C) or shear rate (1/s) is off its reference, or a value is not above zero.
    """
    _positive(viscosity_pa_s=viscosity_pa_s, shear_rate_1_s=shear_rate_1_s)
    if not abs(temperature_c - reference_temperature_c) <= temperature_tolerance_c:
        raise ValueError(
            f"viscosity was measured at {temperature_c:g} °C; measure at {reference_temperature_c:g} ±"
            f" {temperature_tolerance_c:g} °C"
        )
    allowed = shear_rate_tolerance * reference_shear_rate_1_s
    if not abs(shear_rate_1_s - reference_shear_rate_1_s) <= allowed:
        raise ValueError(
            f"viscosity was measured at {shear_rate_1_s:g} 1/s; measure at {reference_shear_rate_1_s:g} 1/s"
        )
    return viscosity_pa_s


def drift_pct(first_pa_s: float, after_hold_pa_s: float) -> float:
    """Change of the viscosity while the sample stood, % of the first reading.

    Raises:
        ValueError: a viscosity is not above zero.
    """
    _positive(first_pa_s=first_pa_s, after_hold_pa_s=after_hold_pa_s)
    return 100.0 * (after_hold_pa_s - first_pa_s) / first_pa_s


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value) or value <= 0:
            raise ValueError(f"{name} must be finite and above zero")
