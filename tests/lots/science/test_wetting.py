from __future__ import annotations

import numpy as np
import pytest

from lots.science.wetting import (
    FillVerdict,
    VacuumStepSet,
    fill_to_seal_min,
    fill_verdict,
    missed_steps,
    vacuum_steps,
)

RECIPE = [VacuumStepSet(50.0, 60.0), VacuumStepSet(20.0, 120.0)]


def curve(*dips: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A pressure curve of one reading a second: between vents of 30 s, dips of (mbar, s)."""
    pressure = [1013.0] * 30
    for level, seconds in dips:
        pressure += [level] * (int(seconds) + 1) + [1013.0] * 30
    return np.arange(float(len(pressure))), np.array(pressure)


def test_evacuations_are_counted_with_their_depth_and_time() -> None:
    first, second = vacuum_steps(*curve((45, 70), (15, 130)))
    assert (first.lowest_mbar, first.held_s) == (45.0, 70.0)
    assert (second.lowest_mbar, second.held_s) == (15.0, 130.0)


def test_missing_shallow_and_short_evacuations_are_named() -> None:
    assert missed_steps(*curve((45, 70), (15, 130)), RECIPE) == ()
    assert missed_steps(*curve((45, 70)), RECIPE) == ("1 evacuations were run, the recipe asks for 2",)
    shallow, short = missed_steps(*curve((60, 70), (15, 100)), RECIPE)
    assert "60 mbar" in shallow
    assert "100 s" in short


@pytest.mark.parametrize(
    ("deviation", "z", "verdict"),
    [
        (0.0, 0.5, FillVerdict.GOOD),
        (0.0, None, FillVerdict.GOOD),
        (0.0, 5.0, FillVerdict.WETTING_OR_GAS),
        (-2.3, 5.0, FillVerdict.UNDERFILL),
        (2.3, 0.0, FillVerdict.OVERFILL),
    ],
)
def test_mass_in_window_with_high_impedance_is_not_underfill(
    deviation: float, z: float | None, verdict: FillVerdict
) -> None:
    assert fill_verdict(deviation, window_pct=2.2, impedance_z=z) is verdict


def test_seal_before_fill_is_a_fault_of_clocks() -> None:
    assert fill_to_seal_min(0.0, 300.0) == 5.0
    with pytest.raises(ValueError, match="clocks"):
        fill_to_seal_min(300.0, 0.0)
