"""Every chart family on data as it comes: gaps, ties, constants, one reading, none, infinities, huge and tiny values.

A chart either answers, with signals at points that exist and none where nothing varies, or refuses in words (a
ValueError). Nothing else may escape: no other exception, no warning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine import (
    NELSON,
    Family,
    Rule,
    SubgroupData,
    advance,
    chart,
    estimate_baseline,
    phase1_chart,
    start,
)
from spc.engine.baseline import Baseline
from spc.engine.between_within import three_way_chart
from spc.engine.capability import estimate_capability
from spc.engine.capability_study import capability_study
from spc.engine.groups import group_chart
from spc.engine.multivariate import mewma_chart, t_squared_individuals
from spc.engine.normality import anderson_darling, fit_box_cox, fit_johnson, rank_laws
from spc.engine.overdispersion import laney_p, laney_u
from spc.engine.rare_events import Limits, g_chart, power_t_chart, t_chart
from spc.engine.readings import ReadingError
from spc.engine.residual_states import AutoregressionState, MovingCenterState, TrendState
from spc.engine.serial import autoregression_chart, fit_autoregression, moving_center_line, trend_chart
from spc.engine.short_run import SigmaOf, deviation_chart, z_chart
from spc.engine.stability import stability
from spc.engine.time_weighted import cusum_chart, ewma_chart
from spc.engine.tolerance import distribution_free_interval, normal_interval

NAN, INF = math.nan, math.inf
ORDINARY = [0.0, -0.0, 1.0, 1.0, 2.5, -3.0, 74.03, 0.1, 0.3]
NASTY = [NAN, INF, -INF, 1e-320, 5e-324, -1e-200, 1e150, 1e160, 1.7e308, -1.7e308, 1e16, 1e16 + 2]
Rows = list[float]
# What each draws from a row of readings; the answer is the positions of its signals.
Draw = Callable[[Rows], Iterable[int]]


def _family(family: Family, span: int = 2) -> Draw:
    def draw(row: Rows) -> Iterable[int]:
        size = 1 if family is Family.IMR else 3
        data = [SubgroupData(tuple(row[i : i + size])) for i in range(0, len(row), size)]
        return [hit.index for hit in phase1_chart(family, data, NELSON, span=span).hits]

    return draw


def _array(family: Family) -> Draw:
    def draw(row: Rows) -> Iterable[int]:
        values = np.array(row, dtype=np.float64)
        data = values if family is Family.IMR else values[: len(row) // 3 * 3].reshape(-1, 3)
        return [hit.index for hit in phase1_chart(family, data, NELSON).hits]

    return draw


def _attribute(family: Family) -> Draw:
    def draw(row: Rows) -> Iterable[int]:
        data = [SubgroupData((value,), 50.0) for value in row]
        return [hit.index for hit in phase1_chart(family, data, NELSON).hits]

    return draw


def _stream(row: Rows) -> Iterable[int]:
    baseline = Baseline(Family.IMR, 1.0, 2.0, 1.0, 25, 25.0)
    state = start(baseline, NELSON)
    found = []
    for i, value in enumerate(row):
        state, point = advance(state, SubgroupData((value,)))
        found += [i] if point.hits else []
    return found


def _residual_stream(state: Any) -> Draw:
    def draw(row: Rows) -> Iterable[int]:
        current, found = state, []
        for i, value in enumerate(row):
            current, point = current.update(value)
            found += [i] if point.beyond else []
        return found

    return draw


def _three_way(row: Rows) -> Iterable[int]:
    shown = three_way_chart([row[i : i + 2] for i in range(0, len(row) // 2 * 2, 2)])
    return [*shown.beyond, *shown.beyond_xbar]


def _cusum(row: Rows) -> Iterable[int]:
    shown = cusum_chart(row, reference=0.5, interval=5.0, head_start=2.5)
    return [*shown.signals_upper, *shown.signals_lower]


def _group(row: Rows) -> Iterable[int]:
    means = [row[i : i + 2] for i in range(0, len(row) // 2 * 2, 2)]
    group_chart(means, [[abs(value) for value in pair] for pair in means], n=4)
    return []


def _t_squared(row: Rows) -> Iterable[int]:
    points = np.array(row[: len(row) // 2 * 2], dtype=np.float64).reshape(-1, 2)
    limits = t_squared_individuals(points, confidence=0.99)
    return np.flatnonzero(limits.t_squared(points) > limits.upl).tolist()


def _mewma(row: Rows) -> Iterable[int]:
    points = np.array(row[: len(row) // 2 * 2], dtype=np.float64).reshape(-1, 2)
    return mewma_chart(points, center=np.zeros(2), covariance=np.eye(2), weight=0.1, limit=8.66).signals


def _parts(row: Rows) -> list[str]:
    return ["A" if i % 4 < 2 else "B" for i in range(len(row))]


def _capability(row: Rows) -> Iterable[int]:
    estimate_capability(row, sigma_within=1.0, within_df=20.0, lsl=-5.0, usl=5.0, target=0.0)
    return []


def _nothing(work: Callable[[Rows], object]) -> Draw:
    def draw(row: Rows) -> Iterable[int]:
        work(row)
        return []

    return draw


def _phase1(draw: Callable[..., Any]) -> Draw:
    return lambda row: draw(row, n_phase1=len(row)).signals


DRAWS: dict[str, Draw] = {
    "individuals": _family(Family.IMR),
    "individuals, range of four": _family(Family.IMR, 4),
    "mean and range": _family(Family.XBAR_R),
    "mean and deviation": _family(Family.XBAR_S),
    "median and range": _family(Family.MEDIAN_R),
    "individuals, array": _array(Family.IMR),
    "mean and range, array": _array(Family.XBAR_R),
    "mean and deviation, array": _array(Family.XBAR_S),
    "median and range, array": _array(Family.MEDIAN_R),
    "p": _attribute(Family.P),
    "np": _attribute(Family.NP),
    "c": _attribute(Family.C),
    "u": _attribute(Family.U),
    "individuals, stream": _stream,
    "three-way": _three_way,
    "ewma": lambda row: ewma_chart(row, center=0.0, sigma=1.0, weight=0.2).signals,
    "cusum": _cusum,
    "group": _group,
    "short run": lambda row: z_chart(_parts(row), row).beyond,
    "short run, one sigma": lambda row: z_chart(_parts(row), row, SigmaOf.ALL).beyond,
    "short run, relative": lambda row: z_chart(_parts(row), row, SigmaOf.RELATIVE).beyond,
    "deviation from nominal": lambda row: deviation_chart(_parts(row), row, {"A": 0.0, "B": 1.0}).beyond,
    "laney p": lambda row: laney_p(row, [1e17] * len(row)).beyond,
    "laney u": lambda row: laney_u(row, [2.0] * len(row)).beyond,
    "g": lambda row: g_chart(row).beyond,
    "g, quantiles": lambda row: g_chart(row, limits=Limits.PROBABILITY).beyond,
    "t": lambda row: t_chart(row).beyond,
    "t, power": lambda row: [hit.index for hit in power_t_chart(row, NELSON).transformed.hits],
    "trend": _phase1(trend_chart),
    "residual": _phase1(autoregression_chart),
    "moving centre line": _phase1(moving_center_line),
    "autoregression": _nothing(fit_autoregression),
    "trend, stream": _residual_stream(TrendState(0.0, 0.1, 1.0)),
    "residual, stream": _residual_stream(AutoregressionState(0.0, 0.5, 1.0)),
    "moving centre line, stream": _residual_stream(MovingCenterState(0.2, 1.0)),
    "T squared": _t_squared,
    "mewma": _mewma,
    "capability": _capability,
    "capability study": _nothing(
        lambda row: capability_study(row, sigma_within=1.0, within_df=20.0, lsl=-5.0, usl=5.0, target=0.0)
    ),
    "normality": _nothing(anderson_darling),
    "best law": _nothing(rank_laws),
    "Johnson": _nothing(fit_johnson),
    "Box-Cox": _nothing(fit_box_cox),
    "tolerance": _nothing(lambda row: normal_interval(row, coverage=0.9, confidence=0.9)),
    "tolerance, any law": _nothing(lambda row: distribution_free_interval(row, coverage=0.5, confidence=0.5)),
    "stability": _nothing(lambda row: stability(row, sigma_within=1.0, within_df=10.0)),
}


def answered(draw: Draw, row: Rows) -> list[int] | None:
    """Positions of signals, or None where the chart refuses. A refusal says something."""
    try:
        return list(draw(row))
    except ValueError as error:
        assert str(error)
        return None


rows = st.one_of(
    st.lists(st.sampled_from(ORDINARY + NASTY), max_size=30),
    st.lists(st.sampled_from([*ORDINARY, NAN]), max_size=30),
    st.lists(st.floats(), max_size=12),
    st.lists(st.integers(0, 40).map(float), max_size=30),
)


@settings(deadline=None, max_examples=150)
@given(row=rows)
@pytest.mark.parametrize("name", DRAWS)
def test_any_row_is_charted_or_refused(name: str, row: Rows) -> None:
    found = answered(DRAWS[name], row)
    assert found is None or all(0 <= index < len(row) for index in found)


# Their centre is given: readings that lie beside it signal whether they vary or not.
GIVEN = {"ewma", "cusum", "mewma", *(name for name in DRAWS if name.endswith("stream"))}
# Limits come from the readings themselves; counts have a spread of their own and no free unit.
ESTIMATED = [
    name
    for name in DRAWS
    if name
    not in GIVEN
    | {"p", "np", "c", "u", "laney p", "laney u", "g", "g, quantiles", "capability", "capability study"}
]


@settings(deadline=None, max_examples=40)
@given(value=st.sampled_from([0.0, 0.1, -74.03, 1e-320, 1e99, 3.0]), length=st.integers(0, 40))
@pytest.mark.parametrize("name", [name for name in DRAWS if name not in GIVEN])
def test_readings_that_do_not_vary_signal_nothing(name: str, value: float, length: int) -> None:
    assert not answered(DRAWS[name], [value] * length)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), exponent=st.sampled_from([-200, -20, -1, 1, 20, 200]))
@pytest.mark.parametrize("name", [name for name in ESTIMATED if name != "t, power"])
def test_the_unit_of_the_readings_moves_no_signal(name: str, seed: int, exponent: int) -> None:
    # 75 um held in mm or in m: a power of two, so that every product is exact.
    row = (np.abs(np.random.default_rng(seed).normal(75.0, 6.0, 36)) + 0.25).tolist()
    row[20] *= 1.5
    other = [value * 2.0**exponent for value in row]
    nominal = name == "deviation from nominal"  # its nominals have a unit
    assert nominal or answered(DRAWS[name], other) == answered(DRAWS[name], row)


@pytest.mark.parametrize("name", DRAWS)
def test_every_chart_answers_ordinary_readings(name: str) -> None:
    """So that a refusal in the tests above says something."""
    row = np.random.default_rng(3).poisson(9.0, 36).astype(float).tolist()
    assert answered(DRAWS[name], row) is not None


def test_a_reading_too_large_to_be_squared_is_named() -> None:
    state = start(Baseline(Family.IMR, 1.0, 2.0, 1.0, 25, 25.0), [Rule.BEYOND_LIMITS])
    with pytest.raises(ReadingError, match="1e\\+160 is too large"):
        advance(state, SubgroupData((1e160,)))
    _, point = advance(state, SubgroupData((1e100,)))
    assert point.hits
    baseline = estimate_baseline(Family.P, [SubgroupData((1.0,), 50.0), SubgroupData((2.0,), 50.0)])
    with pytest.raises(ReadingError, match="infinite"):
        chart(Family.P, baseline, [SubgroupData((INF,), 50.0)], NELSON)
