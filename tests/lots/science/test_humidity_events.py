from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lots.science.dry_room import vapour_pressure_over_ice_pa, vapour_pressure_over_water_pa
from lots.science.humidity_events import (
    ChecklistItem,
    Surface,
    checklist_blocks,
    spikes,
    tightened,
    vapour_pressure_magnus_pa,
)


def test_magnus_over_ice_is_a_thousandth_high_at_minus_forty() -> None:
    ratio = float(vapour_pressure_magnus_pa(-40.0, Surface.ICE)) / float(vapour_pressure_over_ice_pa(-40.0))
    assert ratio == pytest.approx(1.001, abs=5e-4)


@pytest.mark.parametrize(
    ("point", "ppmv"),
    [(-20, 1239), (-30, 504), (-40, 187.8), (-45, 110.7)],
)
def test_worked_ppmv_of_a_sensor_wrongly_taken_over_water(point: float, ppmv: float) -> None:
    pressure = float(vapour_pressure_magnus_pa(point, Surface.WATER))
    assert 1e6 * pressure / 101_325 == pytest.approx(ppmv, rel=5e-3)


@pytest.mark.parametrize(("point", "ppmv"), [(-50, 63.6), (-60, 19.2), (-70, 5.1)])
def test_worked_ppmv_over_water_below_the_range_of_magnus(point: float, ppmv: float) -> None:
    pressure = float(vapour_pressure_over_water_pa(point))
    assert 1e6 * pressure / 101_325 == pytest.approx(ppmv, rel=0.02)
    with pytest.raises(ValueError, match="point_c"):
        vapour_pressure_magnus_pa(point, Surface.WATER)


def test_spike_with_an_open_door_is_told_from_one_without() -> None:
    time = np.arange(0.0, 3600.0, 30.0)
    frost = np.full(time.size, -45.0)
    frost[20:24], frost[60:63], frost[90] = -30.0, -35.0, -20.0
    with_door, without = spikes(time, frost, limit_c=-40.0, doors_s=[[590.0, 650.0]])
    assert (with_door.open_door, with_door.highest_c) == (True, -30.0)
    assert (without.open_door, without.start_s, without.end_s) == (False, 1800.0, 1860.0)


def test_limits_are_drawn_in_on_the_sides_that_exist_and_need_a_reason() -> None:
    both = tightened(80.0, 90.0, share=0.1, reason="spike in the night shift")
    assert (both.lower, both.upper) == (81.0, 89.0)
    one = tightened(80.0, None, share=0.1, reason="spike")
    assert (one.lower, one.upper) == (88.0, None)
    with pytest.raises(ValueError, match="reason"):
        tightened(80.0, None, share=0.1, reason=" ")


def test_shift_starts_only_with_seven_items_and_a_valid_calibration() -> None:
    done = dict.fromkeys(ChecklistItem, True)
    assert len(done) == 7
    assert checklist_blocks(done, calibration_due_in_s=86_400) == ()
    assert checklist_blocks(done, calibration_due_in_s=-1) == ("calibration of a humidity sensor has lapsed",)
    done[ChecklistItem.GLOVES] = False
    del done[ChecklistItem.PRESSURE]
    assert checklist_blocks(done, calibration_due_in_s=1) == ("pressure is not checked", "gloves failed")


@given(
    st.floats(-1e6, 1e6), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.01, 0.49), st.sampled_from("lub")
)
def test_towards_a_target_limits_only_become_tighter_and_never_pass_it(
    target: float, below: float, above: float, share: float, sides: str
) -> None:
    lower = target - below if sides in "lb" else None
    upper = target + above if sides in "ub" else None
    drawn = tightened(lower, upper, target=target, share=share, reason="spike")
    slack = 1e-9 * (1 + abs(target) + below + above)
    assert (drawn.lower is None) == (lower is None) and (drawn.upper is None) == (upper is None)
    if lower is not None and drawn.lower is not None:
        assert lower - slack <= drawn.lower <= target + slack
    if upper is not None and drawn.upper is not None:
        assert target - slack <= drawn.upper <= upper + slack


def test_a_fifth_of_the_way_to_the_target() -> None:
    assert tightened(80.0, None, target=85.0, share=0.2, reason="spike").lower == pytest.approx(81.0)
    assert tightened(None, 1.5, target=1.0, share=0.2, reason="spike").upper == pytest.approx(1.4)
    with pytest.raises(ValueError, match="within the limits"):
        tightened(80.0, None, target=79.0, share=0.2, reason="spike")
