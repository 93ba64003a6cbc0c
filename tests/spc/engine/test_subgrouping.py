"""Advice on subgroups from simulated processes whose structure is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spc.engine.subgrouping import Advice, SubgroupAdviceError, advise_subgroups
from spc.engine.variance_components import nested_variance

RNG = np.random.default_rng(11)
NOISE = RNG.normal(size=(40, 5))


def test_independent_readings_keep_their_subgroups() -> None:
    found = advise_subgroups(list(10.0 + NOISE))
    assert found.advice is Advice.KEEP
    assert found.sigma_within == pytest.approx(np.sqrt(NOISE.var(axis=1, ddof=1).mean()))


def test_what_acts_between_subgroups_asks_for_a_between_within_chart() -> None:
    found = advise_subgroups(list(NOISE + 2.0 * RNG.normal(size=(40, 1))))
    assert found.advice is Advice.BETWEEN_WITHIN
    assert found.sigma_between == pytest.approx(2.0, rel=0.3)
    assert "between" in found.advice.words


def test_mixed_streams_are_to_be_charted_apart() -> None:
    lanes = np.array([-3.0, -1.5, 0.0, 1.5, 3.0])
    assert advise_subgroups(list(0.5 * NOISE + lanes)).advice is Advice.SPLIT_STREAMS


def test_means_that_remember_ask_for_residuals() -> None:
    level = np.cumsum(RNG.normal(size=40))
    assert advise_subgroups(list(NOISE + level[:, None])).advice is Advice.CHART_RESIDUALS


def test_readings_without_spread_are_a_gauge_too_coarse() -> None:
    found = advise_subgroups([[float(i % 3)] * 4 for i in range(12)])
    assert found.advice is Advice.NO_SPREAD and found.f is None


def test_gaps_and_unequal_sizes_are_read_as_they_are() -> None:
    rows = [list(row) for row in NOISE]
    rows[3][1] = float("nan")
    rows[7] = rows[7][:2]
    assert advise_subgroups(rows).advice is Advice.KEEP


def test_the_components_are_those_of_the_nested_analysis() -> None:
    """A one-way layout is the inner stage of a nested one with two copies of it."""
    rows = NOISE + 2.0 * RNG.normal(size=(40, 1))
    group = [0] * 200 + [1] * 200
    cells = [f"{copy}-{i}" for copy in (0, 1) for i in range(40) for _ in range(5)]
    nested = nested_variance(group, cells, np.concatenate([rows.ravel(), rows.ravel()]))
    found = advise_subgroups(list(rows))
    assert found.sigma_within**2 == pytest.approx(nested.within)
    assert found.sigma_between**2 == pytest.approx(nested.subgroup)


@given(st.sampled_from([1e-6, 25.4, 1e6]), st.floats(-100, 100))
def test_advice_does_not_depend_on_the_unit_or_the_origin(factor: float, origin: float) -> None:
    one, other = advise_subgroups(list(NOISE)), advise_subgroups(list((NOISE + origin) * factor))
    assert other.advice is one.advice
    assert other.f == pytest.approx(one.f, rel=1e-6)


@pytest.mark.parametrize("rows", [[], [[1.0, 2.0]] * 5, [[1.0]] * 20, [[1.0, float("inf")]] * 20])
def test_too_little_or_infinite_is_refused(rows: list[list[float]]) -> None:
    with pytest.raises(SubgroupAdviceError):
        advise_subgroups(rows)
