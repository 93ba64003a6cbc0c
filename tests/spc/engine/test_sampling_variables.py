"""Variables sampling plans against the standard's own tables and worked examples."""

from __future__ import annotations

import math
from typing import Any

import pytest

from spc.engine.sampling import PlanError
from spc.engine.sampling_standards import Severity, Switching
from spc.engine.sampling_variables import VariablesStandardPlan, judge_variables, variables_plan

# Temperatures of operation, degrees F, of the worked examples of MIL-STD-414 sections B2.3 and B8 (Z1.9: the same).
EXAMPLE = (197.0, 188.0, 184.0, 205.0, 201.0)


@pytest.mark.parametrize(
    ("lot_size", "level", "letter", "n"),
    [
        (2, "II", "B", 3),
        (8, "III", "C", 4),
        (15, "III", "D", 5),
        (16, "II", "C", 4),
        (40, "II", "D", 5),
        (51, "II", "E", 7),
        (280, "I", "F", 10),
        (281, "I", "G", 15),
        (500, "II", "I", 25),
        (501, "II", "J", 35),
        (10_000, "S-3", "F", 10),
        (500_001, "III", "P", 200),
        (500_001, "S-4", "K", 50),
    ],
)
def test_code_letters_are_those_of_table_a2(lot_size: int, level: str, letter: str, n: int) -> None:
    plan = variables_plan(lot_size, level, "10")
    assert (plan.letter, plan.n) == (letter, n)


def test_worked_examples_of_one_and_two_limits() -> None:
    """B2.3: (209 - 195) / 8.81 = 1.59 against k = 1.53; B8: 2.19 % + 0.66 % against M = 3.32 %."""
    plan = variables_plan(40, "II", "1.0")
    assert (plan.n, plan.k) == (5, 1.53)
    one = judge_variables(EXAMPLE, plan, lsl=None, usl=209.0)
    assert one.accepted and one.mean == 195.0
    # The standard rounds s = 8.803 up to 8.81.
    assert one.deviation == pytest.approx(8.81, abs=0.01) and one.index == pytest.approx(1.59, abs=0.005)
    two = judge_variables(EXAMPLE, plan, lsl=180.0, usl=209.0)
    assert two.accepted and 100 * plan.m == pytest.approx(3.32, abs=0.02)
    assert 100 * two.share == pytest.approx(2.85, abs=0.06)


def test_a_letter_without_a_constant_takes_the_next_larger_sample() -> None:
    assert variables_plan(40, "II", "0.65").n == 5
    assert variables_plan(40, "II", "0.40").n == 7  # D begins at 0.65
    assert variables_plan(40, "II", "0.65", Severity.TIGHTENED).n == 7
    tightened, normal = variables_plan(40, "II", "1.0", Severity.TIGHTENED), variables_plan(40, "II", "0.65")
    assert tightened.k == normal.k == 1.65


def test_an_index_on_the_constant_accepts_and_no_spread_decides_by_the_mean() -> None:
    values = (1.0, 2.0, 3.0)  # s = 1
    plan = VariablesStandardPlan("B", 3, 1.0, 0.2)
    assert judge_variables(values, plan, lsl=1.0, usl=None).accepted
    assert not judge_variables(values, plan, lsl=math.nextafter(1.0, 2.0), usl=None).accepted
    same = (2.0, 2.0, 2.0)
    assert judge_variables(same, plan, lsl=2.0, usl=None).accepted
    assert not judge_variables(same, plan, lsl=2.1, usl=None).accepted
    out = judge_variables(same, plan, lsl=1.0, usl=1.5)
    assert not out.accepted and out.share == 1.0
    outside = judge_variables((0.0, 0.5, 0.0), plan, lsl=1.0, usl=2.0)
    assert not outside.accepted and outside.share > 0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1, "II", "1.0"), "two items"),
        ((40, "IV", "1.0"), "inspection level"),
        ((40, "II", "1"), "AQL"),
        ((40, "II", "1.0", Severity.REDUCED), "not for reduced"),
    ],
)
def test_plans_that_do_not_exist_are_refused(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        variables_plan(*arguments)


def test_a_sample_of_another_size_and_no_limit_are_refused() -> None:
    plan = variables_plan(40, "II", "1.0")
    with pytest.raises(PlanError, match="5 values, got 4"):
        judge_variables(EXAMPLE[:4], plan, lsl=None, usl=209.0)
    with pytest.raises(PlanError, match="needs a limit"):
        judge_variables(EXAMPLE, plan, lsl=None, usl=None)


def test_larger_acceptance_numbers_score_three_only_where_the_next_smaller_aql_accepts_too() -> None:
    """ISO 2859-1, 9.3.3.2: 10 lots of 3 points reach 30, 15 lots of 2; a fault of the tighter plan starts anew."""
    state = Switching()
    for _ in range(9):
        state = state.after(True, reduced_authorised=True, one_step_tighter=True)
    assert (state.score, state.severity) == (27, Severity.NORMAL)
    assert state.after(True, reduced_authorised=True, one_step_tighter=False).score == 0
    assert state.after(True, reduced_authorised=True, one_step_tighter=True).severity is Severity.REDUCED
    assert state.after(True, one_step_tighter=True).severity is Severity.NORMAL
