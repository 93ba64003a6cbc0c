from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine import NELSON, RULE_SETS, WESTERN_ELECTRIC, Family, Rule, allowed_rules, completions
from spc.engine.families import Panel
from spc.engine.rules import LONGEST_SPAN, members

REFERENCE = Path(__file__).parents[2] / "reference" / "spc" / "run_rules.json"
CASES = json.loads(REFERENCE.read_text())["cases"]
NAN = math.nan


def at(rule: Rule, *z: float) -> list[int]:
    return completions(rule, np.array(z)).tolist()


def either_side(z: list[float], holds: Callable[[list[float]], bool]) -> bool:
    return holds(z) or holds([-value for value in z])


def slow_reference(rule: Rule, z: list[float], i: int) -> bool:
    """The rule by its literal wording, one point at a time; independent of the engine's patterns."""

    def last(count: int) -> list[float] | None:
        return z[i - count + 1 : i + 1] if i + 1 >= count else None

    def some_of(count: int, span: int, sigmas: float) -> bool:
        window = z[max(0, i - span + 1) : i + 1]
        return either_side(window, lambda w: w[-1] > sigmas and sum(v > sigmas for v in w) >= count)

    if rule is Rule.BEYOND_LIMITS:
        return z[i] > 3 or z[i] < -3
    if rule is Rule.TWO_OF_THREE_BEYOND_2S:
        return some_of(2, 3, 2)
    if rule is Rule.FOUR_OF_FIVE_BEYOND_1S:
        return some_of(4, 5, 1)
    span = {Rule.RUN_ONE_SIDE: 9, Rule.TREND: 6, Rule.ALTERNATING: 14, Rule.FIFTEEN_WITHIN_1S: 15}.get(
        rule, 8
    )
    window = last(span)
    if window is None:
        return False
    if rule in (Rule.RUN_ONE_SIDE, Rule.RUN_ONE_SIDE_8):
        return either_side(window, lambda w: min(w) > 0 and not any(map(math.isnan, w)))
    if rule is Rule.TREND:
        return either_side(window, lambda w: all(w[j + 1] > w[j] for j in range(5)))
    if rule is Rule.ALTERNATING:
        signs = [np.sign(window[j + 1] - window[j]) for j in range(13)]
        return all(signs[j] * signs[j + 1] == -1 for j in range(12))
    if rule is Rule.FIFTEEN_WITHIN_1S:
        return all(abs(value) < 1 for value in window)
    outside = all(abs(value) > 1 for value in window)
    both = any(value > 1 for value in window) and any(value < -1 for value in window)
    return outside and (both or rule is Rule.EIGHT_OUTSIDE_1S_EITHER)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_published_completions(case: dict[str, Any]) -> None:
    z, expected = case["input"]["z"], case["expected"]
    assert {str(rule.nelson): at(rule, *z) for rule in NELSON} == {
        number: where for number, where in expected["nelson"].items() if number != "8_either_side"
    }
    assert {str(rule.western_electric): at(rule, *z) for rule in WESTERN_ELECTRIC} == expected["we"]
    assert at(Rule.EIGHT_OUTSIDE_1S_EITHER, *z) == expected["nelson"]["8_either_side"]


levels = st.sampled_from(
    [-3.5, -3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, NAN]
)
outer = st.sampled_from([-3.5, -2.5, -1.5, 1.5, 2.5, 3.5])
inner = st.sampled_from([-0.9, -0.5, -0.1, 0.0, 0.1, 0.5, 0.9])
positive = st.floats(0.01, 4.0)
series = st.one_of(st.lists(values, max_size=40) for values in (levels, outer, inner, positive))


@settings(deadline=None)
@given(z=series)
@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_agrees_with_its_literal_wording(rule: Rule, z: list[float]) -> None:
    expected = [i for i in range(len(z)) if slow_reference(rule, z, i)]
    assert at(rule, *z) == expected
    last_points = [i for i in range(len(z)) if members(rule, z[max(0, i - LONGEST_SPAN + 1) : i + 1])]
    assert last_points == expected


@pytest.mark.parametrize("rule", list(Rule))
def test_long_random_series_agree_with_literal_wording(rule: Rule) -> None:
    z = np.random.default_rng(20261101).normal(scale=1.2, size=3000)
    expected = [i for i in range(len(z)) if slow_reference(rule, z.tolist(), i)]
    assert completions(rule, z).tolist() == expected


@settings(deadline=None)
@given(z=st.lists(levels, min_size=1, max_size=30))
@pytest.mark.parametrize("rule", list(Rule))
def test_mirrored_series_signal_at_the_same_points(rule: Rule, z: list[float]) -> None:
    assert at(rule, *z) == at(rule, *(-value for value in z))


def test_definition_1_alarm_stays_at_completion_and_while_the_pattern_holds() -> None:
    z = [1.0] * 8
    assert at(Rule.RUN_ONE_SIDE, *z) == []
    assert at(Rule.RUN_ONE_SIDE, *z, 1.0, 1.0, 1.0) == [8, 9, 10]


