from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine import (
    MISSING_POINT,
    NELSON,
    RULE_SETS,
    WESTERN_ELECTRIC,
    Baseline,
    ChartResult,
    Family,
    FamilyMismatchError,
    Panel,
    Rule,
    SigmaMethod,
    SubgroupData,
    chart,
    completions,
    estimate_baseline,
)
from spc.engine.constants import c4, d2, d3

REFERENCE = Path(__file__).parents[2] / "reference" / "spc" / "charts.json"
CASES = {case["id"]: case for case in json.loads(REFERENCE.read_text())["cases"]}
FAMILIES = {"xbar": Family.XBAR_R, "r": Family.XBAR_R, "s": Family.XBAR_S, "individuals": Family.IMR}
METHODS = {"RMSDF": SigmaMethod.POOLED, "UWAVE-R": SigmaMethod.RBAR, "MR": SigmaMethod.MR}


def subgroups_of(given_: dict[str, Any], prefix: str = "") -> list[SubgroupData]:
    if "counts" in given_:
        counts, sizes = given_.get(f"{prefix}counts", []), given_.get(f"{prefix}sizes", [])
        return [SubgroupData((count,), size) for count, size in zip(counts, sizes, strict=True)]
    rows = given_.get(f"{prefix}data", [])
    values = (row if isinstance(row, list) else [row] for row in rows)
    return [SubgroupData(tuple(math.nan if v is None else v for v in row)) for row in values]


def published_chart(case: dict[str, Any]) -> ChartResult:
    """The chart of phase 1 and phase 2 points of a case, against the baseline of its phase 1."""
    family = FAMILIES.get(case["kind"]) or Family(case["kind"])
    phase1 = subgroups_of(case["input"])
    phase2 = subgroups_of(case["input"], "new_" if family.is_attribute else "new")
    method = METHODS.get(case["input"].get("sigma_method", ""))
    baseline = estimate_baseline(family, phase1, sigma_method=method)
    rules, boundary = NELSON + WESTERN_ELECTRIC, frozenset({len(phase1)})
    return chart(family, baseline, phase1 + phase2, rules, restarts=boundary)


def close(actual: Any, expected: Any, case: dict[str, Any]) -> bool:
    wanted = np.asarray(
        [math.nan if v is None else v for v in np.ravel(np.array(expected, dtype=object))], float
    )
    got = np.broadcast_to(actual, wanted.shape) if wanted.size > 1 else np.ravel(actual)
    # rel_tol of the reference; where the limit is 0 there is nothing to scale by.
    return bool(np.allclose(got, wanted, rtol=case["rel_tol"], atol=0.0, equal_nan=True))


@pytest.mark.parametrize(
    "case",
    [case for case in CASES.values() if case["kind"] != "individuals_phased"],
    ids=lambda case: case["id"],
)
def test_published_charts(case: dict[str, Any]) -> None:
    result, expected = published_chart(case), case["expected"]
    lower = case["kind"] in ("r", "s")
    panel = result.dispersion_panel if lower else result.location
    plotted = result.dispersion if lower else result.statistic
    if case["kind"] == "np" or not result.baseline.family.is_attribute:
        assert close(panel.center, expected["center"], case)
    else:
        assert close(result.baseline.center, expected["center"], case)
    assert close(panel.lcl, expected["lcl"], case)
    assert close(panel.ucl, expected["ucl"], case)
    if "std_dev" in expected:
        assert close(result.baseline.sigma, expected["std_dev"], case)
    if "statistics" in expected:
        assert close(plotted, expected["statistics"], case)
    if "mr" in expected:
        assert close(result.dispersion, expected["mr"], case)
    if "mr_center" in expected:
        assert close(result.dispersion_center, expected["mr_center"], case)
        assert close(result.dispersion_ucl, expected["mr_ucl"], case)
    if "beyond_limits" in expected:
        where = Panel.DISPERSION if lower else Panel.LOCATION
        assert result.indices(Rule.BEYOND_LIMITS, where) == expected["beyond_limits"]
    # The reference gives every rule on every statistic; which of them a chart may use is definition 10.
    for numbered, rules in (("nelson", NELSON), ("we", WESTERN_ELECTRIC)):
        for rule in rules if numbered in expected else ():
            number = rule.nelson if numbered == "nelson" else rule.western_electric
            assert completions(rule, panel.z).tolist() == expected[numbered][str(number)], rule


