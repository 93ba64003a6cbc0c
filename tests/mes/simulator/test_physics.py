from __future__ import annotations

import math

import numpy as np
import pytest

from mes.simulator import physics
from mes.simulator.physics import ANODE, CATHODE


def test_slurry_solids_per_volume_of_the_cathode_recipe() -> None:
    # 100 g hold 65 g solids (65 / 3.95 cm3) and 35 g NMP (35 / 1.03 cm3).
    assert physics.slurry_solids_per_volume(CATHODE, 65.0) == pytest.approx(65 / (65 / 3.95 + 35 / 1.03))


def test_recipe_targets_give_the_design_loadings() -> None:
    assert physics.target_loading(CATHODE) == pytest.approx(26.8, abs=0.03)
    assert physics.target_loading(ANODE) == pytest.approx(13.1, abs=0.03)


def test_loading_is_proportional_to_the_gap_and_rises_with_solids() -> None:
    base = physics.areal_loading(CATHODE, 400.0, 20.0, 65.0)
    assert physics.areal_loading(CATHODE, 440.0, 20.0, 65.0) == pytest.approx(1.1 * base)
    two_points_more = physics.areal_loading(CATHODE, 400.0, 20.0, 67.0)
    assert two_points_more / base == pytest.approx(1.06, abs=0.005)


def test_beta_gauge_trim_leaves_thirty_percent_of_a_deviation() -> None:
    target = physics.target_loading(CATHODE)
    assert physics.trimmed_loading(CATHODE, target + 1.0) == pytest.approx(target + 0.3)


def test_punch_mass_of_the_worked_example() -> None:
    # formulas.md 3: 0.7200 g on 12 cm2 is 27.98 mg/cm2 a side.
    assert physics.punch_mass_g(27.975) == pytest.approx(0.7200, abs=1e-4)


def test_porosity_of_the_worked_examples() -> None:
    # formulas.md 4: layered oxide 26.76 mg/cm2 at 100 um: 0.3226; hard carbon 13.12 at 130 um: 0.456.
    assert physics.porosity(CATHODE, 26.76, 215.0) == pytest.approx(0.3226, abs=1e-4)
    assert physics.porosity(ANODE, 13.12, 275.0) == pytest.approx(0.456, abs=5e-4)


def test_layer_thickness_inverts_porosity() -> None:
    layer = float(physics.layer_um(26.8, CATHODE.solid_density, 0.32))
    assert physics.porosity(CATHODE, 26.8, 2 * layer + 15.0) == pytest.approx(0.32)


@pytest.mark.parametrize("electrode", [CATHODE, ANODE])
def test_target_line_load_gives_target_thickness(electrode: physics.Electrode) -> None:
    total = physics.calendered_um(electrode, physics.target_loading(electrode), electrode.line_load_n_mm, 1.0)
    assert total == pytest.approx(15.0 + 2 * electrode.coating_um)


def test_more_line_load_compacts_and_never_below_the_floor() -> None:
    loads = [100.0, 350.0, 700.0, 5000.0]
    porosities = [physics.compacted_porosity(CATHODE, load) for load in loads]
    assert porosities == sorted(porosities, reverse=True)
    assert porosities[-1] >= CATHODE.porosity_floor


def test_line_load_for_porosity_is_the_inverse_of_the_calender() -> None:
    load = physics.line_load_for_porosity(CATHODE, -0.005)
    loading = physics.target_loading(CATHODE)
    total = float(physics.calendered_um(CATHODE, loading, load, 1.0))
    assert physics.porosity(CATHODE, loading, total) == pytest.approx(
        physics.target_porosity(CATHODE) - 0.005
    )


def test_cold_or_still_air_dries_slower_and_leaves_more() -> None:
    loading = physics.target_loading(CATHODE)
    assert physics.drying_tau(CATHODE, loading, 0.0, 1.0) == pytest.approx(6.0)
    assert physics.drying_tau(CATHODE, loading, -10.0, 1.0) == pytest.approx(6.0 * math.exp(0.3))
    assert physics.residual_ppm(CATHODE, 6.0) == pytest.approx(200.0)
    assert physics.residual_ppm(CATHODE, 6.6) == pytest.approx(260.0)


def test_strip_keeps_foil_and_solids_and_loses_its_solvent() -> None:
    strip = physics.strip_mass_g(26.8, CATHODE, np.array([0.0, 6.0, 1e4]), 6.0)
    solids, foil = 100 * 2 * 26.8e-3, 100 * 4.05e-3
    solvent = solids * 35 / 65
    assert strip == pytest.approx([foil + solids + solvent, foil + solids + solvent / math.e, foil + solids])


def test_humidity_of_the_published_frost_points() -> None:
    # formulas.md 1, at 20 °C: -40 gives 0.09489 g/m3, -60 gives 0.00799 (Magnus is 0.1 % high at -40).
    assert physics.humidity_g_m3(-40.0) == pytest.approx(0.09489, rel=2e-3)
    assert physics.humidity_g_m3(-60.0) == pytest.approx(0.00799, rel=3e-3)
    assert physics.frost_point_c(physics.humidity_g_m3(-45.0)) == pytest.approx(-45.0)


def test_design_cell_holds_twenty_ampere_hours() -> None:
    assert physics.capacity_ah(26.8, 0.0) == pytest.approx(20.3, abs=0.05)
    assert physics.capacity_ah(26.8, 0.02) == pytest.approx(0.99 * physics.capacity_ah(26.8, 0.0))


def test_moisture_and_residual_cost_first_cycle_efficiency() -> None:
    clean = physics.first_cycle_efficiency_pct(physics.NOMINAL_DOSE, physics.RESIDUAL_PPM)
    assert clean == physics.FCE_PCT
    assert physics.first_cycle_efficiency_pct(0.2, physics.RESIDUAL_PPM) == pytest.approx(
        clean - 4.66, abs=0.01
    )
    assert physics.first_cycle_efficiency_pct(physics.NOMINAL_DOSE, 500.0) == pytest.approx(clean - 0.6)


def test_resistance_rises_with_low_porosity_underfill_and_poor_wetting() -> None:
    good = physics.cell_resistance_mohm(0.1, 1.0, 0.0, 20.0)
    assert good == pytest.approx(1.0)
    assert physics.cell_resistance_mohm(0.1, 0.9, 0.0, 20.0) == pytest.approx(0.5 + 0.5 * 0.9**-1.5)
    assert physics.cell_resistance_mohm(0.1, 1.0, 0.05, 20.0) == pytest.approx(1.05)
    assert physics.cell_resistance_mohm(0.1, 1.0, 0.0, 70.0) == pytest.approx(1.05)
