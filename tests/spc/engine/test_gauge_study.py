"""The verdict of a gauge study: AIAG's own example, the thresholds to the digit, invariances, refusals."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine.gauge_study import study_result
from spc.engine.gauge_verdict import Design, GaugeVerdict, StudyReading, StudyResult, by_kappa, by_share
from spc.engine.measurement_systems import StudyError

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "reference" / "spc" / "cases.json").read_text()
)["cases"]


def aiag() -> tuple[list[StudyReading], dict[str, Any]]:
    """AIAG MSA, 4th edition, figure III-B 15: 10 parts, 3 appraisers, 3 trials."""
    case = next(case for case in CASES if case["kind"] == "gage_rr_anova")
    given = case["input"]
    rows = zip(given["part"], given["oper"], given["y"], strict=True)
    return [StudyReading(str(p), str(o), i, float(y)) for i, (p, o, y) in enumerate(rows)], case["expected"]


def crossed(gauge: float, *, seed: int = 1, scale: float = 1.0, shift: float = 0.0) -> list[StudyReading]:
    """Eight parts of deviation 1, three operators, three trials of deviation `gauge`."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0.0, 1.0, 8)
    return [
        StudyReading(f"P{p}", f"O{o}", t, (true[p] + gauge * rng.normal()) * scale + shift)
        for t in range(3)
        for p in range(8)
        for o in range(3)
    ]


def component(result: StudyResult, name: str) -> Any:
    return next(each for each in result.components if each.name == name)


def test_aiag_example_is_marginal_with_its_published_share() -> None:
    """SPC.md 24: the interaction is pooled (p = 0.97), and GRR is 27.9 % of the study variation with 4 categories."""
    readings, _ = aiag()
    result = study_result(Design.CROSSED, readings)
    assert component(result, "Gauge R&R").study_pct == pytest.approx(27.86, abs=0.01)
    assert result.ndc == 4
    assert result.verdict is GaugeVerdict.MARGINAL
    assert dict(result.figures)["Interaction pooled into repeatability"] == 1.0
    assert component(result, "Part × operator").variance == 0.0
    assert any("distinct categories" in words for words in result.reasons)


def test_shares_of_variance_add_up_and_tolerance_takes_six_deviations() -> None:
    result = study_result(Design.CROSSED, crossed(0.2), tolerance=10.0)
    grr, part, total = (component(result, name) for name in ("Gauge R&R", "Part to part", "Total"))
    assert grr.contribution_pct + part.contribution_pct == pytest.approx(100.0)
    assert total.study_pct == pytest.approx(100.0)
    assert grr.tolerance_pct == pytest.approx(60.0 * math.sqrt(grr.variance))


@pytest.mark.parametrize(
    ("share", "verdict"),
    [
        (0.0, "acceptable"),
        (9.99, "acceptable"),
        (10.0, "marginal"),
        (30.0, "marginal"),
        (30.01, "unacceptable"),
    ],
)
def test_thresholds_of_the_share(share: float, verdict: str) -> None:
    assert by_share(share).value == verdict


@pytest.mark.parametrize(
    ("kappa", "verdict"),
    [
        (1.0, "acceptable"),
        (0.75, "acceptable"),
        (0.7499, "marginal"),
        (0.40, "marginal"),
        (0.3999, "unacceptable"),
        (-1.0, "unacceptable"),
    ],
)
def test_thresholds_of_kappa(kappa: float, verdict: str) -> None:
    assert by_kappa(kappa).value == verdict


def test_the_worse_of_study_and_tolerance_decides() -> None:
    readings = crossed(0.03)
    assert study_result(Design.CROSSED, readings).verdict is GaugeVerdict.ACCEPTABLE
    assert study_result(Design.CROSSED, readings, tolerance=0.3).verdict is GaugeVerdict.UNACCEPTABLE


# AIAG MSA, 4th edition, table III-B 4: twelve readings of each of five parts.
LINEARITY = {
    "2": [2.7, 2.5, 2.4, 2.5, 2.7, 2.3, 2.5, 2.5, 2.4, 2.4, 2.6, 2.4],
    "4": [5.1, 3.9, 4.2, 5.0, 3.8, 3.9, 3.9, 3.9, 3.9, 4.0, 4.1, 3.8],
    "6": [5.8, 5.7, 5.9, 5.9, 6.0, 6.1, 6.0, 6.1, 6.4, 6.3, 6.0, 6.1],
    "8": [7.6, 7.7, 7.8, 7.7, 7.8, 7.8, 7.8, 7.7, 7.8, 7.5, 7.6, 7.7],
    "10": [9.1, 9.3, 9.5, 9.3, 9.4, 9.5, 9.5, 9.5, 9.6, 9.2, 9.3, 9.4],
}


def test_linearity_of_the_published_example() -> None:
    """AIAG: slope -0.1317, intercept 0.7367, R-squared 71.4 %; bias = 0 leaves the band: not linear."""
    readings = [StudyReading(part, "A", i, v) for part, row in LINEARITY.items() for i, v in enumerate(row)]
    result = study_result(Design.LINEARITY, readings, references={part: float(part) for part in LINEARITY})
    figures = dict(result.figures)
    assert figures["Slope of the bias"] == pytest.approx(-0.1317, abs=5e-5)
    assert figures["Intercept of the bias"] == pytest.approx(0.7367, abs=5e-5)
    assert figures["R²"] == pytest.approx(0.714, abs=5e-4)
    assert result.verdict is GaugeVerdict.UNACCEPTABLE


