"""Values that follow from raw records, against published cases and against maps of known make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lots.science.dry_room import moisture_dose, unknown_gaps_s
from lots.science.raw_records import (
    Derived,
    RecordKind,
    Value,
    checked_columns,
    derived_of,
    disagreements,
    stage_profile,
)
from lots.science.wetting import soaks_s
from tests.support.raw import CURVE_G, MINUTES, chamber, edge_map

RECIPE = {"drying_rate_limit_pct_min": 0.2, "drying_consecutive": 2.0}
CURVE = {"time_min": MINUTES, "mass_g": CURVE_G}


def test_endpoint_of_the_published_test_curve() -> None:
    """formulas.md 6: crosses 0.2 %/min at 22 min while 2.1 % of the dry mass is still solvent."""
    derived = derived_of(RecordKind.MASS, CURVE, RECIPE)
    assert derived.problems == ()
    assert derived.value("drying.endpoint_min") == pytest.approx(22.0)
    left = CURVE_G[22] / CURVE_G[-1] - 1 + (CURVE_G[-1] - 5.5) / 5.5
    assert left == pytest.approx(0.021, abs=0.001)


def test_curve_without_a_limit_in_the_recipe_is_unresolved_and_says_so() -> None:
    derived = derived_of(RecordKind.MASS, CURVE, {})
    assert derived.values == ()
    assert "drying_rate_limit_pct_min" in derived.problems[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda mass: np.concatenate((mass[:10], mass[10:] + 0.5)), "rises"),
        (lambda mass: 10.0 - 0.1 * np.arange(mass.size), "not at or below"),
    ],
)
def test_faulty_curve_has_no_endpoint(change, words: str) -> None:
    derived = derived_of(RecordKind.MASS, {**CURVE, "mass_g": change(CURVE_G)}, RECIPE)
    assert derived.value("drying.endpoint_min") is None
    assert words in derived.problems[0]


def test_stage_losses_sum_to_the_whole_loss() -> None:
    stages = stage_profile(CURVE, RECIPE)
    assert [end for end, _ in stages] == [10.0, 20.0, 30.0, 40.0]
    assert sum(loss for _, loss in stages) == pytest.approx(100 * (CURVE_G[0] - CURVE_G[-1]) / CURVE_G[0])
    named = stage_profile(CURVE, {**RECIPE, "drying_stage_1_end_min": 5.0, "drying_stage_2_end_min": 40.0})
    assert [end for end, _ in named] == [5.0, 40.0]


def test_map_without_its_borders_gives_back_what_it_was_made_of() -> None:
    columns = checked_columns(RecordKind.THICKNESS, edge_map(profiles=200))
    derived = derived_of(RecordKind.THICKNESS, columns, {})
    across = -3.0 * np.linspace(-1, 1, 10) ** 2
    assert derived.value("map.edge_centre_um") == pytest.approx(
        (across[0] + across[-1]) / 2 - across[1:-1].mean(), abs=0.05
    )
    assert derived.value("map.taper_um_m") == pytest.approx(0.002, abs=0.0002)
    shares = [
        derived.value(f"map.{part}_pct") for part in ("machine_direction", "cross_direction", "residual")
    ]
    assert sum(shares) == pytest.approx(100.0)


def test_border_is_masked_or_the_index_is_about_the_border() -> None:
    masked = edge_map()
    lanes = {name.replace("border_", "lane_x"): values for name, values in masked.items()}
    whole = derived_of(RecordKind.THICKNESS, checked_columns(RecordKind.THICKNESS, lanes), {})
    inner = derived_of(RecordKind.THICKNESS, checked_columns(RecordKind.THICKNESS, masked), {})
    assert whole.value("map.edge_centre_um") > 0 > inner.value("map.edge_centre_um")


def test_hole_inside_the_borders_leaves_the_map_unresolved_and_one_in_the_border_does_not() -> None:
    inside = edge_map()
    inside["lane_3"][5] = float("nan")
    outside = edge_map()
    outside["border_1"][5] = float("nan")
    assert derived_of(RecordKind.THICKNESS, checked_columns(RecordKind.THICKNESS, inside), {}).problems
    assert not derived_of(RecordKind.THICKNESS, checked_columns(RecordKind.THICKNESS, outside), {}).problems


def test_evacuations_and_the_soaks_between_them() -> None:
    time, pressure = chamber()
    columns = checked_columns(RecordKind.PRESSURE, {"time_s": time, "pressure_mbar": pressure})
    derived = derived_of(RecordKind.PRESSURE, columns, {})
    assert {one.code: one.value for one in derived.values} == {
        "filling.vacuum_mbar": 10.0,
        "filling.evacuations": 2.0,
        "filling.held_s": 59.0,
    }
    assert soaks_s(time, pressure) == (121.0, 140.0)


@pytest.mark.parametrize(
    ("kind", "columns", "words"),
    [
        ("mass", {"time_min": [0, 1]}, "mass_g missing"),
        ("mass", {"time_min": [0, 1], "mass_g": [1, 2], "colour": [1, 2]}, "colour not known"),
        ("mass", {"time_min": [0, 1, 2], "mass_g": [1, 2]}, "mass_g: holds 2"),
        ("mass", {"time_min": [0, 0], "mass_g": [1, 2]}, "time_min: must increase"),
        ("mass", {"time_min": [0, 1], "mass_g": [1, float("nan")]}, "mass_g: every value"),
        ("mass", {"time_min": [0], "mass_g": [1]}, "2 to"),
        ("thickness", {"metre": [0, 1]}, "lane_1"),
        (
            "thickness",
            {"metre": [0, 1], "lane_1": [1, 1], "border_2": [1, 1], "lane_3": [1, 1]},
            "between lanes",
        ),
    ],
)
def test_column_that_cannot_be_used_is_named(kind: str, columns: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked_columns(RecordKind(kind), columns)


@pytest.mark.parametrize(
    ("posted", "agrees"), [("22", True), ("22.0", True), ("22.02", True), ("22.1", False), ("21", False)]
)
def test_posted_value_agrees_within_its_last_digit_and_a_thousandth(posted: str, agrees: bool) -> None:
    derived = Derived((Value("drying.endpoint_min", 22.0),), ())
    assert (disagreements(derived, {"drying.endpoint_min": posted}) == ()) is agrees


def test_posted_value_that_cannot_be_computed_disagrees() -> None:
    assert "cannot be computed" in disagreements(Derived((), ("x",)), {"drying.endpoint_min": "22"})[0]


@given(
    st.lists(st.floats(-900, 1500, allow_nan=False), max_size=40),
    st.floats(1, 1000, allow_nan=False),
)
def test_dose_is_unknown_exactly_where_there_are_gaps(series: list[float], closed: float) -> None:
    times = sorted(set(series))
    gaps = unknown_gaps_s(0.0, closed, times)
    dose = moisture_dose(0.0, closed, times, [-40.0] * len(times), air_temperature_c=20.0)
    assert (dose.dose_g_h_m3 is None) == bool(gaps)
    assert all(0.0 <= start <= end <= closed for start, end in gaps)
