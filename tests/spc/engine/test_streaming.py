from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine import (
    MISSING_POINT,
    RULE_SETS,
    Baseline,
    ChartResult,
    ChartState,
    Family,
    PlottedPoint,
    Rule,
    SubgroupData,
    SubgroupError,
    advance,
    chart,
    estimate_baseline,
    start,
)

ALL_RULES = tuple(Rule)
reading = st.one_of(st.integers(-8, 8).map(lambda k: k / 2), st.floats(-6, 6), st.just(math.nan))


@st.composite
def series(draw: st.DrawFn) -> tuple[Baseline, list[SubgroupData], frozenset[int]]:
    """A baseline with lines on round numbers, subgroups with ties and missing readings, and restarts."""
    family = draw(st.sampled_from(list(Family)))
    n = draw(st.integers(1, 40))
    if family.is_attribute:
        counts = draw(st.lists(st.one_of(st.integers(0, 30), st.just(math.nan)), min_size=n, max_size=n))
        sizes = draw(st.lists(st.sampled_from([30, 50, 400]), min_size=n, max_size=n))
        points = [SubgroupData((float(count),), size) for count, size in zip(counts, sizes, strict=True)]
        center = draw(st.sampled_from([0.0, 0.1, 0.5]))
        baseline = Baseline(family, center * 16 if family is Family.C else center, None, 50.0, 25, 1250.0)
    else:
        longest = 1 if family is Family.IMR else 5
        rows = draw(st.lists(st.lists(reading, min_size=1, max_size=longest), min_size=n, max_size=n))
        points = [SubgroupData(tuple(row)) for row in rows]
        sigma = draw(st.sampled_from([0.0, 1.0, 1.3]))
        span = draw(st.sampled_from([2, 3, 5])) if family is Family.IMR else 2
        baseline = Baseline(family, 0.0, sigma, float(longest), 25, 25.0, span=span)
    return baseline, points, frozenset(draw(st.sets(st.integers(1, n), max_size=2)))


def or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def batch_point(result: ChartResult, i: int) -> PlottedPoint:
    numbers = (
        result.statistic, result.size, result.center, result.lcl, result.ucl, result.z,
        result.dispersion, result.dispersion_center, result.dispersion_lcl, result.dispersion_ucl,
    )  # fmt: skip
    return PlottedPoint(*(or_none(array[i]) for array in numbers), hits=())


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(case=series())
def test_stream_equals_batch_on_every_prefix(
    case: tuple[Baseline, list[SubgroupData], frozenset[int]],
) -> None:
    baseline, points, restarts = case
    state = start(baseline, ALL_RULES)
    for i, subgroup in enumerate(points):
        state, point = advance(state, subgroup, gap=i in restarts)
        prefix = chart(baseline.family, baseline, points[: i + 1], ALL_RULES, restarts=restarts)
        assert dataclasses.replace(point, hits=()) == batch_point(prefix, i)
        streamed = [(hit.panel, hit.rule, {i - back for back in hit.members}) for hit in point.hits]
        assert streamed == [(hit.panel, hit.rule, set(hit.member_indices)) for hit in prefix.hits_at(i)]


@settings(deadline=None, max_examples=60)
@given(case=series())
def test_state_survives_json_after_every_point(
    case: tuple[Baseline, list[SubgroupData], frozenset[int]],
) -> None:
    baseline, points, restarts = case
    kept = restored = start(baseline, ALL_RULES)
    for i, subgroup in enumerate(points):
        kept, expected = advance(kept, subgroup, gap=i in restarts)
        restored, point = advance(restored, subgroup, gap=i in restarts)
        assert point == expected
        restored = ChartState.from_dict(json.loads(json.dumps(restored.to_dict(), allow_nan=False)))
        assert restored == kept


def individuals_state() -> ChartState:
    return start(Baseline(Family.IMR, 0.0, 1.0, 1.0, 25, 25.0), RULE_SETS["nelson"])


def feed(state: ChartState, *values: float) -> tuple[ChartState, list[PlottedPoint]]:
    points = []
    for value in values:
        state, point = advance(state, SubgroupData((value,)))
        points.append(point)
    return state, points


def test_state_stays_small_however_long_the_history() -> None:
    state, _ = feed(individuals_state(), *np.random.default_rng(3).normal(size=500).tolist())
    assert (len(state.recent_z), len(state.recent_dispersion_z), state.n) == (15, 15, 500)


def test_history_older_than_the_longest_rule_has_no_influence() -> None:
    recent = np.random.default_rng(4).normal(size=15).tolist()
    quiet, _ = feed(individuals_state(), *[0.1] * 50, *recent)
    loud, _ = feed(individuals_state(), *[9.0] * 50, *recent)
    assert quiet == dataclasses.replace(loud, recent_dispersion_z=quiet.recent_dispersion_z)


def test_members_are_offsets_back_from_the_point() -> None:
    _, points = feed(individuals_state(), 0.5, 2.5, 0.0, 2.2)
    assert [(hit.rule, hit.members) for hit in points[3].hits] == [(Rule.TWO_OF_THREE_BEYOND_2S, (0, 2))]


def test_gap_forgets_runs_and_breaks_the_moving_range() -> None:
    state, _ = feed(individuals_state(), *[1.0] * 8)
    _, straight = advance(state, SubgroupData((1.0,)))
    following, after_gap = advance(state, SubgroupData((1.0,)), gap=True)
    assert [hit.rule for hit in straight.hits] == [Rule.RUN_ONE_SIDE]
    assert (after_gap.hits, after_gap.dispersion, len(following.recent_z)) == ((), None, 1)


def test_missing_point_never_signals_and_breaks_the_moving_range() -> None:
    state, _ = feed(individuals_state(), *[1.5] * 3)
    state, missing = advance(state, MISSING_POINT)
    assert (missing.statistic, missing.z, missing.dispersion, missing.hits) == (None, None, None, ())
    assert missing.ucl == 3.0
    _, after = advance(state, SubgroupData((1.5,)))
    assert after.dispersion is None
    assert [(hit.rule, hit.members) for hit in after.hits] == [(Rule.FOUR_OF_FIVE_BEYOND_1S, (0, 2, 3, 4))]


def test_refused_subgroup_leaves_the_state_as_it_was() -> None:
    state, _ = feed(individuals_state(), 1.0, 2.0)
    before = state.to_dict()
    with pytest.raises(SubgroupError):
        advance(state, SubgroupData((math.inf,)))
    assert state.to_dict() == before


def test_frozen_baseline_is_not_moved_by_phase_2_points() -> None:
    baseline = estimate_baseline(Family.IMR, [SubgroupData((float(x),)) for x in (1, 2, 1, 3, 2)])
    state, _ = feed(start(baseline, RULE_SETS["default"]), 100.0, 200.0)
    assert state.baseline == baseline


def test_state_that_knew_only_the_last_reading_is_still_read() -> None:
    state, _ = feed(individuals_state(), 1.0, 2.0)
    old = state.to_dict()
    del old["last_values"], old["baseline"]["span"]
    assert ChartState.from_dict(old | {"last_value": 2.0}) == state


def test_states_restored_from_integers_equal_their_float_twins() -> None:
    state, _ = feed(individuals_state(), 1.0, 2.0)
    stored = json.loads(json.dumps(state.to_dict()).replace("1.0", "1").replace("2.0", "2"))
    assert ChartState.from_dict(stored) == state
    assert hash(ChartState.from_dict(stored)) == hash(state)