def test_constant_bias_far_from_zero_is_not_acceptable() -> None:
    """Neither slope nor intercept is significant there; every part reads 0.2 too much all the same."""
    readings = [
        StudyReading(part, "A", i, float(part) + 0.2 + off)
        for part in ("212", "215", "218")
        for i, off in enumerate((-0.05, 0.05, -0.04, 0.04))
    ]
    result = study_result(Design.LINEARITY, readings, references={p: float(p) for p in ("212", "215", "218")})
    assert dict(result.figures)["p of the intercept"] > 0.05
    assert result.verdict is GaugeVerdict.UNACCEPTABLE
    unbiased = [StudyReading(r.part, "A", r.trial, float(r.value) - 0.2) for r in readings]
    found = study_result(Design.LINEARITY, unbiased, references={p: float(p) for p in ("212", "215", "218")})
    assert found.verdict is GaugeVerdict.ACCEPTABLE


def test_perfect_gauge_has_no_number_of_categories() -> None:
    readings = [StudyReading(str(p), o, t, float(p)) for p in range(3) for o in "AB" for t in (1, 2)]
    result = study_result(Design.CROSSED, readings)
    assert result.ndc is None and result.verdict is GaugeVerdict.ACCEPTABLE


def test_attribute_study_is_judged_by_its_lowest_kappa() -> None:
    known = {f"P{n}": "pass" if n % 2 else "fail" for n in range(20)}
    readings = [StudyReading(part, "A", 1, value) for part, value in known.items()]
    readings += [StudyReading(part, "B", 1, "pass" if n < 10 else "fail") for n, part in enumerate(known)]
    result = study_result(Design.ATTRIBUTE, readings, references=dict(known))
    assert dict(result.figures)["Kappa of A with the reference"] == 1.0
    assert dict(result.figures)["Kappa of B with the reference"] == pytest.approx(0.0)
    assert result.verdict is GaugeVerdict.UNACCEPTABLE


@pytest.mark.parametrize(
    ("design", "readings", "references", "words"),
    [
        (Design.CROSSED, [StudyReading("P", "A", 1, 1.0)], {}, "two parts"),
        (
            Design.CROSSED,
            [StudyReading(p, o, t, 1.0) for p in "PQ" for o in "AB" for t in (1, 2)],
            {},
            "no reading differs",
        ),
        (
            Design.CROSSED,
            [StudyReading(p, o, t, math.nan) for p in "PQ" for o in "AB" for t in (1, 2)],
            {},
            "finite",
        ),
        (Design.NESTED, [StudyReading("P", "A", 1, 1.0)], {}, "two groups"),
        (Design.BIAS, [StudyReading("P", "A", 1, 1.0)] * 3, {}, "no reference"),
        (Design.BIAS, [StudyReading("P", "A", 1, math.inf)] * 3, {"P": 1.0}, "finite"),
        (Design.LINEARITY, [StudyReading("P", "A", 1, 1.0)] * 3, {"P": 1.0}, "different references"),
        (Design.STABILITY, [StudyReading("P", "A", 1, 1.0)], {}, "."),
        (Design.ATTRIBUTE, [StudyReading("P", "A", 1, "pass")], {"P": "pass"}, "all ratings are alike"),
    ],
)
def test_data_that_say_nothing_are_refused_in_words(
    design: Design, readings: list[StudyReading], references: dict[str, float | str], words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        study_result(design, readings, references=references)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    exponent=st.sampled_from([-20, -3, 5]),
    shift=st.sampled_from([0.0, 128.0]),
)
def test_shares_depend_neither_on_the_unit_nor_on_the_origin(seed: int, exponent: int, shift: float) -> None:
    scale = 2.0**exponent
    one = study_result(Design.CROSSED, crossed(0.2, seed=seed), tolerance=8.0)
    other = study_result(
        Design.CROSSED, crossed(0.2, seed=seed, scale=scale, shift=shift * scale), tolerance=8.0 * scale
    )
    assert other.verdict is one.verdict and other.ndc == one.ndc
    for name in ("Gauge R&R", "Repeatability", "Part to part"):
        assert component(other, name).study_pct == pytest.approx(
            component(one, name).study_pct, rel=1e-6, abs=1e-6
        )
        assert component(other, name).tolerance_pct == pytest.approx(
            component(one, name).tolerance_pct, rel=1e-6, abs=1e-6
        )


@settings(deadline=None, max_examples=60)
@given(
    design=st.sampled_from([Design.CROSSED, Design.NESTED, Design.BIAS, Design.LINEARITY, Design.STABILITY]),
    values=st.lists(st.floats(), min_size=8, max_size=8)
    | st.lists(st.sampled_from([0.0, 1.0, 1e99, -1e99, 1e-300]), min_size=8, max_size=8),
)
def test_any_readings_are_answered_or_refused(design: Design, values: list[float]) -> None:
    """Gaps, ties, infinities, huge and tiny values: a verdict with finite figures, or words."""
    cells = [(p, o, t) for p in ("1", "2") for o in "AB" for t in (1, 2)]
    names = [(f"{o}/{p}" if design is Design.NESTED else p, o, t) for p, o, t in cells]
    readings = [StudyReading(p, o, t, value) for (p, o, t), value in zip(names, values, strict=True)]
    try:
        result = study_result(design, readings, references={"1": 1.0, "2": 2.0}, tolerance=1.0)
    except ValueError as error:
        assert str(error)
        return
    assert result.verdict in GaugeVerdict and result.reasons
    assert all(each.study_pct is None or 0.0 <= each.study_pct <= 100.0 + 1e-9 for each in result.components)
