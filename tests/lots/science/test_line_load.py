"""Worked numbers of formulas 14."""

from __future__ import annotations

import pytest

from lots.science.line_load import line_load


def test_ten_gigawatt_hours_of_sixty_four_watt_hours() -> None:
    good = line_load(gwh_per_year=10, cell_wh=64)
    assert good.cells_per_year == pytest.approx(156.25e6)
    assert good.cells_per_day == pytest.approx(428_082, abs=1)
    started = line_load(gwh_per_year=10, cell_wh=64, days=330, cell_yield=0.92)
    assert started.cells_per_day == pytest.approx(514_657, abs=1)
    assert started.cells_per_day / 86_400 == pytest.approx(6.0, abs=0.05)
    assert started.channels == pytest.approx(2.31e6, rel=1e-3)
    assert started.records_per_second == pytest.approx(208_008, rel=1e-3)


@pytest.mark.parametrize(("cells", "channels", "records"), [(1_000, 4_491, 404), (10_000, 44_907, 4_042)])
def test_pilot_lines(cells: int, channels: int, records: int) -> None:
    load = line_load(gwh_per_year=cells * 64 * 365 / 1e9, cell_wh=64)
    assert load.channels == pytest.approx(channels, abs=1)
    assert load.records_per_second == pytest.approx(records, abs=1)


@pytest.mark.parametrize(("gwh", "millions"), [(35, 1.5), (100, 4.3)])
def test_larger_plants(gwh: float, millions: float) -> None:
    assert line_load(gwh_per_year=gwh, cell_wh=64).cells_per_day == pytest.approx(millions * 1e6, rel=0.01)


def test_small_cells_of_twenty_gigawatt_hours() -> None:
    assert line_load(gwh_per_year=20, cell_wh=18.3).cells_per_day == pytest.approx(3.0e6, rel=0.005)


@pytest.mark.parametrize(("every_s", "points"), [(1, 349_200), (10, 34_920), (30, 11_640)])
def test_points_of_a_cell_over_its_97_hours(every_s: float, points: float) -> None:
    load = line_load(gwh_per_year=10, cell_wh=64, record_every_s=every_s)
    assert load.records_per_second * 86_400 / load.cells_per_day == pytest.approx(points)


@pytest.mark.parametrize(
    ("cells_a_day", "gwh"), [(2e6, 47), (10e6, 234), (1_000, 0.023), (10_000, 0.234), (428_082, 10)]
)
def test_cells_a_day_are_so_many_gigawatt_hours_of_book_cells(cells_a_day: float, gwh: float) -> None:
    one = line_load(gwh_per_year=1, cell_wh=20 * 3.2)
    assert cells_a_day / one.cells_per_day == pytest.approx(gwh, rel=0.02)


def test_web_of_a_double_coated_cathode_at_3_2_milliampere_hours() -> None:
    square_metres = 20_000 / (2 * 3.2) / 1e4
    assert square_metres == pytest.approx(0.3125)
    started = line_load(gwh_per_year=10, cell_wh=64, days=330, cell_yield=0.92)
    assert square_metres * started.cells_per_day == pytest.approx(161_000, rel=2e-3)


def test_impossible_plant_is_refused() -> None:
    with pytest.raises(ValueError, match="cell_yield"):
        line_load(gwh_per_year=10, cell_wh=64, cell_yield=1.2)
