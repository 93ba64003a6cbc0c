from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from lots.science.dry_room import (
    MoistureDose,
    absolute_humidity_g_m3,
    moisture_dose,
    vapour_pressure_over_water_pa,
    water_content,
)

# frost point °C, e Pa, ppmv, g/m³ at 20 °C, RH % at 20 °C
TABLE = [
    (-20, 103.25, 1019, 0.7631, 4.41),
    (-30, 38.00, 375.1, 0.2809, 1.62),
    (-40, 12.838, 126.7, 0.09489, 0.549),
    (-45, 7.201, 71.07, 0.05322, 0.308),
    (-50, 3.936, 38.85, 0.02909, 0.168),
    (-60, 1.081, 10.67, 0.00799, 0.046),
    (-70, 0.2616, 2.58, 0.00193, 0.011),
]


@pytest.mark.parametrize(("frost", "pressure", "ppmv", "humidity", "relative"), TABLE)
def test_worked_table(frost: float, pressure: float, ppmv: float, humidity: float, relative: float) -> None:
    water = water_content(frost, air_temperature_c=20.0)
    assert water.vapour_pressure_pa == pytest.approx(pressure, rel=5e-4)
    assert water.ppmv == pytest.approx(ppmv, rel=1e-3)
    assert water.absolute_humidity_g_m3 == pytest.approx(humidity, rel=2e-4, abs=6e-6)
    assert water.relative_humidity_pct == pytest.approx(relative, abs=0.006)


def test_dew_point_over_water_is_another_quantity() -> None:
    over_water = 1e6 * float(vapour_pressure_over_water_pa(-40.0)) / 101_325
    assert over_water == pytest.approx(187.8, rel=0.01)
    assert over_water / water_content(-40.0).ppmv == pytest.approx(1.48, abs=0.02)


def test_ten_ppm_by_volume_and_by_mass_are_different_frost_points() -> None:
    by_volume = brentq(lambda frost: water_content(frost).ppmv - 10, -80, -40)
    by_mass = brentq(lambda frost: water_content(frost).ppm_mass - 10, -80, -40)
    assert by_volume == pytest.approx(-60.5, abs=0.05)
    assert by_mass == pytest.approx(-56.9, abs=0.05)


@pytest.mark.parametrize("frost", [0.5, -101, float("nan")])
def test_frost_point_off_the_ice_is_refused(frost: float) -> None:
    with pytest.raises(ValueError, match="frost_point_c"):
        water_content(frost)


def dose(opened_min: float, closed_min: float, times_min: object, frost: object) -> MoistureDose:
    return moisture_dose(
        60 * opened_min,
        60 * closed_min,
        60.0 * np.asarray(times_min, dtype=float),
        np.asarray(frost, dtype=float),
        air_temperature_c=20.0,
    )


def test_worked_dose_converts_before_it_integrates() -> None:
    minutes = np.arange(0.0, 31.0)
    dry = dose(0, 30, minutes, np.full(31, -40.0))
    wet = dose(30, 40, np.arange(30.0, 41.0), np.full(11, -25.0))
    assert dry.dose_g_h_m3 is not None and wet.dose_g_h_m3 is not None
    assert dry.dose_g_h_m3 + wet.dose_g_h_m3 == pytest.approx(0.1254, abs=5e-5)
    averaged_first = float(absolute_humidity_g_m3(-36.25, 20.0)) * 40 / 60
    assert averaged_first == pytest.approx(0.0961, abs=5e-5)


def test_ends_are_interpolated_from_readings_outside_the_interval() -> None:
    result = dose(1, 3, [0, 4], [-40, -40])
    assert result.dose_g_h_m3 == pytest.approx(0.09489 * 2 / 60, rel=1e-3)
    assert result.open_min == 2.0


def test_order_of_the_series_does_not_matter() -> None:
    assert dose(0, 4, [4, 0, 2], [-35, -40, -30]) == dose(0, 4, [0, 2, 4], [-40, -30, -35])


@pytest.mark.parametrize(
    ("times", "frost"),
    [
        ([0, 4, 9.1, 10], [-40, -40, -40, -40]),  # silent in the middle
        ([5.1, 10], [-40, -40]),  # silent at the start
        ([0, 4], [-40, -40]),  # silent at the end
        ([], []),
        ([-60, 90], [-40, -40]),  # readings only far away
    ],
)
def test_gap_over_five_minutes_makes_the_dose_unknown_and_never_zero(
    times: list[float], frost: list[float]
) -> None:
    result = dose(0, 10, times, frost)
    assert result.dose_g_h_m3 is None
    assert "frost point" in result.reason


def test_gap_of_exactly_five_minutes_is_accepted() -> None:
    assert dose(0, 10, [0, 5, 10], [-40, -40, -40]).dose_g_h_m3 == pytest.approx(0.09489 / 6, rel=1e-3)


def test_container_closed_before_it_opened_is_refused() -> None:
    with pytest.raises(ValueError, match="closed_at_s"):
        dose(10, 5, [0, 10], [-40, -40])
