"""EWMA, CUSUM and MEWMA: states equal charts on every prefix, edges, and change points."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spc.engine.multivariate import MewmaState, mewma_chart, start_mewma
from spc.engine.time_weighted import (
    CusumState,
    EwmaState,
    WeightError,
    cusum_chart,
    ewma_chart,
    start_cusum,
    start_ewma,
)

values = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)), max_size=40)


@given(values, st.floats(0.01, 1.0))
def test_ewma_advanced_from_a_stored_state_is_the_chart_of_every_prefix(
    data: list[float], weight: float
) -> None:
    whole = ewma_chart(data, center=1.0, sigma=2.0, weight=weight)
    state = start_ewma(1.0, 2.0, weight=weight)
    for position, value in enumerate(data):
        state = EwmaState.from_dict(json.loads(json.dumps(state.to_dict()))).update(value)
        if math.isnan(value):
            assert math.isnan(whole.ewma[position])
        else:
            assert whole.ewma[position] == state.value
            assert whole.ucl[position] == 1.0 + state.half_width()


@given(values, st.floats(0.0, 2.0), st.floats(0.1, 20.0))
def test_cusum_advanced_from_a_stored_state_is_the_chart_of_every_prefix(
    data: list[float], reference: float, interval: float
) -> None:
    whole = cusum_chart(data, reference=reference, interval=interval)
    state = start_cusum(reference=reference, interval=interval)
    for position, value in enumerate(data):
        state = CusumState.from_dict(json.loads(json.dumps(state.to_dict()))).update(value)
        if not math.isnan(value):
            assert (whole.upper[position], whole.lower[position]) == (state.upper, state.lower)
            assert (position in whole.signals_upper) == state.signals_upper


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=20))
def test_mewma_advanced_from_a_stored_state_is_the_chart_of_every_prefix(
    data: list[tuple[float, float]],
) -> None:
    center, covariance = [0.5, -0.5], [[2.0, 0.3], [0.3, 1.0]]
    whole = mewma_chart(data, center=center, covariance=covariance, weight=0.1, limit=8.66)
    state = start_mewma(center, covariance, weight=0.1, limit=8.66)
    for position, row in enumerate(data):
        state = MewmaState.from_dict(json.loads(json.dumps(state.to_dict()))).update(row)
        assert whole.t_squared[position] == state.t_squared
        assert tuple(whole.z[position]) == state.average


def test_the_first_observation_counts_and_the_average_starts_at_the_centre() -> None:
    # Definition 16: z1 = lambda x1 + (1 - lambda) target.
    chart = ewma_chart([52.0, 47.0], center=50.0, sigma=2.0, weight=0.3)
    assert chart.ewma[0] == pytest.approx(0.3 * 52 + 0.7 * 50)
    assert chart.ucl[0] == pytest.approx(
        50 + 3 * 2 * 0.3
    )  # the exact variance after one point is lambda squared


def test_ewma_of_means_uses_the_deviation_of_a_mean() -> None:
    single = ewma_chart([1.0], center=0.0, sigma=1.0, weight=0.2)
    means = ewma_chart([1.0], center=0.0, sigma=1.0, weight=0.2, size=4)
    assert means.ucl[0] == pytest.approx(single.ucl[0] / 2)


def test_the_change_point_is_the_first_point_after_the_last_zero() -> None:
    # Definition 17. The shift begins at position 5.
    data = [0.1, -0.2, 0.3, -0.4, -0.5, 1.6, 1.4, 1.9, 1.7, 1.5]
    chart = cusum_chart(data, reference=0.5, interval=4.0)
    assert chart.signals_upper and chart.upper_change == 5
    assert chart.signals_lower == () and chart.lower_change is None


def test_a_head_start_finds_an_initial_shift_sooner() -> None:
    shifted = [1.2] * 10
    plain = cusum_chart(shifted, reference=0.5, interval=5.0)
    headed = cusum_chart(shifted, reference=0.5, interval=5.0, head_start=2.5)
    assert headed.signals_upper[0] < plain.signals_upper[0]


def test_a_head_start_as_published() -> None:
    # Montgomery, table 9.7: target 100, k = 3, h = 12, head start 6; the process is in control.
    data = [102, 97, 104, 93, 100, 105, 96, 98, 105, 99]
    chart = cusum_chart([x - 100 for x in data], reference=3.0, interval=12.0, head_start=6.0)
    assert chart.upper.tolist() == [5, 0, 1, 0, 0, 2, 0, 0, 2, 0]
    assert (-chart.lower).tolist() == [1, 1, 0, 4, 1, 0, 1, 0, 0, 0]
    # Table 9.8: the same with the mean at 105 from the start; the sum passes 12 at the third point.
    shifted = [x + 5 for x in data]
    headed = cusum_chart([x - 100 for x in shifted], reference=3.0, interval=12.0, head_start=6.0)
    assert headed.upper.tolist()[:3] == [10, 9, 15]
    assert headed.signals_upper[0] == 2
    plain = cusum_chart([x - 100 for x in shifted], reference=3.0, interval=12.0)
    assert plain.signals_upper[0] == 5


def test_limits_that_collapse_signal_nothing() -> None:
    assert ewma_chart([1.0, 2.0, 3.0], center=0.0, sigma=0.0, weight=0.2).signals == ()


@pytest.mark.parametrize("weight", [0.0, -0.1, 1.5, math.nan])
def test_an_impossible_weight_is_refused(weight: float) -> None:
    with pytest.raises(WeightError, match="lambda"):
        start_ewma(0.0, 1.0, weight=weight)


def test_an_impossible_interval_is_refused() -> None:
    with pytest.raises(WeightError, match="h > 0"):
        start_cusum(reference=0.5, interval=0.0)


def test_one_more_point_costs_no_more_after_a_million() -> None:
    early = start_cusum(reference=0.5, interval=5.0).update(0.1)
    late = CusumState(reference=0.5, interval=5.0, upper=0.3, lower=-0.2, count=1_000_000)
    assert len(json.dumps(late.to_dict())) < len(json.dumps(early.to_dict())) + 20
    assert np.isfinite(late.update(0.4).upper)
