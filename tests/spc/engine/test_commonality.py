"""Commonality: exact tests against published values, and what a planted cause looks like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from spc.engine.commonality import CommonalityError, Finding, commonality, false_discovery


def levels(*names: str) -> list[frozenset[str]]:
    return [frozenset(name.split("+")) - {""} for name in names]


def found(findings: list[Finding], level: str) -> Finding:
    return next(finding for finding in findings if finding.level == level)


def test_lady_tasting_tea() -> None:
    """Fisher (1935), The Design of Experiments: three of four right has probability 17/70, four of four 1/70."""
    bad = [True] * 4 + [False] * 4
    three = commonality(bad, {"cup": levels("x", "x", "x", "", "x", "", "", "")})
    assert found(three, "x").p == pytest.approx(17 / 70)
    four = commonality(bad, {"cup": levels("x", "x", "x", "x", "", "", "", "")})
    assert found(four, "x").p == pytest.approx(1 / 70)


def test_false_discovery_of_the_published_example() -> None:
    """Benjamini and Hochberg (1995), section 3.2: of fifteen p-values the four smallest are found at 0.05."""
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    q = false_discovery(p)
    assert (q <= 0.05).sum() == 4
    assert q[0] == pytest.approx(0.0015) and q[3] == pytest.approx(0.0095 * 15 / 4)
    shuffled = np.random.default_rng(1).permutation(15)
    assert false_discovery(np.array(p)[shuffled]) == pytest.approx(q[shuffled])


def test_risk_ratio_with_its_interval() -> None:
    """Physicians' Health Study, NEJM 318 (1988) 262: 189 of 11,034 against 104 of 11,037; 1.82 (1.43 to 2.31)."""
    bad = [True] * 293 + [False] * (22_071 - 293)
    has = ["placebo"] * 189 + [""] * 104 + ["placebo"] * (11_034 - 189) + [""] * (11_037 - 104)
    finding = found(commonality(bad, {"group": levels(*has)}), "placebo")
    assert (finding.risk_ratio, finding.ratio_low, finding.ratio_high) == pytest.approx(
        (1.818, 1.433, 2.306), abs=5e-4
    )


def test_planted_cause_is_found_among_many_innocent_levels() -> None:
    chance = np.random.default_rng(7)
    machine = [f"M{n}" for n in chance.integers(0, 6, 400)]
    batch = [f"B{n}" for n in chance.integers(0, 60, 400)]
    bad = [bool(chance.random() < (0.35 if m == "M3" else 0.05)) for m in machine]
    findings = commonality(bad, {"machine": levels(*machine), "batch": levels(*batch)})
    assert (findings[0].factor, findings[0].level) == ("machine", "M3")
    assert findings[0].q < 1e-5 and findings[0].ratio_low > 2
    assert [f.level for f in findings if f.q < 0.05] == ["M3"]


def test_levels_that_the_same_units_have_are_named_together() -> None:
    bad = [True] * 6 + [False] * 14
    machine = levels(*(["M1"] * 8 + ["M2"] * 12))
    shift = levels(*(["night"] * 8 + ["day"] * 12))
    lane = levels(*(["1", "2"] * 10))
    findings = commonality(bad, {"machine": machine, "shift": shift, "lane": lane})
    assert found(findings, "M1").coincides == (("shift", "night"),)
    assert found(findings, "1").coincides == ()


def test_unit_may_have_several_levels_and_none() -> None:
    findings = commonality([True, True, False, False], {"roll": levels("A+B", "A", "B", "")})
    assert (found(findings, "A").bad_with, found(findings, "A").good_with) == (2, 0)
    assert (found(findings, "B").bad_with, found(findings, "B").good_with) == (1, 1)


@pytest.mark.parametrize(
    ("bad", "factors", "message"),
    [
        ([], {}, "bad units and good"),
        ([True, True], {}, "bad units and good"),
        ([False], {}, "bad units and good"),
        ([True, False], {"x": levels("a")}, "factor 'x' has 1 units, not 2"),
    ],
)
def test_units_that_cannot_be_compared(
    bad: list[bool], factors: dict[str, list[frozenset[str]]], message: str
) -> None:
    with pytest.raises(CommonalityError, match=message):
        commonality(bad, factors)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["a", "b", "c"])), min_size=4, max_size=60))
def test_p_is_that_of_the_exact_test_and_counts_add_up(units: list[tuple[bool, str]]) -> None:
    bad = [is_bad for is_bad, _ in units]
    if len(set(bad)) < 2:
        return
    findings = commonality(bad, {"x": levels(*(level for _, level in units))})
    for f in findings:
        table = [[f.bad_with, f.bad - f.bad_with], [f.good_with, f.good - f.good_with]]
        assert f.p == pytest.approx(fisher_exact(table, alternative="greater").pvalue)
        assert f.p <= f.q <= 1 and f.ratio_low <= f.risk_ratio <= f.ratio_high
    assert [f.p for f in findings] == sorted(f.p for f in findings)
