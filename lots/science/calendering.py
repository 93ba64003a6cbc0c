"""Porosity and density of a calendered coating.

``ε = 1 − L / (t_coat · ρ_solid)``. The error is large: dε = (1−ε)(dt/t − dL/L), so ±5 µm at 120 µm is ±2.8
points and ±0.4 mg/cm² is ±1.5 points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

VALID_POROSITY = (0.10, 0.65)
# Outside these the single input is not credible for a battery electrode, whatever the others are.
CREDIBLE_COATING_UM = (20.0, 400.0)
CREDIBLE_LOADING_MG_CM2 = (1.0, 70.0)
CREDIBLE_SOLID_DENSITY_G_CM3 = (1.0, 6.0)


@dataclass(frozen=True)
class CoatingState:
    """`porosity` is a fraction of volume. When `valid` is False, `reason` names the input to check."""

    porosity: float
    density_g_cm3: float
    coating_thickness_um: float
    valid: bool
    reason: str = ""


def solid_density_g_cm3(mass_fractions: Sequence[float], densities_g_cm3: Sequence[float]) -> float:
    """Density without pores of a mixture, ``1 / Σ(w_i/ρ_i)``. Fractions sum to one (within 0.001).

    Raises:
        ValueError: mass_fractions or densities_g_cm3 cannot be used.
    """
    fractions = np.asarray(mass_fractions, dtype=np.float64)
    densities = np.asarray(densities_g_cm3, dtype=np.float64)
    if fractions.ndim != 1 or fractions.shape != densities.shape or fractions.size == 0:
        raise ValueError("mass_fractions and densities_g_cm3 must be rows of the same length")
    if np.any(~np.isfinite(fractions)) or np.any(fractions < 0) or abs(float(fractions.sum()) - 1) > 1e-3:
        raise ValueError("mass_fractions must be finite, not negative and sum to 1")
    if np.any(~np.isfinite(densities)) or np.any(densities <= 0):
        raise ValueError("densities_g_cm3 must be finite and above zero")
    return float(1.0 / np.sum(fractions / densities))


def coating_thickness_um(total_thickness_um: float, *, foil_thickness_um: float, coated_sides: int) -> float:
    """Thickness of the coating on one side, µm.

    Raises:
        ValueError: total_thickness_um is not above foil_thickness_um, or coated_sides is not 1 or 2.
    """
    if coated_sides not in (1, 2):
        raise ValueError("coated_sides must be 1 or 2")
    if not np.isfinite(foil_thickness_um) or foil_thickness_um <= 0:
        raise ValueError("foil_thickness_um must be finite and above zero")
    if not np.isfinite(total_thickness_um) or total_thickness_um <= foil_thickness_um:
        raise ValueError(
            f"total_thickness_um {total_thickness_um:g} must be above foil_thickness_um {foil_thickness_um:g}"
        )
    return (total_thickness_um - foil_thickness_um) / coated_sides


def coating_state(
    loading_mg_cm2: float, coating_thickness_um: float, solid_density_g_cm3: float
) -> CoatingState:
    """Porosity and density of one side from its loading (mg/cm²), thickness (µm) and solid density (g/cm³).

    Valid between 0.10 and 0.65. Zero or less means that the solids alone need more room than was measured:
    an input is wrong, and `reason` says which, as far as the numbers tell.

    Raises:
        ValueError: an input is not finite or not above zero.
    """
    inputs = {
        "loading_mg_cm2": loading_mg_cm2,
        "coating_thickness_um": coating_thickness_um,
        "solid_density_g_cm3": solid_density_g_cm3,
    }
    for name, value in inputs.items():
        if not np.isfinite(value) or value <= 0:
            raise ValueError(f"{name} must be finite and above zero")
    # mg/cm² over µm is 10 g/cm³.
    density = 10.0 * loading_mg_cm2 / coating_thickness_um
    porosity = 1.0 - density / solid_density_g_cm3
    low, high = VALID_POROSITY
    if low < porosity < high:
        return CoatingState(porosity, density, coating_thickness_um, valid=True)
    reason = _explain(porosity, loading_mg_cm2, coating_thickness_um, solid_density_g_cm3)
    return CoatingState(porosity, density, coating_thickness_um, valid=False, reason=reason)


def _explain(porosity: float, loading: float, thickness: float, solid_density: float) -> str:
    solids_um = 10.0 * loading / solid_density
    suspects = [
        f"{name} {value:g} {unit} is not credible (expected {span[0]:g} to {span[1]:g})"
        for name, value, unit, span in (
            ("coating_thickness_um", thickness, "µm", CREDIBLE_COATING_UM),
            ("loading_mg_cm2", loading, "mg/cm²", CREDIBLE_LOADING_MG_CM2),
            ("solid_density_g_cm3", solid_density, "g/cm³", CREDIBLE_SOLID_DENSITY_G_CM3),
        )
        if not span[0] <= value <= span[1]
    ]
    if suspects:
        check = "; ".join(suspects)
    elif porosity <= VALID_POROSITY[0]:
        check = (
            "coating_thickness_um is too small, or loading_mg_cm2 too large, or solid_density_g_cm3 too small"
        )
    else:
        check = (
            "coating_thickness_um is too large, or loading_mg_cm2 too small, or solid_density_g_cm3 too large"
        )
    verb = "impossible" if porosity <= 0 else "outside 0.10 to 0.65"
    return (
        f"porosity {porosity:.3f} is {verb}: the solids alone fill {solids_um:.1f} µm of the"
        f" {thickness:.1f} µm measured; {check}"
    )
