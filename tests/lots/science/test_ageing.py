"""The K value: an exact line, an independent least squares, and an uncertainty that simulation confirms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lots.science.ageing import DAY_S, self_discharge

KNOWN = {"reading_u_mv": 0.05, "least_days": 1.0}


def test_two_readings_give_their_difference() -> None:
    found = self_discharge([0.0, 6 * DAY_S], [2.9500, 2.9488], **KNOWN)
    assert found.k_mv_day == pytest.approx(0.2)
    assert found.u_mv_day == pytest.approx(0.05 * np.sqrt(2.0) / 6.0)  # GUM: two independent readings
    assert (found.days, found.readings, found.is_resolved) == (6.0, 2, True)


def test_more_readings_agree_with_scipy() -> None:
    days = np.array([0.0, 1.0, 3.0, 7.0, 14.0])
    volts = np.array([2.9500, 2.9497, 2.9493, 2.9480, 2.9467])
    found = self_discharge(days * DAY_S, volts, **KNOWN)
    line = stats.linregress(days, 1000.0 * volts)
    assert found.k_mv_day == pytest.approx(-line.slope)
    assert found.u_mv_day == pytest.approx(max(line.stderr, 0.05 / np.sqrt(((days - 5.0) ** 2).sum())))


def test_readings_on_a_line_are_as_uncertain_as_the_voltmeter() -> None:
    found = self_discharge(np.arange(4) * DAY_S, 3.0 - 1e-4 * np.arange(4), **KNOWN)
    assert found.k_mv_day == pytest.approx(0.1)
    assert found.u_mv_day == pytest.approx(0.05 / np.sqrt(5.0))


def test_a_cell_that_stays_is_not_resolved_and_a_rising_one_is_negative() -> None:
    assert not self_discharge([0.0, 7 * DAY_S], [2.95, 2.95], **KNOWN).is_resolved
    assert self_discharge([0.0, 7 * DAY_S], [2.95, 2.96], **KNOWN).k_mv_day < 0


def test_uncertainty_covers_what_noise_does() -> None:
    rng = np.random.default_rng(3)
    days = np.array([0.0, 2.0, 5.0, 7.0])
    noise = rng.normal(0.0, 0.05e-3, (4000, 4))
    ks = [self_discharge(days * DAY_S, 2.95 - 2e-4 * days + row, **KNOWN).k_mv_day for row in noise]
    assert np.mean(ks) == pytest.approx(0.2, abs=1e-3)
    assert np.std(ks) == pytest.approx(0.05 / np.sqrt(((days - 3.5) ** 2).sum()), rel=0.05)


@pytest.mark.parametrize(
    ("time", "volts", "words"),
    [
        ([0.0], [2.95], "read twice"),
        ([0.0, 0.5 * DAY_S], [2.95, 2.94], "span 0.50 days; 1 are needed"),
        ([0.0, 0.0], [2.95, 2.94], "span 0.00"),
        ([0.0, DAY_S], [2.95], "same length"),
        ([0.0, DAY_S], [2.95, float("nan")], "finite"),
    ],
)
def test_too_little_is_refused(time: list[float], volts: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        self_discharge(time, volts, **KNOWN)


def test_a_voltmeter_without_uncertainty_is_refused() -> None:
    with pytest.raises(ValueError, match="reading_u_mv"):
        self_discharge([0.0, DAY_S], [2.95, 2.94], reading_u_mv=0.0, least_days=0.0)


@given(
    st.lists(st.floats(0, 30), min_size=2, max_size=8, unique=True).filter(lambda d: max(d) - min(d) > 1),
    st.floats(-2, 2),
    st.floats(-5, 5),
)
def test_order_origin_and_level_do_not_matter(days: list[float], k: float, shift_v: float) -> None:
    time = np.array(days) * DAY_S
    volts = 3.0 - 1e-3 * k * np.array(days)
    found = self_discharge(time, volts, **KNOWN)
    assert found.k_mv_day == pytest.approx(k, abs=1e-6)
    moved = self_discharge(time[::-1] + 1e6, volts[::-1] + shift_v, **KNOWN)
    assert moved.k_mv_day == pytest.approx(k, abs=1e-5)
