"""The figures of formulas 7, 8 and 11 that come from the 39 cells of the University of Michigan."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from typing import Any

import pytest

from lots.science.filling import electrolyte_per_capacity_g_ah
from lots.science.formation import coulombic_efficiency_pct, first_cycle
from mes.runtime.state import PROJECT_DIR

FILE = PROJECT_DIR / "tests" / "reference" / "formation" / "um_cells.json"
CELLS: list[dict[str, Any]] = json.loads(FILE.read_text())["cells"]
NOMINAL_AH = 2.36


def mean_and_sd(values: Iterable[float], digits: int) -> tuple[int, float, float]:
    listed = list(values)
    return len(listed), round(statistics.mean(listed), digits), round(statistics.stdev(listed), digits)


def test_baseline_cells_have_the_published_first_cycle_efficiency() -> None:
    efficiencies = (
        first_cycle(cell["first_charge_ah"], cell["first_discharge_ah"], cutoffs_reached=True).efficiency_pct
        / 100
        for cell in CELLS
        if not cell["fast_formation"]
    )
    assert mean_and_sd(efficiencies, 3) == (19, 0.854, 0.009)


def test_partial_first_discharges_have_a_ratio_and_no_efficiency() -> None:
    fast = [(cell["first_charge_ah"], cell["first_discharge_ah"]) for cell in CELLS if cell["fast_formation"]]
    assert mean_and_sd((coulombic_efficiency_pct(*pair) / 100 for pair in fast), 3) == (20, 0.176, 0.004)
    for charge_ah, discharge_ah in fast:
        with pytest.raises(ValueError, match="before its cut-off"):
            first_cycle(charge_ah, discharge_ah, cutoffs_reached=False)


@pytest.mark.parametrize(
    ("at_room_temperature", "published"), [(False, (19, 15.9, 0.5)), (True, (20, 26.2, 0.6))]
)
def test_resistance_is_one_of_its_temperature_group(
    at_room_temperature: bool, published: tuple[int, float, float]
) -> None:
    milliohms = (
        1000 * cell["resistance_10s_50_soc_ohm"]
        for cell in CELLS
        if cell["at_room_temperature"] is at_room_temperature
    )
    assert mean_and_sd(milliohms, 1) == published


def test_real_cells_hold_more_electrolyte_than_their_pores_need() -> None:
    filled = (electrolyte_per_capacity_g_ah(cell["electrolyte_g"], NOMINAL_AH) for cell in CELLS)
    assert mean_and_sd(filled, 2)[:2] == (39, 4.69)
