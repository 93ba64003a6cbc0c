from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from spc.engine import (
    Capability,
    Family,
    Index,
    SpecificationError,
    SubgroupData,
    TooFewReadingsError,
    estimate_baseline,
    estimate_capability,
    process_indices,
)

REFERENCE = Path(__file__).parents[2] / "reference" / "spc" / "capability.json"
CASES = {case["id"]: case for case in json.loads(REFERENCE.read_text())["cases"]}
PUBLISHED_NAMES = {
    "Cp": "cp", "Cp_l": "cpl", "Cp_u": "cpu", "Cp_k": "cpk", "Cpm": "cpm",
    "Pp": "pp", "Pp_l": "ppl", "Pp_u": "ppu", "Pp_k": "ppk", "Ppm": "cpm_overall",
}  # fmt: skip


def pistonrings(case: dict[str, Any]) -> Capability:
    rows = case["input"]["data"]
    baseline = estimate_baseline(Family.XBAR_R, [SubgroupData(tuple(row)) for row in rows])
    limits = {name: case["input"][name] for name in ("lsl", "usl", "target")}
    values = [value for row in rows for value in row]
    return estimate_capability(
        values, sigma_within=baseline.sigma, confidence=case["input"]["conf"], **limits
    )


@pytest.mark.parametrize("name", ["pistonrings-cap-2sided", "pistonrings-cap-conf80"])
def test_indices_and_intervals_match_qcc(name: str) -> None:
    case = CASES[name]
    result, expected = pistonrings(case), case["expected"]
    assert result.sigma_within == pytest.approx(expected["std_within"], rel=1e-8)
    assert result.sigma_overall == pytest.approx(expected["std_overall"], rel=1e-8)
    for published, field in PUBLISHED_NAMES.items():
        index = getattr(result, field)
        assert (index.value, index.lower, index.upper) == pytest.approx(
            expected["indices"][published], rel=1e-8
        ), published
    outside = (result.fallout_within.below_lsl, result.fallout_within.above_usl)
    assert [100 * fraction for fraction in outside if fraction is not None] == pytest.approx(
        expected["expected_pct_out"], rel=1e-7
    )


def test_definition_20_cpm_interval_squares_the_offset() -> None:
    case = CASES["pistonrings-cap-2sided"]
    result = pistonrings(case)
    assert result.cpm is not None
    assert result.sigma_within is not None
    q = ((result.mean - 74) / result.sigma_within) ** 2
    df = result.n * (1 + q) ** 2 / (1 + 2 * q)
    assert result.cpm.lower == pytest.approx(
        result.cpm.value * math.sqrt(chi2.ppf(0.025, df) / df), rel=1e-12
    )
    assert result.cpm.lower > case["expected"]["cpm_qcc_interval"][1]


def test_definition_19_within_uses_the_estimator_of_the_chart() -> None:
    rows = [SubgroupData(tuple(row)) for row in CASES["pistonrings-cap-2sided"]["input"]["data"]]
    by_range = estimate_baseline(Family.XBAR_R, rows)
    by_deviation = estimate_baseline(Family.XBAR_S, rows)
    assert by_range.sigma == pytest.approx(0.0097853376, rel=1e-7)
    assert by_deviation.sigma == pytest.approx(0.0098299767, rel=1e-7)


def test_definition_20_honest_degrees_of_freedom_widen_the_interval() -> None:
    rows = [SubgroupData(tuple(row)) for row in CASES["pistonrings-cap-2sided"]["input"]["data"]]
    baseline = estimate_baseline(Family.XBAR_R, rows)
    assert baseline.sigma_df == pytest.approx(0.9 * 25 * 4, rel=0.02)
    values = [value for row in rows for value in row.values]
    limits = {"sigma_within": baseline.sigma, "lsl": 73.95, "usl": 74.05}
    honest = estimate_capability(values, within_df=baseline.sigma_df, **limits)
    plain = estimate_capability(values, **limits)
    assert honest.cp is not None
    assert plain.cp is not None
    assert honest.cp.lower < plain.cp.lower < plain.cp.value == honest.cp.value