def test_definition_11_missing_readings_drop_every_pair_they_touch() -> None:
    case = CASES["edge-imr-missing"]
    result = published_chart(case)
    # 19 pairs less 4. (The case's own n_mr says 16, which its sigma contradicts: that is the mean of 15.)
    ranges = result.dispersion[~np.isnan(result.dispersion)]
    assert len(ranges) == 15
    assert close(ranges.sum() / 15 / d2(2), case["expected"]["std_dev"], case)


def test_definition_26_each_phase_has_its_own_limits() -> None:
    case = CASES["edge-imr-two-phases"]
    data, phase = case["input"]["data"], case["input"]["phase"]
    for number, expected in zip((1, 2), case["expected"]["per_phase"], strict=True):
        points = [SubgroupData((x,)) for x, p in zip(data, phase, strict=True) if p == number]
        result = chart(Family.IMR, estimate_baseline(Family.IMR, points), points, RULE_SETS["nelson"])
        assert close(result.baseline.center, expected["center"], case)
        assert close(result.baseline.sigma, expected["std_dev"], case)
        assert close(result.lcl[0], expected["lcl"], case)
        assert close(result.ucl[0], expected["ucl"], case)
        assert close(result.dispersion_ucl[0], expected["mr_ucl"], case)


def known(family: Family, center: float, sigma: float | None = None) -> Baseline:
    return Baseline(family, center, sigma, subgroup_size=1.0, n_subgroups=25, n_values=25.0)


def individuals(*values: float) -> list[SubgroupData]:
    return [SubgroupData((value,)) for value in values]


def test_definition_26_rules_and_moving_range_restart_at_a_phase_boundary() -> None:
    points = individuals(*[1.0] * 5, *[1.5] * 5)
    whole = chart(Family.IMR, known(Family.IMR, 0.0, 1.0), points, RULE_SETS["default"])
    split = chart(
        Family.IMR, known(Family.IMR, 0.0, 1.0), points, RULE_SETS["default"], restarts=frozenset({5})
    )
    assert [(hit.index, hit.member_indices) for hit in whole.hits] == [
        (8, tuple(range(9))),
        (9, tuple(range(1, 10))),
    ]
    assert split.hits == ()
    assert (whole.dispersion[5], math.isnan(split.dispersion[5])) == (0.5, True)


def test_definition_2_a_point_exactly_on_a_drawn_limit_is_not_beyond() -> None:
    # 10.3 - 10 over 0.1 is 3.000000000000007 in floating point.
    result = chart(Family.IMR, known(Family.IMR, 10.0, 0.1), individuals(10.3, 9.7, 10.1, 10.31), NELSON)
    assert result.ucl[0] == 10.3
    assert result.z[:3].tolist() == [3.0, -3.0, 1.0]
    assert result.indices(Rule.BEYOND_LIMITS) == [3]


def test_definition_9_each_point_is_standardised_by_its_own_limits() -> None:
    p, sizes = 0.1, (400, 400, 400, 50, 50)
    counts = (40, 53, 54, 11, 5)
    points = [SubgroupData((count,), size) for count, size in zip(counts, sizes, strict=True)]
    result = chart(Family.P, known(Family.P, p), points, RULE_SETS["nelson"])
    own = [(c / n - p) / math.sqrt(p * (1 - p) / n) for c, n in zip(counts, sizes, strict=True)]
    assert result.z == pytest.approx(own, rel=1e-12, abs=1e-15)
    assert completions(Rule.TWO_OF_THREE_BEYOND_2S, result.z).tolist() == [2, 3]


def test_definition_10_charts_ignore_rules_their_panels_do_not_allow() -> None:
    points = [SubgroupData((16.0,)), SubgroupData((16.0,)), SubgroupData((40.0,))]
    result = chart(Family.C, known(Family.C, 9.0), points, RULE_SETS["nelson"])
    assert [hit.rule for hit in result.hits] == [Rule.BEYOND_LIMITS]
    rising = chart(Family.IMR, known(Family.IMR, 0.0, 9.0), individuals(*(x * x for x in range(7))), NELSON)
    assert {hit.panel for hit in rising.hits if hit.rule is Rule.TREND} == {Panel.LOCATION}


def test_all_rules_of_a_point_are_kept() -> None:
    result = chart(Family.IMR, known(Family.IMR, 0.0, 1.0), individuals(2.5, 3.5, 0.0), RULE_SETS["nelson"])
    at_second = [hit.rule for hit in result.hits_at(1) if hit.panel is Panel.LOCATION]
    assert at_second == [Rule.BEYOND_LIMITS, Rule.TWO_OF_THREE_BEYOND_2S]


