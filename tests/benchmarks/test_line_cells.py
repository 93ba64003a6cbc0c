"""Which cells of the simulated line count as faulty, and that they are the same cells with and without the fault."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.faulty_cells import Made
from benchmarks.line_cells import another_line, complete, least_visible_shift, make_line, shift
from lots.science.defects.classify import Reference
from lots.science.defects.signatures import Family, Feature
from mes.simulator import physics
from mes.simulator.faults import Fault


def test_fault_moves_a_cell_that_is_otherwise_the_same() -> None:
    still = make_line(None, pairs=1, seed=11, cells_read=1)
    moved = make_line(Fault.UNDERFILL, pairs=1, seed=11, times=4, cells_read=1)
    assert still.keys() == moved.keys() and len(still) == 2
    for code, cell in moved.items():
        assert cell.truth == (Family.UNDERFILL,)
        before, after = still[code].features, cell.features
        assert after[Feature.FILL_MASS] - before[Feature.FILL_MASS] == pytest.approx(-4 * 8 * 0.074, abs=0.02)
        assert after[Feature.POROSITY] == before[Feature.POROSITY]
    assert len(complete(still.values())) == 2


def test_shift_is_the_largest_of_those_that_are_known() -> None:
    of = Reference({Feature.R_HF: 1.0, Feature.FCE: 85.0}, {Feature.R_HF: 0.1, Feature.FCE: 1.0}, 20)
    without = Made((), {Feature.R_HF: 1.3, Feature.FCE: 84.0, Feature.CHANNEL_EFFECT: 0.5})
    cell = Made((), {Feature.R_HF: float("nan"), Feature.FCE: 81.0, Feature.CHANNEL_EFFECT: 1.5})
    assert shift(cell, without, of) == pytest.approx(3.0)


def test_least_visible_shift_meets_both_targets_and_no_less_does() -> None:
    least = least_visible_shift(15)
    limit = norm.isf(0.01 / 15)
    assert 15 * 2 * norm.sf(limit) == pytest.approx(0.02)
    assert norm.sf(limit - least) == pytest.approx(0.85)
    assert least == pytest.approx(4.25, abs=0.01)


def test_another_line_is_another_one_only_inside() -> None:
    before = physics.FCE_PER_DOSE
    with another_line(3):
        assert 0.67 <= physics.FCE_PER_DOSE / before <= 1.33
        assert not np.isclose(physics.FCE_PER_DOSE, before)
    assert before == physics.FCE_PER_DOSE
