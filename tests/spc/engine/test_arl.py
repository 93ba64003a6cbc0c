from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spc.engine import NELSON, RULE_SETS, WESTERN_ELECTRIC, Rule, RunLengthError
from spc.engine.arl import arl_profile, average_run_length, expected_false_alarms
from spc.engine.automaton import UnknownPatternError, zone_automaton
from spc.engine.rules import completions

REFERENCE = Path(__file__).parents[2] / "reference" / "spc" / "run_lengths.json"
CASES = {case["id"]: case for case in json.loads(REFERENCE.read_text())["cases"]}


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [case for case in CASES.values() if case["kind"] == kind]


def named_set(name: str) -> list[Rule]:
    """The rules of a reference set name such as nelson_1256, we_4_alone or nelson_all8."""
    family, numbers = name.split("_")[:2]
    rules = {rule.nelson if family == "nelson" else rule.western_electric: rule for rule in Rule}
    return list(NELSON) if numbers == "all8" else [rules[int(number)] for number in numbers]


@pytest.mark.parametrize("case", of_kind("arl_we"), ids=lambda case: case["id"])
def test_western_electric_profiles_of_champ_and_woodall(case: dict[str, Any]) -> None:
    rules = [WESTERN_ELECTRIC[number - 1] for number in case["input"]["rules"]]
    assert arl_profile(rules, case["input"]["shifts"]) == pytest.approx(case["expected"]["arl"], rel=1e-10)


@pytest.mark.parametrize("case", of_kind("arl_exact"), ids=lambda case: case["id"])
def test_single_rules_match_their_closed_forms(case: dict[str, Any]) -> None:
    assert average_run_length(named_set(case["input"]["set"])) == pytest.approx(
        case["expected"]["arl"], rel=case["rel_tol"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", of_kind("arl_nelson_mc"), ids=lambda case: case["id"])
def test_exact_chain_lies_within_the_monte_carlo_error(case: dict[str, Any]) -> None:
    expected = case["expected"]
    error = abs(average_run_length(named_set(case["input"]["set"])) - expected["arl"])
    assert error <= expected["accept_within_se"] * expected["se"]


def test_beyond_limits_profile() -> None:
    case = of_kind("arl_shewhart")[0]
    profile = arl_profile(RULE_SETS["beyond"], case["input"]["shifts"])
    assert profile == pytest.approx(case["expected"]["arl"], rel=1e-10)


def test_false_alarm_costs_quoted_to_users() -> None:
    assert round(average_run_length(RULE_SETS["beyond"]), 2) == 370.40
    assert round(average_run_length(RULE_SETS["weco"]), 2) == 91.75
    assert round(average_run_length(RULE_SETS["nelson"]), 1) == 73.5
    assert expected_false_alarms(3704, RULE_SETS["beyond"]) == pytest.approx(10.0, rel=1e-4)


@pytest.mark.slow
def test_either_side_changes_nothing_once_four_of_five_is_on() -> None:
    # Eight outside on one side would have been four of five beyond 1 sigma before.
    either = (*RULE_SETS["nelson"][:7], Rule.EIGHT_OUTSIDE_1S_EITHER)
    assert average_run_length(either) == pytest.approx(average_run_length(RULE_SETS["nelson"]), rel=1e-12)


@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize("numbers", [(1, 2, 3, 4), (3, 4, 7, 8), (1, 3, 6)])
def test_exact_chain_agrees_with_simulation(numbers: tuple[int, ...], shift: float) -> None:
    rules = [NELSON[number - 1] for number in numbers]
    rng = np.random.default_rng(71)
    lengths = []
    for _ in range(1500):
        z: list[float] = []
        first: list[int] = []
        while not first:
            z.extend(rng.normal(shift, 1.0, size=max(200, len(z))).tolist())
            first = [int(where[0]) for rule in rules if len(where := completions(rule, np.array(z)))]
        lengths.append(min(first) + 1)
    standard_error = np.std(lengths) / np.sqrt(len(lengths))
    assert abs(average_run_length(rules, shift=shift) - np.mean(lengths)) < 4 * standard_error


@pytest.mark.slow
def test_each_added_rule_costs_false_alarms_and_finds_shifts_sooner() -> None:
    for shift in (0.0, 0.5, 2.0):
        lengths = [average_run_length(NELSON[: count + 1], shift=shift) for count in range(len(NELSON))]
        assert all(after <= before for before, after in pairwise(lengths))


@pytest.mark.slow
def test_shift_up_and_down_are_alike() -> None:
    assert average_run_length(NELSON, shift=0.7) == pytest.approx(
        average_run_length(NELSON, shift=-0.7), rel=1e-10
    )


def test_no_rules_is_refused() -> None:
    with pytest.raises(RunLengthError):
        average_run_length(())


def test_zones_cannot_decide_a_trend() -> None:
    with pytest.raises(UnknownPatternError):
        zone_automaton([Rule.TREND.pattern])
