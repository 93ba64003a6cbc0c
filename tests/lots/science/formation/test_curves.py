"""Voltage band, detectors and incremental capacity. Reference: a NaCoO₂ half cell, numbers of formulas 9 and 10."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lots.science.formation import band, detectors
from lots.science.formation.band import Alarm
from lots.science.formation.first_charge import FirstCharge, charge_of_curve
from lots.science.formation.incremental import incremental_capacity
from lots.science.formation.segments import StepKind, step_curve, step_table
from tests.support.half_cell import half_cell

Curve = tuple[np.ndarray, np.ndarray]


def half_cell_curves(kind: StepKind) -> list[Curve]:
    test = half_cell()
    table = step_table(test)
    return [step_curve(test, table, row) for row in range(table.size) if table.kind[row] is kind]


def good_curve(shift_v: float = 0.0, end_ah: float = 20.0) -> Curve:
    moved = np.linspace(0, end_ah, 500)
    share = moved / end_ah
    return 2.5 + shift_v + 0.9 * share + 0.2 * np.tanh(8 * (share - 0.5)), moved


def good_band(cells: int = 24) -> band.VoltageBand:
    curves = [good_curve(0.002 * np.sin(i), 20.0 + 0.05 * np.cos(i)) for i in range(cells)]
    return band.voltage_band([charge_of_curve(*curve) for curve in curves], protocol="P 1")


def judged(curve: Curve, of: band.VoltageBand) -> band.BandVerdict:
    return band.compare_with_band(charge_of_curve(*curve), of, protocol="P 1")


def test_half_cell_peaks_are_those_published() -> None:
    curve = half_cell_curves(StepKind.DISCHARGE)[1]
    peaks = [peak.voltage_v for peak in incremental_capacity(*curve, window_mv=50).peaks]
    expected = [2.336, 2.428, 2.536, 2.598, 2.664, 2.954, 3.156, 3.254, 3.650]
    assert peaks == pytest.approx(expected, abs=1e-9)


def test_wide_window_loses_a_peak_and_moves_another() -> None:
    curve = half_cell_curves(StepKind.DISCHARGE)[1]
    peaks = np.array([peak.voltage_v for peak in incremental_capacity(*curve, window_mv=102).peaks])
    assert not np.any(np.abs(peaks - 2.598) < 0.02)
    assert np.min(np.abs(peaks - (2.336 - 0.006))) < 1e-9


def test_hold_at_the_end_is_no_part_of_the_incremental_capacity() -> None:
    voltage, moved = good_curve()
    held_v = np.concatenate((voltage, np.full(300, voltage[-1])))
    held_q = np.concatenate((moved, moved[-1] + np.linspace(0, 5, 300)))
    with_hold, without = incremental_capacity(held_v, held_q), incremental_capacity(voltage, moved)
    assert np.allclose(with_hold.dqdv_ah_v, without.dqdv_ah_v)


def test_incremental_capacity_returns_the_charge_it_was_given() -> None:
    voltage, moved = good_curve()
    found = incremental_capacity(voltage, moved)
    assert np.trapezoid(found.dqdv_ah_v, found.voltage_v) == pytest.approx(20.0, rel=0.01)
    falling = incremental_capacity(voltage[::-1], moved)
    assert np.all(np.diff(falling.voltage_v) > 0)


def test_window_longer_than_the_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="less than the window"):
        incremental_capacity([3.0, 3.02], [0.0, 1.0])


def test_half_cell_first_charge_is_out_of_the_band_of_the_later_ones() -> None:
    charges = [charge_of_curve(*curve) for curve in half_cell_curves(StepKind.CHARGE)]
    later = band.voltage_band(charges[1:], protocol="C/24")
    first = band.compare_with_band(charges[0], later, protocol="C/24")
    # formulas 9: 49 % out and z of 95, with a band whose points are not told in full.
    assert first.out_pct == pytest.approx(49, abs=3)
    assert first.max_z == pytest.approx(95, abs=1)
    assert Alarm.OUT_OF_BAND in first.alarms
    for charge in charges[1:]:
        assert round(band.compare_with_band(charge, later, protocol="C/24").out_pct) <= 1
    assert later.provisional


def test_half_cell_noise_is_that_of_its_instrument() -> None:
    noise = [detectors.voltage_noise_v(voltage) for voltage, _ in half_cell_curves(StepKind.CHARGE)]
    assert max(value for value in noise if value) == pytest.approx(0.085e-3, abs=1e-6)


def test_good_cell_is_inside_and_shifted_cell_is_outside() -> None:
    assert judged(good_curve(0.001), good_band()).alarms == ()
    shifted = judged(good_curve(0.05), good_band())
    assert shifted.alarms == (Alarm.OUT_OF_BAND, Alarm.RISES_TOO_FAST)
    assert shifted.out_pct == 100.0
    sagging = judged(good_curve(-0.05), good_band())
    assert sagging.alarms == (Alarm.OUT_OF_BAND,)


def test_low_capacity_is_not_hidden_by_the_normalisation() -> None:
    low = judged(good_curve(end_ah=17.0), good_band())
    assert low.alarms == (Alarm.CAPACITY_OUT_OF_BAND, Alarm.RISES_TOO_FAST)  # formulas 9: Q at V₁ is low too
    assert judged(good_curve(end_ah=23.0), good_band()).alarms == (Alarm.CAPACITY_OUT_OF_BAND,)


def test_band_of_another_protocol_version_is_refused() -> None:
    with pytest.raises(ValueError, match="new baseline"):
        band.compare_with_band(charge_of_curve(*good_curve()), good_band(), protocol="P 2")


def test_band_of_few_cells_says_that_it_is_provisional() -> None:
    assert good_band(19).provisional
    assert not good_band(20).provisional


def test_detectors_of_single_curves() -> None:
    voltage, moved = good_curve()
    rng = np.random.default_rng(11)
    quiet, loud = (
        detectors.voltage_noise_v(voltage + rng.normal(0, sigma, voltage.size)) for sigma in (1e-4, 1e-3)
    )
    assert quiet is not None
    assert loud is not None
    assert quiet == pytest.approx(1e-4, rel=0.25)
    assert detectors.is_noisy(loud, quiet)
    assert not detectors.is_noisy(2 * quiet, quiet)
    assert detectors.slope_reversals(voltage, moved) == 0
    assert detectors.slope_reversals(voltage + 0.05 * np.sin(moved * 3), moved) > 5
    assert detectors.rises_too_fast(0.05, 1.0, resistance_limit_mohm=40)
    assert not detectors.rises_too_fast(0.03, 1.0, resistance_limit_mohm=40)
    assert detectors.temperature_excursion_c([30, 30, 31, 36, np.nan]) == pytest.approx(5.5)
    assert detectors.capacity_at_voltage_ah([3.0, 3.5, 4.0], [0.0, 1.0, 2.0], 3.5) == 1.0
    assert detectors.capacity_at_voltage_ah([4.0, 3.5, 3.0], [0.0, 1.0, 2.0], 3.2) == 2.0
    assert detectors.capacity_at_voltage_ah(voltage, moved, 9.9) is None


def with_traits(count: int = 24, **traits: float | None) -> list[FirstCharge]:
    """Good charges that jump by 40 mV at 2 A and warm by 1 °C."""
    rng = np.random.default_rng(7)
    charges = []
    for _ in range(count):
        voltage, moved = good_curve(0.002 * rng.standard_normal())
        noisy = voltage + rng.normal(0, 1e-4, voltage.size)
        charges.append(charge_of_curve(noisy, moved, jump_v=0.04, jump_a=2.0, excursion_c=1.0))
    return [dataclasses.replace(charge, **traits) for charge in charges]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shown", "alarm"),
    [
        ({"noise_v": 4.5e-4}, None),
        ({"noise_v": 6e-4}, Alarm.NOISY),
        ({"reversals": 4}, None),
        ({"reversals": 5}, Alarm.IRREGULAR_PLATEAU),
        ({"excursion_c": 3.0}, None),
        ({"excursion_c": 3.1}, Alarm.TEMPERATURE_EXCURSION),
        ({"jump_v": 0.043}, None),
        ({"jump_v": 0.0433}, Alarm.RISES_TOO_FAST),
    ],
)
def test_each_detector_speaks_beyond_what_good_cells_show(
    shown: dict[str, float], alarm: Alarm | None
) -> None:
    good = band.voltage_band(with_traits(), protocol="P 1")
    (charge,) = with_traits(1, **shown)
    found = band.compare_with_band(charge, good, protocol="P 1")
    assert found.alarms == (() if alarm is None else (alarm,))
    assert found.unseen == ()
    assert set(band.LOOK_AT) == set(Alarm)


def test_detector_without_records_or_without_twenty_good_cells_that_have_them_says_so() -> None:
    good = band.voltage_band(with_traits(), protocol="P 1")
    (dark,) = with_traits(1, excursion_c=None, noise_v=None)
    found = band.compare_with_band(dark, good, protocol="P 1")
    assert found.unseen == (Alarm.NOISY, Alarm.TEMPERATURE_EXCURSION)
    few = band.voltage_band([*with_traits(19), *with_traits(5, excursion_c=None)], protocol="P 1")
    (warm,) = with_traits(1, excursion_c=30.0)
    assert band.compare_with_band(warm, few, protocol="P 1").unseen == (Alarm.TEMPERATURE_EXCURSION,)
