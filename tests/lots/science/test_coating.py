from __future__ import annotations

import numpy as np
import pytest

from lots.science.coating import (
    areal_loading_mg_cm2,
    cross_web_tilt,
    dry_thickness_from_wet_um,
    edge_to_centre,
)


def test_worked_punch_gives_its_loading_per_side() -> None:
    # 12.000 cm² punch of 0.7200 g on 15 µm aluminium (4.05 mg/cm²), coated on both sides.
    loading = areal_loading_mg_cm2(0.7200, 4.05e-3 * 12.0, punch_area_cm2=12.0, coated_sides=2)
    assert float(loading) == pytest.approx(27.975)


def test_one_sided_coating_carries_twice_the_loading_of_a_side() -> None:
    both = areal_loading_mg_cm2([0.70, 0.72], 0.05, punch_area_cm2=12.0, coated_sides=2)
    one = areal_loading_mg_cm2([0.70, 0.72], 0.05, punch_area_cm2=12.0, coated_sides=1)
    np.testing.assert_allclose(one, 2 * both)


@pytest.mark.parametrize(
    ("punch", "foil", "area", "sides", "field"),
    [
        (0.04, 0.0486, 12.0, 2, "punch_mass_g"),
        (float("nan"), 0.0486, 12.0, 2, "punch_mass_g"),
        (0.72, 0.0, 12.0, 2, "foil_mass_g"),
        (0.72, 0.0486, 0.0, 2, "punch_area_cm2"),
        (0.72, 0.0486, 12.0, 3, "coated_sides"),
    ],
)
def test_wrong_input_is_named(punch: float, foil: float, area: float, sides: int, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}"):
        areal_loading_mg_cm2(punch, foil, punch_area_cm2=area, coated_sides=sides)


def test_worked_profile_is_thin_at_its_edges() -> None:
    result = edge_to_centre([118, 120, 121, 121, 120, 117])
    assert result.edge_um == pytest.approx(117.5)
    assert result.centre_um == pytest.approx(120.5)
    assert result.edge_minus_centre_um == pytest.approx(-3.0)


@pytest.mark.parametrize("profile", [[118, 120], [118, 0, 117], [118, float("inf"), 117]])
def test_profile_without_centre_or_with_impossible_lane_is_refused(profile: list[float]) -> None:
    with pytest.raises(ValueError, match="thickness_um"):
        edge_to_centre(profile)


def test_tilt_is_what_the_last_lane_carries_more_than_the_first() -> None:
    assert cross_web_tilt([26.4, 26.6, 26.8, 27.0, 27.2]) == pytest.approx(0.8)
    assert cross_web_tilt([27.2, 27.0, 26.8, 26.6, 26.4]) == pytest.approx(-0.8)
    # A bowed web is not a tilted one.
    assert cross_web_tilt([26.5, 26.8, 26.9, 26.8, 26.5]) == pytest.approx(0.0, abs=1e-12)


def test_tilt_is_surer_than_the_difference_of_the_edges() -> None:
    noise = np.random.default_rng(3).standard_normal((20_000, 5))
    tilts = np.array([cross_web_tilt(row) for row in noise])
    assert tilts.std() == pytest.approx(np.sqrt(1.6), rel=0.02)
    assert (noise[:, 4] - noise[:, 0]).std() == pytest.approx(np.sqrt(2.0), rel=0.02)


@pytest.mark.parametrize("row", [[26.8, 26.9], [26.8, float("nan"), 26.9], [[26.8, 26.9, 27.0]]])
def test_tilt_needs_a_whole_row(row: list[float]) -> None:
    with pytest.raises(ValueError, match=r"^loading_mg_cm2"):
        cross_web_tilt(row)


def test_blade_gap_gives_the_dry_thickness() -> None:
    assert dry_thickness_from_wet_um(400, solids_share=0.5) == pytest.approx(100.0)
    with pytest.raises(ValueError, match="solids_share"):
        dry_thickness_from_wet_um(400, solids_share=50)
