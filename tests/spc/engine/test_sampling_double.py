"""Double plans of ISO 2859-1."""

from __future__ import annotations

import numpy as np
import pytest

from spc.engine.sampling import AttributesPlan, DoublePlan, PlanError, acceptance
from spc.engine.sampling_double import double_plan
from spc.engine.sampling_standards import AQLS, LETTERS, Severity, StandardPlan, single_plan


@pytest.mark.parametrize(
    ("letter", "aql", "plan"),
    [
        ("K", "2.5", DoublePlan(80, 3, 6, 80, 9)),
        ("J", "1.0", DoublePlan(50, 0, 3, 50, 3)),
        ("L", "1.0", DoublePlan(125, 2, 5, 125, 6)),
        ("H", "1.0", DoublePlan(32, 0, 2, 32, 1)),
    ],
)
def test_plans_of_table_3_a(letter: str, aql: str, plan: DoublePlan) -> None:
    assert double_plan(letter, aql) == plan


def test_a_tightened_plan_is_of_its_own_table() -> None:
    assert double_plan("K", "2.5", Severity.TIGHTENED) == DoublePlan(80, 2, 5, 80, 6)


@pytest.mark.parametrize("severity", [Severity.NORMAL, Severity.TIGHTENED])
def test_every_double_plan_judges_like_the_single_plan_beside_it(severity: Severity) -> None:
    compared = 0
    for letter in LETTERS:
        for aql in AQLS[: AQLS.index("10") + 1]:  # fractions defective; beyond, AQLs count defects
            try:
                single, double = single_plan(letter, aql, severity), double_plan(letter, aql, severity)
            except PlanError:
                continue
            if isinstance(double, StandardPlan):
                assert double == single and (single.ac == 0 or single.letter == "A")
                continue
            p = np.linspace(0.2, 3.0, 12) * (single.ac + 0.7) / single.n
            p = p[p < 1.0]
            apart = np.abs(acceptance(AttributesPlan(single.n, single.ac), p) - double.acceptance(p))
            assert apart.max() < 0.12, (letter, aql)
            assert double.n1 < single.n <= double.n1 + double.n2
            compared += 1
    assert compared > 80


def test_zero_acceptance_has_no_double_plan() -> None:
    found = double_plan("F", "0.65")
    assert isinstance(found, StandardPlan) and found.ac == 0


def test_reduced_inspection_is_refused_in_words() -> None:
    with pytest.raises(PlanError, match="normal and tightened"):
        double_plan("K", "2.5", Severity.REDUCED)