def test_definition_1_members_are_apart_from_the_alarm() -> None:
    assert members(Rule.TWO_OF_THREE_BEYOND_2S, [2.5, 0.3, 2.5]) == (0, 2)
    assert members(Rule.FOUR_OF_FIVE_BEYOND_1S, [1.5, 1.5, -4.0, 1.5, 1.5]) == (0, 1, 3, 4)
    assert members(Rule.RUN_ONE_SIDE, [1.0] * 12) == tuple(range(9))
    assert members(Rule.BEYOND_LIMITS, [3.5, 3.5]) == (0,)
    assert members(Rule.TREND, [1.0, 2.0, 3.0]) == ()
    assert members(Rule.TREND, []) == ()


def test_definition_2_beyond_is_strict_and_one_sigma_is_not_within() -> None:
    assert at(Rule.BEYOND_LIMITS, 3.0, -3.0, math.nextafter(3.0, 4.0)) == [2]
    assert at(Rule.FIFTEEN_WITHIN_1S, *[0.5] * 14, 1.0) == []
    assert at(Rule.EIGHT_OUTSIDE_1S, *[1.5, -1.5] * 3, 1.5, -1.0) == []


def test_definition_3_run_lengths_and_the_centre_line_ending_a_run() -> None:
    assert at(Rule.RUN_ONE_SIDE, *[0.1] * 9) == [8]
    assert at(Rule.RUN_ONE_SIDE_8, *[-0.1] * 8) == [7]
    assert at(Rule.RUN_ONE_SIDE, *[-0.1] * 4, 0.0, *[-0.1] * 8) == []


def test_definition_4_trend_is_six_points_and_ties_end_it() -> None:
    assert at(Rule.TREND, 1, 2, 3, 4, 5, 6) == [5]
    assert at(Rule.TREND, 6, 5, 4, 3, 2, 1, 0) == [5, 6]
    assert at(Rule.TREND, 1, 2, 3, 3, 4, 5, 6, 7) == []


def test_definition_5_alternation_is_fourteen_points() -> None:
    zigzag = [0.1, -0.1] * 7
    assert at(Rule.ALTERNATING, *zigzag[:13]) == []
    assert at(Rule.ALTERNATING, *zigzag) == [13]
    assert at(Rule.ALTERNATING, *zigzag[:13], zigzag[12]) == []


def test_definition_6_flagged_point_itself_is_beyond_on_the_pattern_side() -> None:
    assert at(Rule.TWO_OF_THREE_BEYOND_2S, 2.5, 2.5, 0.0) == [1]
    assert at(Rule.TWO_OF_THREE_BEYOND_2S, 2.5, -2.5, 2.5) == [2]
    assert at(Rule.TWO_OF_THREE_BEYOND_2S, 2.5, -2.5, 0.0) == []
    assert at(Rule.TWO_OF_THREE_BEYOND_2S, 3.5, 2.5) == [1]
    assert at(Rule.FOUR_OF_FIVE_BEYOND_1S, 1.5, 1.5, -1.5, 1.5, 1.5) == [4]


def test_definition_7_no_full_window_is_needed_at_the_start() -> None:
    assert at(Rule.TWO_OF_THREE_BEYOND_2S, 2.5, 2.5) == [1]
    assert at(Rule.FOUR_OF_FIVE_BEYOND_1S, 1.5, 1.5, 1.5, 1.5) == [3]


def test_definition_8_both_sides_by_default_and_either_side_as_its_own_rule() -> None:
    one_side, both_sides = [1.5] * 8, [1.5] * 7 + [-1.5]
    assert at(Rule.EIGHT_OUTSIDE_1S, *one_side) == []
    assert at(Rule.EIGHT_OUTSIDE_1S_EITHER, *one_side) == [7]
    assert at(Rule.EIGHT_OUTSIDE_1S, *both_sides) == at(Rule.EIGHT_OUTSIDE_1S_EITHER, *both_sides) == [7]


def test_definition_10_which_rules_a_panel_allows() -> None:
    four = {Rule.BEYOND_LIMITS, Rule.RUN_ONE_SIDE, Rule.RUN_ONE_SIDE_8, Rule.TREND, Rule.ALTERNATING}
    for family in Family:
        location, dispersion = allowed_rules(family), allowed_rules(family, Panel.DISPERSION)
        if family.is_attribute:
            assert (location, dispersion) == (four, frozenset())
        else:
            assert location == set(Rule)
            assert dispersion == ({Rule.BEYOND_LIMITS} if family is Family.IMR else four)


def test_missing_point_never_completes_a_pattern_but_cannot_undo_a_certain_one() -> None:
    assert at(Rule.RUN_ONE_SIDE, *[1.0] * 5, NAN, *[1.0] * 8) == []
    assert at(Rule.TREND, 1, 2, 3, NAN, 4, 5, 6) == []
    assert at(Rule.FIFTEEN_WITHIN_1S, *[0.1] * 10, NAN, *[0.1] * 14) == []
    assert at(Rule.TWO_OF_THREE_BEYOND_2S, 2.5, NAN, 2.5) == [2]


def test_rule_sets_carry_the_classical_numbers() -> None:
    assert [rule.nelson for rule in RULE_SETS["nelson"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [rule.western_electric for rule in RULE_SETS["weco"]] == [1, 2, 3, 4]
    assert RULE_SETS["default"] == (Rule.BEYOND_LIMITS, Rule.RUN_ONE_SIDE)
    assert RULE_SETS["beyond"] == (Rule.BEYOND_LIMITS,)
    assert all(rule.label for rule in Rule)
