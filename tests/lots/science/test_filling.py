from __future__ import annotations

import pytest

from lots.science.filling import (
    dosed_mass_g,
    electrolyte_per_capacity_g_ah,
    fill_deviation_pct,
    retained_mass_g,
)


def test_sixty_grams_in_a_cell_of_twenty_ampere_hours() -> None:
    retained = retained_mass_g(310.0, 370.0)
    assert retained == 60.0
    assert electrolyte_per_capacity_g_ah(retained, 20.0) == 3.0


def test_worked_deviation() -> None:
    assert fill_deviation_pct(17.6, 18.0) == pytest.approx(-2.22, abs=0.005)


def test_dosed_and_retained_differ_by_what_evacuation_takes() -> None:
    assert dosed_mass_g(310.0, 370.5) - retained_mass_g(310.0, 370.0) == pytest.approx(0.5)


@pytest.mark.parametrize(("before", "after"), [(310.0, 310.0), (310.0, 300.0)])
def test_cell_that_did_not_gain_mass_is_weighed_again(before: float, after: float) -> None:
    with pytest.raises(ValueError, match=r"mass_sealed_g .* weigh the cell again"):
        retained_mass_g(before, after)
    with pytest.raises(ValueError, match="mass_filled_g"):
        dosed_mass_g(before, after)


def test_impossible_masses_and_targets_are_named() -> None:
    with pytest.raises(ValueError, match="mass_before_g"):
        dosed_mass_g(float("nan"), 1.0)
    with pytest.raises(ValueError, match="target_g"):
        fill_deviation_pct(17.6, 0.0)
    with pytest.raises(ValueError, match="nominal_capacity_ah"):
        electrolyte_per_capacity_g_ah(60.0, 0.0)