def test_definition_13_range_and_deviation_limits_follow_each_subgroup_size() -> None:
    points = [SubgroupData((1.0, 2.0)), SubgroupData((1.0, 2.0, 3.0, 4.0)), SubgroupData((2.0,))]
    ranges = chart(Family.XBAR_R, known(Family.XBAR_R, 2.0, 0.5), points, RULE_SETS["beyond"])
    assert ranges.dispersion_center[:2] == pytest.approx([d2(2) * 0.5, d2(4) * 0.5], rel=1e-15)
    assert ranges.dispersion_ucl[1] == pytest.approx((d2(4) + 3 * d3(4)) * 0.5, rel=1e-15)
    assert ranges.ucl == pytest.approx([2 + 1.5 / math.sqrt(n) for n in (2, 4, 1)], rel=1e-15)
    assert math.isnan(ranges.dispersion[2])
    assert math.isnan(ranges.dispersion_ucl[2])
    deviations = chart(Family.XBAR_S, known(Family.XBAR_S, 2.0, 0.5), points, RULE_SETS["beyond"])
    assert deviations.dispersion_center[:2] == pytest.approx([c4(2) * 0.5, c4(4) * 0.5], rel=1e-15)


def test_definition_14_limits_are_clipped_and_a_clipped_limit_is_never_violated() -> None:
    none_bad = [SubgroupData((0.0,), 20)] * 3
    for family in (Family.P, Family.NP, Family.U):
        result = chart(family, known(family, 0.05), none_bad, RULE_SETS["beyond"])
        assert result.lcl.tolist() == [0.0] * 3
        assert result.hits == ()
    all_bad = chart(Family.P, known(Family.P, 0.95), [SubgroupData((20.0,), 20)], RULE_SETS["beyond"])
    assert all_bad.ucl.tolist() == [1.0]
    assert all_bad.hits == ()
    all_bad_counted = chart(
        Family.NP, known(Family.NP, 0.95), [SubgroupData((20.0,), 20)], RULE_SETS["beyond"]
    )
    assert all_bad_counted.ucl.tolist() == [20.0]


@pytest.mark.parametrize("family", [Family.IMR, Family.P, Family.C])
def test_definition_22_no_spread_collapses_limits_and_no_rule_fires(family: Family) -> None:
    center = 0.0 if family.is_attribute else 5.0
    baseline = known(family, center, None if family.is_attribute else 0.0)
    result = chart(family, baseline, [SubgroupData((3.0,), 10)] * 20, RULE_SETS["nelson"])
    assert result.lcl.tolist() == result.center.tolist() == result.ucl.tolist() == [center] * 20
    assert np.isnan(result.z).all()
    assert result.hits == ()


def test_missing_points_keep_their_place_and_never_signal() -> None:
    points = [*individuals(1.0, 5.0), MISSING_POINT, *individuals(5.0)]
    result = chart(Family.IMR, known(Family.IMR, 0.0, 1.0), points, RULE_SETS["beyond"])
    assert result.indices(Rule.BEYOND_LIMITS) == [1, 3]
    assert np.isnan(result.dispersion[[0, 2, 3]]).all()
    assert math.isnan(result.statistic[2])


def test_empty_chart_and_foreign_baseline() -> None:
    empty = chart(Family.IMR, known(Family.IMR, 0.0, 1.0), [], RULE_SETS["nelson"])
    assert (empty.statistic.shape, empty.hits) == ((0,), ())
    with pytest.raises(FamilyMismatchError):
        chart(Family.C, known(Family.IMR, 0.0, 1.0), [], RULE_SETS["nelson"])


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    exponent=st.integers(-30, 30),
    shift=st.integers(-500, 500),
    family=st.sampled_from([Family.IMR, Family.XBAR_R, Family.XBAR_S]),
)
def test_signals_do_not_depend_on_unit_or_origin(
    seed: int, exponent: int, shift: int, family: Family
) -> None:
    size = 1 if family is Family.IMR else 4
    data = np.random.default_rng(seed).integers(-40, 40, size=(40, size)) / 16

    def judge(values: Any) -> ChartResult:
        points = [SubgroupData(tuple(row)) for row in values.tolist()]
        return chart(family, estimate_baseline(family, points[:20]), points, RULE_SETS["nelson"])

    here, there = judge(data), judge((data + shift) * 2.0**exponent)
    assert there.z == pytest.approx(here.z, rel=1e-9, abs=1e-9)
    assert there.hits == here.hits
