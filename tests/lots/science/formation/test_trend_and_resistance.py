from __future__ import annotations

import numpy as np
import pytest

from lots.science.formation.resistance import resistance_jump_pct, step_resistances
from lots.science.formation.segments import step_table
from lots.science.formation.trend import efficiency_trend
from tests.support.cycling import Part, records


def test_trend_ignores_the_first_cycle_and_one_outlier() -> None:
    trend = efficiency_trend([1, 2, 3, 4, 5, 6], [85.0, 98.0, 98.2, 90.0, 98.6, 98.8])
    assert trend is not None
    assert trend.slope_pct_per_cycle == pytest.approx(0.2)
    assert (trend.improving, trend.cycles) == (True, 5)


def test_efficiency_that_stays_is_not_improving() -> None:
    # 99.0 against 99.05 %: less than twice the uncertainty of ±0.03 %.
    trend = efficiency_trend([2, 3, 4], [99.0, 99.02, 99.05])
    assert trend is not None
    assert trend.improving is False


def test_two_cycles_make_no_trend() -> None:
    assert efficiency_trend([1, 2, 3], [85.0, 98.0, 98.5]) is None


def test_two_ampere_step_of_forty_millivolts_is_twenty_milliohm() -> None:
    test = records([Part(0.0, 5, 3.6, 3.6, every_s=1), Part(-2.0, 5, 3.56, 3.56, every_s=1)])
    (one,) = step_resistances(test, step_table(test), stated_s=1.0)
    assert one.resistance_mohm == pytest.approx(20.0)
    assert one.after_s == 1.0


def test_records_too_rare_for_the_stated_time_give_no_resistance() -> None:
    test = records([Part(0.0, 5, 3.6, 3.6), Part(-2.0, 5, 3.56, 3.56)])
    table = step_table(test)
    assert step_resistances(test, table, stated_s=1.0) == ()
    assert len(step_resistances(test, table, stated_s=10.0)) == 1


def test_voltage_against_the_current_gives_no_resistance() -> None:
    test = records([Part(0.0, 5, 3.6, 3.6, every_s=1), Part(-2.0, 5, 3.7, 3.7, every_s=1)])
    assert step_resistances(test, step_table(test), stated_s=1.0) == ()


def test_jump_is_relative_to_the_earlier_cycle() -> None:
    assert resistance_jump_pct(20.0, 28.0) == pytest.approx(40.0)
    with pytest.raises(ValueError, match="earlier_mohm"):
        resistance_jump_pct(np.nan, 20.0)