def test_definition_21_one_sided_specification_has_no_cp() -> None:
    case = CASES["montgomery-8.2-glass-capability"]
    result = estimate_capability(case["input"]["data"], sigma_within=None, lsl=case["input"]["lsl"])
    expected = case["expected"]
    assert result.mean == pytest.approx(expected["center"], rel=1e-12)
    assert result.sigma_overall == pytest.approx(expected["std_overall"], rel=1e-12)
    assert isinstance(result.ppk, Index)
    assert result.ppk.value == pytest.approx(expected["Ppk"], rel=1e-12)
    assert result.ppk.value == result.ppl.value if result.ppl else False
    assert (result.pp, result.ppu, result.cp, result.cpk, result.cpm) == (None,) * 5
    assert result.fallout_overall.below_lsl == pytest.approx(expected["ppm_below"] / 1e6, rel=1e-10)
    assert result.fallout_overall.above_usl is None


def test_indices_of_a_known_process_match_the_nist_handbook() -> None:
    case = CASES["nist-6.1.6-capability"]
    given_, expected = case["input"], case["expected"]
    indices = process_indices(
        given_["mean"], given_["std"], lsl=given_["lsl"], usl=given_["usl"], target=given_["target"]
    )
    assert indices.c == pytest.approx(expected["Cp"], rel=1e-12)
    assert (indices.cl, indices.cu) == pytest.approx((expected["Cpl"], expected["Cpu"]), rel=1e-12)
    assert (indices.ck, indices.cm) == pytest.approx((expected["Cpk"], expected["Cpm"]), rel=1e-12)


def test_definition_22_no_spread_gives_null_and_not_infinity() -> None:
    result = estimate_capability([5.0] * 10, sigma_within=0.0, lsl=4.0, usl=6.0, target=5.0)
    assert result.sigma_overall == 0.0
    assert (result.cp, result.cpk, result.cpm, result.pp, result.ppk, result.cpm_overall) == (None,) * 6
    assert (result.fallout_within.below_lsl, result.fallout_overall.above_usl) == (None, None)


def test_overall_sigma_is_divided_by_c4_only_on_request() -> None:
    plain = estimate_capability([1.0, 2.0], sigma_within=None, lsl=0.0)
    unbiased = estimate_capability([1.0, 2.0], sigma_within=None, lsl=0.0, unbias_overall=True)
    assert plain.sigma_overall == pytest.approx(math.sqrt(0.5), rel=1e-15)
    assert unbiased.sigma_overall == pytest.approx(math.sqrt(0.5) / math.sqrt(2 / math.pi), rel=1e-14)


@given(scale=st.integers(-20, 20), shift=st.integers(-1000, 1000))
def test_indices_do_not_depend_on_the_unit(scale: int, shift: int) -> None:
    values = np.random.default_rng(5).integers(-256, 256, size=40) / 64

    def assess(factor: float, offset: float) -> Capability:
        return estimate_capability(
            ((values + offset) * factor).tolist(),
            sigma_within=1.5 * factor,
            lsl=(offset - 9) * factor,
            usl=(offset + 8) * factor,
            target=offset * factor,
        )

    here, there = assess(1.0, 0.0), assess(2.0**scale, float(shift))
    for field in ("cp", "cpk", "cpm", "pp", "ppk", "cpm_overall"):
        ours, theirs = getattr(here, field), getattr(there, field)
        assert (ours.value, ours.lower, ours.upper) == pytest.approx(
            (theirs.value, theirs.lower, theirs.upper), rel=1e-9
        )


def test_missing_readings_are_left_out_and_too_few_are_refused() -> None:
    assert estimate_capability([1.0, math.nan, 2.0], sigma_within=1.0, usl=4.0).n == 2
    with pytest.raises(TooFewReadingsError):
        estimate_capability([1.0, math.nan], sigma_within=1.0, usl=4.0)


@pytest.mark.parametrize(
    "arguments", [{}, {"lsl": 2.0, "usl": 1.0}, {"lsl": 1.0, "usl": 1.0}, {"usl": 1.0, "confidence": 1.0}]
)
def test_unusable_specifications_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(SpecificationError):
        estimate_capability([1.0, 2.0], sigma_within=1.0, **arguments)
