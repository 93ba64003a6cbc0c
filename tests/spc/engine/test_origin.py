"""The origin of the scale moves no signal: 20 degrees Celsius are 293 kelvin, and a chart must not tell them apart.

Shewhart charts are held to this in test_batch.py, gauge studies and capability in their own files, units in
test_nasty_data.py. Readings and shifts are multiples of 1/64, so that every sum is exact.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine.between_within import three_way_chart
from spc.engine.change import mann_kendall
from spc.engine.groups import group_chart
from spc.engine.multivariate import mewma_chart, t_squared_individuals
from spc.engine.serial import autoregression_chart, moving_center_line, trend_chart
from spc.engine.short_run import deviation_chart, z_chart
from spc.engine.time_weighted import cusum_chart, ewma_chart
from spc.engine.tolerance import distribution_free_interval, normal_interval

Answer = tuple[object, ...]
PARTS = ["A", "B"] * 30


def _pairs(row: np.ndarray) -> np.ndarray:
    return row.reshape(-1, 2)


def _three_way(row: np.ndarray, origin: float) -> Answer:
    shown = three_way_chart(_pairs(row).tolist())
    return shown.beyond, shown.beyond_xbar, round(shown.sigma_between, 9)


def _t_squared(row: np.ndarray, origin: float) -> Answer:
    limits = t_squared_individuals(_pairs(row), confidence=0.9)
    return tuple(np.flatnonzero(limits.t_squared(_pairs(row)) > limits.ucl).tolist())


def _mewma(row: np.ndarray, origin: float) -> Answer:
    center = np.array([75.0, 75.0]) + origin
    return mewma_chart(_pairs(row), center=center, covariance=np.eye(2), weight=0.1, limit=8.66).signals


def _group(row: np.ndarray, origin: float) -> Answer:
    means = _pairs(row).tolist()
    shown = group_chart(means, [[1.0, 1.5]] * len(means), n=4)
    return (round(shown.ucl - origin, 9), round(shown.lcl - origin, 9))


def _cusum(row: np.ndarray, origin: float) -> Answer:
    shown = cusum_chart((row - 75.0 - origin).tolist(), reference=0.5, interval=4.0)
    return shown.signals_upper, shown.signals_lower, shown.upper_change


def _tolerance(row: np.ndarray, origin: float) -> Answer:
    normal = normal_interval(row.tolist(), coverage=0.9, confidence=0.9)
    free = distribution_free_interval(row.tolist(), coverage=0.8, confidence=0.8)
    return tuple(
        round(end - origin, 6) for end in (normal.lower, normal.upper, free.lower, free.upper) if end
    )


CHARTS: dict[str, Callable[[np.ndarray, float], Answer]] = {
    "three-way": _three_way,
    "EWMA": lambda row, origin: ewma_chart(row, center=75.0 + origin, sigma=1.0, weight=0.2).signals,
    "CUSUM": _cusum,
    "group": _group,
    "short run": lambda row, origin: z_chart(PARTS, row.tolist()).beyond,
    "deviation from nominal": lambda row, origin: (
        deviation_chart(PARTS, row.tolist(), {"A": 75.0 + origin, "B": 76.0 + origin}).beyond
    ),
    "trend": lambda row, origin: trend_chart(row, n_phase1=40).signals,
    "residuals": lambda row, origin: autoregression_chart(row, n_phase1=40).signals,
    "moving centre line": lambda row, origin: moving_center_line(row, n_phase1=40).signals,
    "T squared": _t_squared,
    "MEWMA": _mewma,
    "tolerance": _tolerance,
    "Mann-Kendall": lambda row, origin: (round(mann_kendall(row).p, 9),),
}


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), origin=st.sampled_from([-4096.0, -75.0, 273.25, 1024.0]))
@pytest.mark.parametrize("name", CHARTS)
def test_the_origin_of_the_scale_moves_nothing(name: str, seed: int, origin: float) -> None:
    row = np.round(np.random.default_rng(seed).normal(75.0, 1.0, 60) * 64) / 64
    row[41] += 4.0
    assert CHARTS[name](row + origin, origin) == CHARTS[name](row, 0.0)
