"""Slurry release, electrolyte batch and fill fraction: worked numbers and what is refused."""

from __future__ import annotations

import pytest

from lots.science.electrolyte import NAPF6_G_MOL, molality_mol_kg
from lots.science.filling import fill_fraction_pct
from lots.science.slurry import drift_pct, viscosity_at_reference_pa_s, weighed_solids_pct

REFERENCE = {"reference_temperature_c": 25.0, "reference_shear_rate_1_s": 100.0}


def test_solids_are_powders_over_all() -> None:
    assert weighed_solids_pct(65.0, 35.0) == pytest.approx(65.0)
    assert weighed_solids_pct(1.0, 1.0) == pytest.approx(50.0)


@pytest.mark.parametrize("masses", [(0.0, 1.0), (1.0, 0.0), (-1.0, 2.0), (float("nan"), 1.0)])
def test_impossible_masses_are_refused(masses: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="must be finite and above zero"):
        weighed_solids_pct(*masses)
    with pytest.raises(ValueError, match="must be finite and above zero"):
        molality_mol_kg(*masses)


@pytest.mark.parametrize(("temperature_c", "shear"), [(25.0, 100.0), (24.0, 105.0), (26.0, 95.0)])
def test_viscosity_counts_at_the_reference_with_its_tolerance(temperature_c: float, shear: float) -> None:
    shown = viscosity_at_reference_pa_s(5.0, temperature_c=temperature_c, shear_rate_1_s=shear, **REFERENCE)
    assert shown == 5.0


@pytest.mark.parametrize(
    ("temperature_c", "shear", "words"),
    [
        (26.1, 100.0, "measure at 25 ± 1 °C"),
        (float("nan"), 100.0, "measure at 25"),
        (25.0, 106.0, "measure at 100 1/s"),
        (25.0, 50.0, "measure at 100 1/s"),
    ],
)
def test_viscosity_elsewhere_is_refused_and_not_corrected(
    temperature_c: float, shear: float, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        viscosity_at_reference_pa_s(5.0, temperature_c=temperature_c, shear_rate_1_s=shear, **REFERENCE)


def test_drift_is_signed() -> None:
    assert drift_pct(5.0, 5.5) == pytest.approx(10.0)
    assert drift_pct(5.0, 4.5) == pytest.approx(-10.0)


def test_one_molal_is_a_mole_in_a_kilogram() -> None:
    assert pytest.approx(167.952, abs=2e-3) == NAPF6_G_MOL  # 22.990 + 30.974 + 6 x 18.998
    assert molality_mol_kg(0.167952, 1.0) == pytest.approx(1.0, abs=1e-5)
    assert molality_mol_kg(0.17, 0.83) == pytest.approx(1.2195, abs=1e-4)


def test_fill_fraction_of_the_handbooks_electrodes() -> None:
    """formulas.md 7: the pores of the 12.2 electrodes need 3.85 g/Ah at 1.25 g/cm3; 3.0 g/Ah is 78 % of it."""
    pores_cm3 = 3.85 * 20.0 / 1.25
    assert fill_fraction_pct(60.0, density_g_cm3=1.25, pore_volume_cm3=pores_cm3) == pytest.approx(
        77.9, abs=0.05
    )
    assert fill_fraction_pct(77.0, density_g_cm3=1.25, pore_volume_cm3=pores_cm3) == pytest.approx(100.0)


@pytest.mark.parametrize("change", [{"density_g_cm3": 0.0}, {"pore_volume_cm3": float("inf")}])
def test_fill_fraction_refuses_impossible_values(change: dict[str, float]) -> None:
    wanted = {"density_g_cm3": 1.25, "pore_volume_cm3": 61.6} | change
    with pytest.raises(ValueError, match="must be finite and above zero"):
        fill_fraction_pct(60.0, **wanted)
