from __future__ import annotations

import numpy as np
import pytest

from lots.science.formation import (
    capacity_ah,
    coulombic_efficiency_pct,
    dc_resistance_mohm,
    first_cycle,
)


def test_worked_first_cycle() -> None:
    result = first_cycle(24.0, 20.4, cutoffs_reached=True)
    assert result.efficiency_pct == pytest.approx(85.0)
    assert result.irreversible_loss_pct == pytest.approx(15.0)
    assert result.irreversible_loss_ah == pytest.approx(3.6)


def test_partial_first_discharge_has_no_first_cycle_efficiency() -> None:
    # 0.176 of the charge came back in a discharge that was cut short: a number, but not an efficiency.
    with pytest.raises(ValueError, match="cutoffs_reached"):
        first_cycle(1.0, 0.176, cutoffs_reached=False)


def test_more_out_than_in_is_a_measurement_fault() -> None:
    assert coulombic_efficiency_pct(20.0, 20.04) == pytest.approx(100.2)
    with pytest.raises(ValueError, match="measurement fault"):
        coulombic_efficiency_pct(20.0, 20.05)


@pytest.mark.parametrize(
    ("charge", "discharge", "field"), [(0.0, 1.0, "charge_ah"), (1.0, -1.0, "discharge_ah")]
)
def test_impossible_capacity_is_named(charge: float, discharge: float, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}"):
        coulombic_efficiency_pct(charge, discharge)


def test_capacity_is_the_trapezoid_of_current_over_time() -> None:
    time = np.array([0.0, 10.0, 3600.0])
    assert capacity_ah(time, [-2.0, -2.0, -2.0]) == pytest.approx(2.0)
    assert capacity_ah([0.0, 3600.0], [2.0, 0.0]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("time", "current", "field"),
    [([0, 2, 1], [1, 1, 1], "time_s"), ([0, 1], [1, float("nan")], "current_a"), ([0, 1], [1], "time_s")],
)
def test_broken_records_are_refused(time: list[float], current: list[float], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        capacity_ah(time, current)


def test_worked_resistance_of_forty_millivolts_at_two_amperes() -> None:
    resistance = dc_resistance_mohm(
        voltage_before_v=3.20, voltage_after_v=3.16, current_before_a=0.0, current_after_a=-2.0
    )
    assert resistance == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("after_v", "after_a", "field"), [(3.1, 0.0, "current_after_a"), (3.3, -2.0, "voltage")]
)
def test_resistance_needs_a_step_that_the_voltage_follows(after_v: float, after_a: float, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        dc_resistance_mohm(
            voltage_before_v=3.2, voltage_after_v=after_v, current_before_a=0.0, current_after_a=after_a
        )
