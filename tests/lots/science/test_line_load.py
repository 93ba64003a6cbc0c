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


def test_impossible_plant_is_refused() -> None:
    with pytest.raises(ValueError, match="cell_yield"):
        line_load(gwh_per_year=10, cell_wh=64, cell_yield=1.2)
