"""Between/within, group, Laney and rare-event charts point by point: equal to the batch chart on every prefix."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine.between_within import three_way_chart
from spc.engine.count_states import BetweenState, LaneyState
from spc.engine.group_states import GroupState, ThreeWayState
from spc.engine.groups import group_chart
from spc.engine.overdispersion import CountError, laney_p, laney_u
from spc.engine.rare_events import IntervalError, Limits, g_chart, t_chart
from spc.engine.readings import SubgroupError
from spc.engine.sigma import SigmaMethod, TooFewReadingsError

reading = st.one_of(st.integers(-12, 12).map(lambda k: k / 4), st.floats(-20, 20))
PHASE1 = 5


def restored(state: Any) -> Any:
    other = type(state).from_dict(json.loads(json.dumps(state.to_dict(), allow_nan=False)))
    assert other.to_dict() == state.to_dict()
    return other


def or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def close(left: Any, right: Any) -> None:
    np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(data=st.data(), n=st.integers(2, 9), method=st.sampled_from([SigmaMethod.RBAR, SigmaMethod.SBAR]))
def test_three_way(data: st.DataObject, n: int, method: SigmaMethod) -> None:
    row = st.lists(reading, min_size=n, max_size=n)
    rows = data.draw(st.lists(row, min_size=PHASE1, max_size=PHASE1))
    gap = row.map(lambda values: [math.nan, *values[1:]])
    rows += data.draw(st.lists(st.one_of(row, row, gap), max_size=15))
    state = ThreeWayState.of(three_way_chart(rows, method=method, n_phase1=PHASE1))
    points = []
    for i, subgroup in enumerate(rows):
        state, point = state.update(subgroup)
        state = restored(state)
        points.append(point)
        if i + 1 < PHASE1:
            continue
        prefix = three_way_chart(rows[: i + 1], method=method, n_phase1=PHASE1)
        close([or_nan(point.mean) for point in points], prefix.means)
        close([or_nan(point.moving_range) for point in points], prefix.moving_ranges)
        close([or_nan(point.dispersion) for point in points], prefix.dispersion)
        assert tuple(j for j, point in enumerate(points) if point.beyond) == prefix.beyond
        with np.errstate(invalid="ignore"):
            wide = (prefix.dispersion > prefix.dispersion_ucl) | (prefix.dispersion < prefix.dispersion_lcl)
        if prefix.sigma_within > 0:
            assert [point.beyond_dispersion for point in points] == wide.tolist()


@settings(deadline=None, max_examples=50)
@given(data=st.data(), streams=st.integers(1, 5), times=st.integers(1, 20))
def test_groups(data: st.DataObject, streams: int, times: int) -> None:
    means = data.draw(
        st.lists(st.lists(reading, min_size=streams, max_size=streams), min_size=times, max_size=times)
    )
    ranges = [[abs(value) for value in row] for row in means]
    state = GroupState.of(group_chart(means, ranges, n=4, n_phase1=1))
    points = []
    for i, row in enumerate(means):
        state, point = state.update(row)
        state = restored(state)
        points.append(point)
        prefix = group_chart(means[: i + 1], ranges[: i + 1], n=4, n_phase1=1)
        assert [point.max_value for point in points] == prefix.max_value.tolist()
        assert [point.min_value for point in points] == prefix.min_value.tolist()
        assert [point.max_stream for point in points] == prefix.max_stream.tolist()
        assert [point.min_stream for point in points] == prefix.min_stream.tolist()
        assert (state.longest_max, state.longest_min) == (prefix.longest_max, prefix.longest_min)
        high, low = prefix.max_value[i], prefix.min_value[i]
        outside = high > prefix.ucl or low < prefix.lcl or low > prefix.ucl or high < prefix.lcl
        assert point.beyond == (outside and prefix.ucl > prefix.lcl)


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from([30, 50, 400])), min_size=PHASE1, max_size=25
    ),
    binomial=st.booleans(),
)
def test_laney(rows: list[tuple[int, int]], binomial: bool) -> None:
    draw = laney_p if binomial else laney_u
    counts, sizes = zip(*rows, strict=True)
    state = LaneyState.of(draw(counts, sizes, n_phase1=PHASE1), binomial=binomial)
    points = []
    for count, size in rows:
        state, point = state.update(count, size)
        state = restored(state)
        points.append(point)
    for end in range(PHASE1, len(rows) + 1):
        prefix = draw(counts[:end], sizes[:end], n_phase1=PHASE1)
        close([point.statistic for point in points[:end]], prefix.statistic)
        close([point.lcl for point in points[:end]], prefix.lcl)
        close([point.ucl for point in points[:end]], prefix.ucl)
        assert tuple(i for i, point in enumerate(points[:end]) if point.beyond) == prefix.beyond


@settings(deadline=None, max_examples=50)
@given(
    between=st.lists(
        st.one_of(st.integers(0, 3), st.integers(0, 500), st.just(math.nan)), min_size=PHASE1, max_size=40
    ),
    law=st.sampled_from(["sigma", "probability", "time"]),
)
def test_rare_events(between: list[float], law: str) -> None:
    between = [1.0, *between]

    def draw(values: list[float]) -> Any:
        if law == "time":
            return t_chart(values, n_phase1=PHASE1)
        return g_chart(values, limits=Limits(law), n_phase1=PHASE1)

    state = BetweenState.of(draw(between))
    points = []
    for i, value in enumerate(between):
        state, point = state.update(value)
        state = restored(state)
        points.append(point)
        if i + 1 >= PHASE1:
            prefix = draw(between[: i + 1])
            assert tuple(j for j, point in enumerate(points) if point.beyond) == prefix.beyond
            assert tuple(j for j, point in enumerate(points) if point.zero_run) == prefix.zero_runs


def test_what_no_state_takes_is_refused_in_words() -> None:
    three_way = ThreeWayState(2, True, 0.0, 1.0, 1.0, 0.0, 1.0)
    with pytest.raises(SubgroupError, match="2 readings"):
        three_way.update([1.0])
    with pytest.raises(SubgroupError, match="infinite"):
        three_way.update([1.0, math.inf])
    with pytest.raises(SubgroupError, match="every stream"):
        GroupState(0.0, 1.0).update([1.0, math.nan])
    with pytest.raises(TooFewReadingsError, match="gap"):
        group_chart([[1.0, math.nan]], [[1.0, 1.0]], n=4)
    laney = LaneyState(0.1, 1.0, binomial=True)
    for count, size in ((-1.0, 5.0), (1.0, 0.0), (math.nan, 5.0), (6.0, 5.0)):
        with pytest.raises(CountError):
            laney.update(count, size)
    with pytest.raises(IntervalError):
        BetweenState(0.0, 1.0, None).update(-1.0)
