from __future__ import annotations

import pytest

from lots.science.calendering import coating_state, coating_thickness_um, solid_density_g_cm3


@pytest.mark.parametrize(
    ("fractions", "densities", "density", "loading", "thickness", "porosity"),
    [
        # layered oxide 92/4/4; loading 3.2 mAh/cm² over 130 mAh/g and 92 % active
        ((0.92, 0.04, 0.04), (4.4, 1.85, 1.78), 3.950, 3200 / 130 / 0.92, 100.0, 0.3226),
        # Prussian white 90/5/5
        ((0.90, 0.05, 0.05), (2.3, 1.85, 1.78), 2.240, 15.0, 105.0, 0.3623),
        # hard carbon 94/2/4
        ((0.94, 0.02, 0.04), (1.9, 1.85, 1.2), 1.856, 13.12, 130.0, 0.456),
    ],
)
def test_worked_porosities(
    fractions: tuple[float, ...],
    densities: tuple[float, ...],
    density: float,
    loading: float,
    thickness: float,
    porosity: float,
) -> None:
    solid = solid_density_g_cm3(fractions, densities)
    assert solid == pytest.approx(density, abs=0.0005)
    state = coating_state(loading, thickness, solid)
    assert state.valid
    assert state.porosity == pytest.approx(porosity, abs=0.0003)
    assert state.density_g_cm3 == pytest.approx(solid * (1 - state.porosity))


def test_prussian_white_at_18_mg_and_120_um_has_33_per_cent() -> None:
    assert coating_state(18.0, 120.0, 2.240).porosity == pytest.approx(0.330, abs=0.0005)


def test_five_micrometres_move_porosity_by_almost_three_points() -> None:
    middle, thick = coating_state(26.76 * 1.2, 120, 3.950), coating_state(26.76 * 1.2, 125, 3.950)
    assert thick.porosity - middle.porosity == pytest.approx(0.028, abs=0.002)


def test_coating_thickness_takes_the_foil_off_and_halves() -> None:
    assert coating_thickness_um(215.0, foil_thickness_um=15.0, coated_sides=2) == 100.0
    with pytest.raises(ValueError, match="total_thickness_um"):
        coating_thickness_um(14.0, foil_thickness_um=15.0, coated_sides=2)


def test_porosity_below_zero_is_wrong_input_and_the_reason_says_what_contradicts() -> None:
    state = coating_state(26.76, 100.0, 2.240)
    assert not state.valid
    assert state.porosity < 0
    assert "impossible" in state.reason
    assert "119.5 µm of the 100.0 µm" in state.reason


@pytest.mark.parametrize(
    ("loading", "thickness", "density", "named"),
    [
        (26.76, 5.0, 3.950, "coating_thickness_um 5"),
        (267.6, 100.0, 3.950, "loading_mg_cm2 267.6"),
        (26.76, 100.0, 0.395, "solid_density_g_cm3 0.395"),
    ],
)
def test_input_that_is_not_credible_is_named(
    loading: float, thickness: float, density: float, named: str
) -> None:
    state = coating_state(loading, thickness, density)
    assert not state.valid
    assert named in state.reason
    assert state.reason.count("is not credible") == 1


@pytest.mark.parametrize(
    ("porosity", "valid"), [(0.099, False), (0.101, True), (0.649, True), (0.651, False)]
)
def test_only_ten_to_sixty_five_per_cent_is_valid(porosity: float, valid: bool) -> None:
    solid = 3.950
    assert coating_state((1 - porosity) * 100.0 * solid / 10.0, 100.0, solid).valid is valid


def test_fractions_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(ValueError, match="mass_fractions"):
        solid_density_g_cm3((0.9, 0.05), (4.4, 1.85))
