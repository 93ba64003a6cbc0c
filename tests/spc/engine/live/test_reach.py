"""How far back a state reaches: what a replay may warm it up with, and after how many points it is what it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spc.engine import MISSING_POINT, Rule, SubgroupData
from spc.engine.kinds import ChartKind
from spc.engine.live import ChartDefinition, State, advance, estimate, reach, start
from spc.engine.rules import LONGEST_SPAN

RULES = (Rule.BEYOND_LIMITS, Rule.RUN_ONE_SIDE)


def scattered(size: int) -> list[SubgroupData]:
    chance = np.random.default_rng(5)
    return [SubgroupData(tuple(10 + chance.normal(0, 0.2, size))) for _ in range(60)]


@pytest.mark.parametrize(
    ("kind", "size", "parameters"),
    [
        (ChartKind.IMR, 1, ""),
        (ChartKind.IMR, 1, "span=5"),
        (ChartKind.XBAR_R, 3, ""),
        (ChartKind.MEDIAN_R, 3, ""),
    ],
)
def test_a_state_is_made_from_as_many_points_as_it_says(kind: ChartKind, size: int, parameters: str) -> None:
    """One fed with these alone is exactly the one that knows all points; with too few it is not."""
    data = scattered(size)
    data[48] = MISSING_POINT
    definition = ChartDefinition(kind, RULES, parameters, by_reading=size == 1, subgroup_size=size)
    fit = estimate(definition, data[:30])

    def fed(points: list[SubgroupData]) -> State:
        state = start(fit, RULES)
        for row in points:
            state, _ = advance(state, row)
        return replace(state, n=len(data))

    whole = fed(data)
    back = reach(whole)
    assert back is not None
    assert fed(data[-back:]) == whole
    assert fed(data[1 - LONGEST_SPAN :]) != whole


@pytest.mark.parametrize("kind", [ChartKind.EWMA, ChartKind.CUSUM, ChartKind.MOVING_CENTER])
def test_a_chart_that_remembers_says_that_any_point_may_count(kind: ChartKind) -> None:
    definition = ChartDefinition(kind, (Rule.BEYOND_LIMITS,))
    assert reach(start(estimate(definition, scattered(1)), definition.rules)) is None
