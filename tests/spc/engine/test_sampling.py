"""Acceptance sampling: curves, plan finding, standards and switching beyond the reference cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spc.engine.run_length import cusum_arl, ewma_arl, ewma_arl_time_varying, mewma_arl, shewhart_arl
from spc.engine.sampling import (
    AttributesPlan,
    DoublePlan,
    Law,
    PlanError,
    VariablesPlan,
    acceptance,
    average_outgoing_quality,
    average_outgoing_quality_limit,
    find_attributes_plan,
    find_variables_plan,
    variables_acceptance,
)
from spc.engine.sampling_standards import (
    AQLS,
    Severity,
    acceptability_constants,
    code_letter,
    constant_of,
    severities,
    single_plan,
)

GRID = np.linspace(0.0, 1.0, 41)


def test_rule_of_the_handbook_lets_bad_lots_pass() -> None:
    """Handbook 12.3, accept where 90 % of the sample are good: the worked shares of lots with 20 and 10 % bad cells."""
    assert acceptance(AttributesPlan(20, 2), [0.20, 0.10]) == pytest.approx([0.21, 0.68], abs=0.005)
    assert acceptance(AttributesPlan(50, 5), [0.20, 0.10]) == pytest.approx([0.048, 0.62], abs=0.005)


@given(st.integers(1, 200), st.integers(0, 20))
def test_worse_quality_is_never_accepted_more_often(n: int, c: int) -> None:
    curve = acceptance(AttributesPlan(n, c), GRID)
    assert np.all(np.diff(curve) <= 1e-12) and curve[0] == 1.0
    if c < n:
        assert curve[-1] == 0.0


@given(st.floats(0.001, 0.05), st.floats(1.5, 8.0))
def test_the_plan_found_keeps_both_risks_and_a_smaller_one_does_not(p1: float, factor: float) -> None:
    p2 = min(0.9, p1 * factor + 0.02)
    plan = find_attributes_plan(p1, 0.95, p2, 0.1)
    good, bad = acceptance(plan, [p1, p2])
    assert good >= 0.95 and bad <= 0.1
    if plan.n > 1:
        less = acceptance(AttributesPlan(plan.n - 1, plan.c), [p2])[0]
        assert less > 0.1  # with the same c one item less passes bad quality


@pytest.mark.parametrize("known", [True, False])
def test_a_variables_plan_needs_fewer_items_and_keeps_both_risks(known: bool) -> None:
    plan = find_variables_plan(0.01, 0.95, 0.08, 0.1, sigma_known=known)
    good, bad = variables_acceptance(plan, [0.01, 0.08], sigma_known=known)
    assert good == pytest.approx(0.95, abs=1e-9) and bad <= 0.1
    assert plan.n < find_attributes_plan(0.01, 0.95, 0.08, 0.1).n


def test_a_lot_is_judged_by_its_own_numbers() -> None:
    plan = AttributesPlan(10, 0)
    # 5 defective of 50: C(45, 10) / C(50, 10).
    assert acceptance(plan, [0.1], law=Law.HYPERGEOMETRIC, lot_size=50)[0] == pytest.approx(
        0.310563, abs=1e-6
    )
    with pytest.raises(PlanError, match="lot size"):
        acceptance(plan, [0.1], law=Law.HYPERGEOMETRIC)


def test_double_sampling_inspects_less_on_average_and_judges_like_its_parts() -> None:
    plan = DoublePlan(50, 1, 4, 50, 4)
    assert plan.acceptance([0.0])[0] == 1.0
    assert plan.average_sample_number([0.0])[0] == 50.0
    assert 50.0 < plan.average_sample_number([0.03])[0] < 100.0
    # Rejecting at once beyond ac1 makes it the single plan (50, 1).
    assert DoublePlan(50, 1, 2, 50, 4).acceptance([0.04]) == pytest.approx(
        acceptance(AttributesPlan(50, 1), [0.04])
    )


def test_outgoing_quality_has_a_worst_point() -> None:
    plan = AttributesPlan(52, 3)  # NIST e-Handbook 6.2.3.2: AOQL about 0.0372 (N = 10,000)
    assert average_outgoing_quality_limit(plan, lot_size=10_000) == pytest.approx(0.0372, abs=2e-4)
    assert average_outgoing_quality(plan, [0.0, 1.0], lot_size=10_000) == pytest.approx([0.0, 0.0], abs=1e-12)


@pytest.mark.parametrize(
    "letter, aql, severity, expected",
    [
        ("K", "1.0", Severity.NORMAL, (125, 3)),
        ("K", "1.0", Severity.TIGHTENED, (125, 2)),
        ("L", "1.0", Severity.TIGHTENED, (200, 3)),
        ("M", "1.0", Severity.TIGHTENED, (315, 5)),
        ("J", "1.0", Severity.TIGHTENED, (80, 1)),
        ("L", "1.0", Severity.REDUCED, (80, 2)),
        ("K", "1.0", Severity.REDUCED, (50, 1)),
    ],
)
def test_plans_of_the_standard(letter: str, aql: str, severity: Severity, expected: tuple[int, int]) -> None:
    plan = single_plan(letter, aql, severity)
    assert (plan.n, plan.ac) == expected


@pytest.mark.parametrize("severity", [Severity.NORMAL, Severity.TIGHTENED, Severity.REDUCED])
def test_every_cell_leads_to_a_plan(severity: Severity) -> None:
    for lot in (8, 90, 1200, 35_000, 10**9):
        for aql in AQLS:
            plan = single_plan(code_letter(lot, "II"), aql, severity)
            assert plan.n >= 2 and 0 <= plan.ac < plan.re


def test_tightened_inspection_is_stricter() -> None:
    for aql in ("0.65", "1.0", "2.5", "4.0"):
        normal, tightened = single_plan("L", aql), single_plan("L", aql, Severity.TIGHTENED)
        p = float(aql) / 100
        assert (
            acceptance(AttributesPlan(tightened.n, tightened.ac), [p])[0]
            <= acceptance(AttributesPlan(normal.n, normal.ac), [p])[0]
        )


def test_five_rejections_under_tightened_inspection_stop_it() -> None:
    found = severities([False, False] + [False, True] * 5)
    assert found[2] is Severity.TIGHTENED and found[-1] is Severity.DISCONTINUED
    assert severities([True] * 15, reduced_authorised=True)[-1] is Severity.REDUCED
    assert severities([True] * 15 + [False], reduced_authorised=True)[-1] is Severity.NORMAL
    assert severities([True] * 15)[-1] is Severity.NORMAL


def test_an_unknown_level_names_the_known() -> None:
    with pytest.raises(PlanError, match="S-1"):
        code_letter(100, "IV")


def test_run_lengths_agree_where_charts_are_the_same() -> None:
    # Lambda 1 is a Shewhart chart; a MEWMA of one variable is an EWMA.
    assert ewma_arl(0.0, weight=1.0, width=3.0) == pytest.approx(370.398, rel=1e-4)
    assert shewhart_arl(1.0) == pytest.approx(43.895, rel=1e-4)
    assert mewma_arl(1.0, weight=0.1, limit=2.814**2, variables=1) == pytest.approx(
        ewma_arl(1.0, weight=0.1, width=2.814)
    )
    # Off target by next to nothing is in control.
    assert mewma_arl(1e-7, weight=0.1, limit=8.66, variables=2) == pytest.approx(
        mewma_arl(0.0, weight=0.1, limit=8.66, variables=2), rel=1e-3
    )


def test_time_varying_limits_signal_no_later() -> None:
    for shift in (0.5, 1.0, 3.0):
        assert ewma_arl_time_varying(shift, weight=0.1, width=2.814) < ewma_arl(
            shift, weight=0.1, width=2.814
        )


def test_a_head_start_shortens_the_run_length() -> None:
    plain = cusum_arl(1.0, reference=0.5, interval=5.0)
    assert plain == pytest.approx(10.4, abs=0.05)  # Montgomery, table 9.3
    assert cusum_arl(1.0, reference=0.5, interval=5.0, head_start=2.5) < plain


@pytest.mark.parametrize("n", [2, 5, 20, 60])
def test_a_variables_curve_is_the_noncentral_t_tail(n: int) -> None:
    p, k = np.linspace(0.001, 0.6, 30), 1.4
    expected = stats.nct.sf(k * np.sqrt(n), n - 1, stats.norm.isf(p) * np.sqrt(n))
    assert variables_acceptance(VariablesPlan(n, k), p, sigma_known=False) == pytest.approx(
        expected, abs=1e-11
    )


def test_a_large_variables_plan_is_found_where_the_series_fails() -> None:
    plan = find_variables_plan(0.01, 0.99, 0.015, 0.0117, sigma_known=False)
    good, bad = variables_acceptance(plan, [0.01, 0.015], sigma_known=False)
    assert good == pytest.approx(0.99, abs=1e-9) and bad <= 0.0117
    # Wallis: n grows by 1 + k^2 / 2 over sigma known.
    known = find_variables_plan(0.01, 0.99, 0.015, 0.0117, sigma_known=True)
    assert plan.n == pytest.approx(known.n * (1 + known.k**2 / 2), rel=0.02)
    assert variables_acceptance(plan, [0.0, 1.0], sigma_known=False) == pytest.approx([1.0, 0.0], abs=1e-12)


def test_tightened_constants_are_the_normal_ones_of_the_next_smaller_aql() -> None:
    normal = {row.aql: row for row in acceptability_constants(20)}
    tightened = {row.aql: row for row in acceptability_constants(20, Severity.TIGHTENED)}
    assert tightened[1.0].k_published == normal[0.65].k_published
    assert tightened[1.0].m == normal[0.65].m
    assert list(tightened) == list(normal) and tightened[0.10].k_published == 2.58
    assert min(row.aql for row in acceptability_constants(5, Severity.TIGHTENED)) == 1.0


@pytest.mark.parametrize("n", [3, 7, 15, 20, 50, 200])
def test_constants_fall_with_the_aql_and_tightened_ones_ask_for_more(n: int) -> None:
    normal, tightened = acceptability_constants(n), acceptability_constants(n, Severity.TIGHTENED)
    for rows in (normal, tightened):
        ks = [row.k_published for row in rows]
        assert ks == sorted(ks, reverse=True) and len(set(ks)) == len(ks)
        assert all(row.k_from_m == pytest.approx(row.k_published, abs=0.012) for row in rows)
    asked = {row.aql: row.k_published for row in normal}
    assert all(row.k_published > asked[row.aql] for row in tightened if row.aql in asked)


def test_constants_of_reduced_inspection_are_refused() -> None:
    with pytest.raises(PlanError, match="normal and tightened"):
        acceptability_constants(20, Severity.REDUCED)


def test_the_tightest_constants_agree_with_the_largest_fractions_of_their_column() -> None:
    """MIL-STD-414 table B-3, column 0.065, in percent: another table of the same plans, rounded by itself."""
    largest = {
        15: 0.186, 20: 0.228, 25: 0.250, 30: 0.280, 35: 0.264, 40: 0.275, 50: 0.250, 75: 0.228,
        100: 0.220, 150: 0.203, 200: 0.204,
    }  # fmt: skip
    for n, percent in largest.items():
        tightest = acceptability_constants(n, Severity.TIGHTENED)[0]
        assert tightest.aql == 0.10
        assert constant_of(percent / 100.0, n) == pytest.approx(tightest.k_published, abs=0.006)
