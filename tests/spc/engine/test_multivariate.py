"""Hotelling's T-squared and MEWMA limits beyond the reference cases: invariance, decomposition, streaming."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from spc.engine.multivariate import (
    MultivariateError,
    TSquaredLimits,
    TSquaredState,
    t_squared_individuals,
    t_squared_subgroups,
)
from spc.engine.run_length import RunLengthParameterError, mewma_arl, mewma_limit

RNG = np.random.default_rng(5)
DATA = RNG.multivariate_normal([10.0, -3.0, 0.5], [[4, 1, 0.5], [1, 2, -0.3], [0.5, -0.3, 1]], size=30)
CUBE = DATA.reshape(10, 3, 3)
entries = st.floats(-5, 5, allow_nan=False)


@given(st.lists(entries, min_size=9, max_size=9), st.lists(entries, min_size=3, max_size=3))
def test_t_squared_is_the_same_in_any_coordinates(matrix: list[float], offset: list[float]) -> None:
    turn = np.array(matrix).reshape(3, 3) + 20.0 * np.eye(3)  # far from singular
    moved = DATA @ turn.T + np.array(offset)
    assert t_squared_individuals(moved).t_squared(moved) == pytest.approx(
        t_squared_individuals(DATA).t_squared(DATA), rel=1e-6, abs=1e-8
    )


def test_the_points_of_phase_1_share_a_fixed_sum() -> None:
    """Sum of T-squared over the points estimated from is (m - 1) p."""
    assert t_squared_individuals(DATA).t_squared(DATA).sum() == pytest.approx(29 * 3)


def test_a_variable_that_breaks_its_relation_is_named_though_it_keeps_its_range() -> None:
    x = RNG.normal(size=60)
    data = np.column_stack([x, x + 0.1 * RNG.normal(size=60), RNG.normal(size=60)])
    limits = t_squared_individuals(data)
    point = limits.center + np.array([1.0, -1.0, 0.0])
    assert np.all(limits.own_terms(point) < 3.0)
    contributions = limits.contributions(point)
    assert (contributions > limits.upl).tolist() == [True, True, False]


@pytest.mark.parametrize("limits", [t_squared_individuals(DATA), t_squared_subgroups(CUBE)])
def test_a_stored_state_goes_on_as_the_chart_of_every_prefix(limits: TSquaredLimits) -> None:
    whole = limits.t_squared(DATA)
    state = TSquaredState(limits)
    for position, row in enumerate(DATA):
        state = TSquaredState.from_dict(json.loads(json.dumps(state.to_dict(), allow_nan=False))).update(row)
        assert state.t_squared == pytest.approx(whole[position], rel=1e-12)
        assert state.signals == bool(whole[position] > limits.upl)
        assert state.count == position + 1


def test_a_gap_never_signals_and_an_infinite_reading_does() -> None:
    state = TSquaredState(t_squared_individuals(DATA))
    gap = state.update([1.0, math.nan, 0.0])
    assert math.isnan(gap.t_squared) and not gap.signals
    beyond = state.update([1.0, math.inf, 0.0])
    assert beyond.signals and TSquaredState.from_dict(beyond.to_dict()).signals
    with pytest.raises(MultivariateError, match="3 variables"):
        state.update([1.0, 2.0])


def test_a_singular_covariance_is_refused_in_words() -> None:
    twice = np.column_stack([DATA, DATA[:, 0]])
    with pytest.raises(MultivariateError, match="singular"):
        t_squared_individuals(twice).t_squared(twice)


@pytest.mark.parametrize(("variables", "published"), [(2, 8.64), (4, 12.73), (10, 22.67)])
def test_limits_of_a_mewma_are_the_published_ones(variables: int, published: float) -> None:
    """Prabhu and Runger (1997), Journal of Quality Technology 29, 8-15: lambda 0.1, run length 200."""
    limit = mewma_limit(200.0, weight=0.1, variables=variables)
    assert limit == pytest.approx(published, abs=0.02)
    assert mewma_arl(0.0, weight=0.1, limit=limit, variables=variables) == pytest.approx(200.0, rel=1e-6)


@pytest.mark.parametrize("run_length", [0.0, 1.0, math.inf, math.nan])
def test_a_run_length_no_chart_has_is_refused(run_length: float) -> None:
    with pytest.raises(RunLengthParameterError):
        mewma_limit(run_length, weight=0.1, variables=2)


# R's spc 0.6.7, mewma.arl(0.1, 8.66, 2, delta) with its own 20 x 20 nodes: squared distance to run length.
COARSE = {
    0.5: 16.5860765182493,
    1.0: 10.1566142561943,
    1.5: 7.80702058210814,
    2.0: 6.54186425163905,
    3.0: 5.16572219796464,
}


@pytest.mark.parametrize("squared", COARSE)
def test_run_lengths_of_a_mewma_are_those_of_r_on_its_grid_and_settled_on_ours(squared: float) -> None:
    def solved(nodes: tuple[int, int] = (40, 20)) -> float:
        return mewma_arl(math.sqrt(squared), weight=0.1, limit=8.66, variables=2, nodes=nodes)

    assert solved(nodes=(20, 20)) == pytest.approx(COARSE[squared], rel=1e-10)
    assert solved(nodes=(48, 20)) == pytest.approx(solved(), rel=1e-8)
    assert solved() != pytest.approx(COARSE[squared], rel=2e-4)


def test_the_run_length_of_a_mewma_is_that_of_its_equation_in_the_plane() -> None:
    """Two variables by a normal density along each axis of the disc, without the chain of distances."""
    weight, shift = 0.1, math.sqrt(0.5)
    radius = math.sqrt(8.66 * weight / (2.0 - weight))
    nodes, shares = np.polynomial.legendre.leggauss(30)
    angle = math.pi / 2.0 * nodes
    along, wide = radius * np.sin(angle), radius * np.cos(angle)
    x = np.repeat(along, 30)
    y = (wide[:, None] * nodes).ravel()
    area = ((math.pi / 2.0 * shares * wide * wide)[:, None] * shares).ravel()

    def density(start_x: np.ndarray, start_y: np.ndarray) -> np.ndarray:
        across = scipy.stats.norm.pdf(y, (1 - weight) * start_y[:, None], weight)
        return np.asarray(
            scipy.stats.norm.pdf(x, (1 - weight) * start_x[:, None] + weight * shift, weight) * across * area
        )

    run_lengths = np.linalg.solve(np.eye(len(x)) - density(x, y), np.ones(len(x)))
    from_target = 1.0 + (density(np.zeros(1), np.zeros(1)) @ run_lengths)[0]
    assert from_target == pytest.approx(mewma_arl(shift, weight=weight, limit=8.66, variables=2), rel=1e-5)
