from __future__ import annotations

import pytest

from lots.science.formation.integrity import charge_moved, deviation_pct
from tests.support.cycling import Part, full_cycles, records


def test_whole_test_is_the_integral_of_its_current() -> None:
    moved = charge_moved(records(full_cycles(3)))
    assert (moved.charge_ah, moved.discharge_ah) == (pytest.approx(6.0), pytest.approx(5.1))
    assert (moved.charge_resolved_ah, moved.discharge_resolved_ah) == (moved.charge_ah, moved.discharge_ah)


def test_what_the_records_do_not_resolve_is_taken_from_the_counter() -> None:
    """Else no capacity that was rightly recorded from the counter would ever pass the check of a package."""
    test = records([Part(2.0, 40 / 60, 2.5, 3.8), Part(-2.0, 40 / 60, 3.7, 2.2)])
    test.counters_ah[0][:] += 2.0 * 0.9 / 3600.0
    moved = charge_moved(test)
    assert moved.discharge_ah == pytest.approx(2.0 * 40 / 3600)
    assert moved.discharge_resolved_ah == pytest.approx(2.0 * 40.9 / 3600)
    assert moved.charge_resolved_ah == pytest.approx(2.0 * 40.9 / 3600)


def test_nothing_recorded_of_nothing_moved_agrees() -> None:
    assert (deviation_pct(0.0, 0.0), deviation_pct(1.0, 0.0)) == (0.0, float("inf"))
    assert deviation_pct(19.9, 20.0) == pytest.approx(0.5)
