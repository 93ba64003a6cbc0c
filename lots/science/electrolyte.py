"""Concentration of an electrolyte batch from what was weighed."""

from __future__ import annotations

import math

# Na 22.990, P 30.974, F 18.998 (IUPAC 2021, abridged): NaPF6.
NAPF6_G_MOL = 22.990 + 30.974 + 6 * 18.998


def molality_mol_kg(salt_kg: float, solvent_kg: float, *, molar_mass_g_mol: float = NAPF6_G_MOL) -> float:
    """Moles of salt in a kilogram of solvent.

    Raises:
        ValueError: a mass or the molar mass is not above zero.
    """
    for name, value in (
        ("salt_kg", salt_kg),
        ("solvent_kg", solvent_kg),
        ("molar_mass_g_mol", molar_mass_g_mol),
    ):
        if not math.isfinite(value) or value <= 0:
            raise ValueError(f"{name} must be finite and above zero")
    return 1000.0 * salt_kg / molar_mass_g_mol / solvent_kg
