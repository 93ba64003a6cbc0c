"""Every kind of chart goes on from any checkpoint, kept as JSON, to the points and the state it would have reached."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine import MISSING_POINT, PlottedPoint, SubgroupData
from spc.engine.families import Panel
from spc.engine.kinds import ChartKind
from spc.engine.live import Fit, State, advance, allowed_rules_of, estimate, load_state, start
from tests.spc.engine.live.test_screening import definition_of, phase1

POINTS = 40


@cache
def begun(kind: ChartKind) -> State:
    """The state before the first point, with every rule that the kind takes."""
    return start(
        estimate(definition_of(kind), phase1(kind, odd=False)), allowed_rules_of(kind, Panel.LOCATION)
    )


def stored(state: State) -> str:
    return json.dumps(state.to_dict(), allow_nan=False)


def walk(state: State, rows: list[SubgroupData]) -> tuple[list[str], list[PlottedPoint]]:
    """The checkpoint after each point, and the points."""
    checkpoints, points = [], []
    for row in rows:
        before = stored(state)
        following, point = advance(state, row)
        assert stored(state) == before  # a state is never moved, only followed
        state = following
        checkpoints.append(stored(state))
        points.append(point)
    return checkpoints, points


@pytest.mark.parametrize("kind", list(ChartKind))
@settings(max_examples=8)
@given(gaps=st.sets(st.integers(0, POINTS - 1), max_size=6), cut=st.integers(0, POINTS - 2))
def test_replay_from_any_checkpoint_is_the_run_without_a_stop(
    kind: ChartKind, gaps: set[int], cut: int
) -> None:
    readings = phase1(kind, odd=True)[-POINTS:]
    rows = [MISSING_POINT if i in gaps else row for i, row in enumerate(readings)]
    checkpoints, points = walk(begun(kind), rows)
    assert any(point.statistic is not None for point in points)
    again = load_state(json.loads(checkpoints[cut]))
    assert walk(again, rows[cut + 1 :]) == (checkpoints[cut + 1 :], points[cut + 1 :])
    assert walk(begun(kind), rows[: cut + 1]) == (checkpoints[: cut + 1], points[: cut + 1])


@pytest.mark.parametrize("kind", list(ChartKind))
def test_the_estimate_of_every_kind_is_kept_whole(kind: ChartKind) -> None:
    fit = estimate(definition_of(kind), phase1(kind, odd=False))
    assert Fit.from_dict(json.loads(json.dumps(fit.to_dict(), allow_nan=False))) == fit
