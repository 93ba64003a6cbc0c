from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spc.engine import NELSON, Family, Rule, estimate_baseline
from spc.engine.rare_events import TAIL, IntervalError, Limits, g_chart, power_t_chart, t_chart
from spc.engine.readings import ReadingError
from spc.engine.sigma import TooFewReadingsError

# Montgomery, Introduction to Statistical Quality Control, table 7.14: hours between failures of a valve.
HOURS = [286, 948, 536, 124, 816, 729, 4, 143, 431, 8, 2837, 596, 81, 227, 603, 492, 1199, 1214, 2831, 96]
# The same table: hours to the power 0.2777.
TRANSFORMED = [
    4.80986, 6.70903, 5.72650, 3.81367, 6.43541, 6.23705, 1.46958, 3.96768, 5.39007, 1.78151,
    9.09619, 5.89774, 3.38833, 4.51095, 5.91690, 5.59189, 7.16124, 7.18601, 9.09083, 3.55203,
]  # fmt: skip


def test_times_between_failures_of_a_valve() -> None:
    shown = power_t_chart(HOURS, NELSON)
    # The book rounds 1/3.6 to 0.2777: up to 6e-4 at the longest time.
    assert shown.transformed.statistic.tolist() == pytest.approx(TRANSFORMED, rel=7e-4)
    assert shown.transformed.baseline.center == pytest.approx(np.mean(TRANSFORMED), rel=7e-4)
    assert shown.transformed.hits == ()  # "indicates a state of control"
    assert shown.lcl == 0.0
    assert shown.ucl ** (1 / 3.6) == pytest.approx(shown.transformed.ucl[0])


def test_a_quantile_chart_of_times_has_the_tails_of_three_sigma() -> None:
    shown = t_chart(HOURS)
    mean = sum(HOURS) / 20
    assert math.exp(-shown.ucl / mean) == pytest.approx(0.0013499, rel=1e-4)
    assert 1 - math.exp(-shown.lcl / mean) == pytest.approx(0.0013499, rel=1e-4)
    assert math.exp(-shown.center / mean) == pytest.approx(0.5)
    assert shown.beyond == ()


def test_three_sigma_limits_of_units_between_events() -> None:
    shown = g_chart([0, 3, 8, 1, 30, 2, 5])
    assert shown.center == 7.0
    assert shown.ucl == pytest.approx(7.0 + 3.0 * math.sqrt(56.0))  # Kaminsky et al. (1992): mean (mean + 1)
    assert (shown.lcl, shown.beyond) == (0.0, (4,))
    assert g_chart([0, 3, 8, 1, 30, 2, 5, 30], n_phase1=4).beyond == (4, 7)


def test_false_alarms_of_three_sigma_are_the_published_two_percent() -> None:
    # Benneyan (2001): exp(-4) = 1.8 % for rare events, because the law is skewed.
    p = 1e-4
    mean = (1 - p) / p
    ucl = mean + 3 * math.sqrt(mean * (mean + 1))
    assert (1 - p) ** (math.floor(ucl) + 1) == pytest.approx(0.0183, abs=2e-4)


@given(mean=st.floats(0.05, 5000.0))
def test_probability_limits_are_the_tightest_that_keep_the_tail(mean: float) -> None:
    counts = [math.floor(mean), math.ceil(mean) + 1]
    shown = g_chart(counts, limits=Limits.PROBABILITY)
    p = 1 / (1 + sum(counts) / 2)
    for line, tail in ((shown.ucl, TAIL), (shown.center, 0.5)):
        assert (1 - p) ** (line + 1) <= tail * (1 + 1e-6)
        assert line == 0 or (1 - p) ** line > tail * (1 - 1e-6)
    assert 1 - (1 - p) ** shown.lcl <= TAIL * (1 + 1e-6)  # P(X < LCL)


def test_a_run_of_zeros_says_that_events_have_become_frequent() -> None:
    # Mean 9, so p = 0.1: three zeros in a row have a probability of 0.001.
    calm = [9, 12, 6, 9, 14, 4]
    shown = g_chart([*calm, 0, 0, 0, 0, 5], n_phase1=6)
    assert shown.zero_run == 3
    assert shown.zero_runs == (8, 9)


def test_edges() -> None:
    none = g_chart([0, 0, 0])
    assert (none.center, none.ucl, none.beyond, none.zero_run) == (0.0, 0.0, (), None)
    assert g_chart([0, 0], limits=Limits.PROBABILITY).beyond == ()
    one = g_chart([5])
    assert (one.center, one.beyond) == (5.0, ())
    missing = g_chart([5, math.nan, 400], n_phase1=2)
    assert (missing.center, missing.beyond) == (5.0, (2,))
    assert t_chart([0.0, 0.0]).beyond == ()
    for draw in (g_chart, t_chart, power_t_chart):
        with pytest.raises(TooFewReadingsError):
            draw([])
        with pytest.raises(IntervalError, match="zero or more"):
            draw([1.0, -1.0])
        with pytest.raises(ReadingError, match="infinite"):
            draw([1.0, math.inf])
        with pytest.raises(IntervalError, match="one row"):
            draw([[1.0, 2.0]])
        with pytest.raises(TooFewReadingsError):
            draw([1.0, 2.0], n_phase1=3)
    with pytest.raises(IntervalError, match="whole numbers"):
        g_chart([1.5])


def test_stretching_time_moves_no_signal() -> None:
    times = np.random.default_rng(9).exponential(40.0, 60)
    times[40:] /= 50.0
    for unit in (1.0, 60.0, 1e-6):
        assert t_chart(times * unit, n_phase1=40).beyond == t_chart(times, n_phase1=40).beyond
        hits = power_t_chart(times * unit, NELSON, n_phase1=40).transformed.hits
        assert {(hit.index, hit.rule) for hit in hits} == {
            (hit.index, hit.rule) for hit in power_t_chart(times, NELSON, n_phase1=40).transformed.hits
        }
    found = {hit.rule for hit in power_t_chart(times, NELSON, n_phase1=40).transformed.hits}
    assert Rule.RUN_ONE_SIDE in found


def test_the_power_chart_is_an_individuals_chart() -> None:
    values = np.array(HOURS) ** (1 / 3.6)
    assert power_t_chart(HOURS).transformed.baseline == estimate_baseline(Family.IMR, values)
