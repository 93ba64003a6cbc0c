from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spc.engine import (
    RULE_SETS,
    Family,
    Panel,
    Rule,
    SubgroupData,
    TooFewReadingsError,
    estimate_baseline,
    screen_phase1,
)

REFERENCE = Path(__file__).parents[2] / "reference" / "spc" / "charts.json"
ORANGE_JUICE = next(
    case["input"]
    for case in json.loads(REFERENCE.read_text())["cases"]
    if case["id"] == "orangejuice-p-phase1"
)


def individuals(*values: float) -> list[SubgroupData]:
    return [SubgroupData((value,)) for value in values]


def test_orange_juice_screening_reaches_the_published_revision() -> None:
    # Montgomery removes samples 15 and 23 (counted from 1); the revised limits then show sample 21 as well.
    pairs = zip(ORANGE_JUICE["counts"], ORANGE_JUICE["sizes"], strict=True)
    result = screen_phase1(Family.P, [SubgroupData((c,), n) for c, n in pairs], RULE_SETS["default"])
    first = [removal.index for removal in result.trail if removal.iteration == 1]
    second = [removal.index for removal in result.trail if removal.iteration == 2]
    assert (first, second) == ([14, 22], [20])
    assert result.trail[2].ucl == pytest.approx(0.38929716004571, rel=1e-10)
    assert result.excluded == {14, 20, 22}
    assert result.iterations == 3


def test_screening_ends_when_no_point_of_the_baseline_is_beyond() -> None:
    values = np.random.default_rng(8).standard_t(2, size=60).tolist()
    result = screen_phase1(Family.IMR, individuals(*values), RULE_SETS["nelson"])
    assert result.trail
    assert set(result.chart.indices(Rule.BEYOND_LIMITS)) <= result.excluded
    assert result.baseline == estimate_baseline(Family.IMR, individuals(*values), excluded=result.excluded)


def test_only_points_beyond_limits_are_removed() -> None:
    drifting = individuals(*[0.0, 0.1] * 6, *[0.2, 0.3] * 6)
    result = screen_phase1(Family.IMR, drifting, RULE_SETS["nelson"])
    assert result.chart.indices(Rule.RUN_ONE_SIDE)
    assert (result.trail, result.excluded, result.iterations) == ((), frozenset(), 1)


def test_given_exclusions_stay_out_and_are_not_reported_again() -> None:
    values = individuals(1.0, 2.0, 1.0, 50.0, 2.0, 1.0, 2.0)
    result = screen_phase1(Family.IMR, values, RULE_SETS["beyond"], excluded=frozenset({3}))
    assert (result.trail, result.excluded) == ((), {3})
    assert result.chart.indices(Rule.BEYOND_LIMITS) == [3]


def test_a_wild_range_removes_its_subgroup_but_a_wild_moving_range_removes_neither_reading() -> None:
    rows = [SubgroupData((0.0, 1.0, 0.5, 0.2))] * 15 + [SubgroupData((-6.0, 6.5, 0.3, 0.9))]
    result = screen_phase1(Family.XBAR_R, rows, RULE_SETS["beyond"])
    assert [(removal.index, removal.panel) for removal in result.trail] == [(15, Panel.DISPERSION)]
    assert str(result.trail[0]).startswith("pass 1: point 15 removed, dispersion 12.5 beyond 0 .. ")
    jumps = individuals(*[-0.5, 0.5, 0.6, -0.6] * 8, -1.2, 1.2)
    kept = screen_phase1(Family.IMR, jumps, RULE_SETS["beyond"])
    assert kept.chart.indices(Rule.BEYOND_LIMITS, Panel.DISPERSION)
    assert kept.excluded == frozenset()


def test_screening_without_readings_is_refused() -> None:
    with pytest.raises(TooFewReadingsError):
        screen_phase1(Family.IMR, [], RULE_SETS["beyond"])
