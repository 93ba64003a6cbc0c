"""Every public reference case through the conformance runner, and what the runner does with cases that are none."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spc.engine.conformance import KINDS, UnknownKindError, answer, answer_case
from spc.engine.conformance.agreement import agreements, differences, table

FILE = Path(__file__).parents[2] / "reference" / "spc" / "cases.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["cases"]
VALIDATION = Path(__file__).parents[3] / "docs" / "validation.md"

# Where the reference contradicts its own definition; what is right, and why.
DISPUTED = {
    # 20 readings with two gaps inside make 4 + 4 + 7 pairs of neighbours; the case's own sigma is their mean over d2.
    ("edge-imr-missing", "/n_mr"): 15,
}


@cache
def answered(number: int) -> dict[str, Any]:
    """The runner's line for a case; several tests look at it."""
    return answer_case(CASES[number])


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case["id"] for case in CASES])
def test_reference_case(number: int) -> None:
    case, line = CASES[number], answered(number)
    assert "error" not in line, line
    for difference in differences(case["expected"], line["got"]):
        right = DISPUTED.get((case["id"], difference.path))
        if right is not None:
            assert difference.got == pytest.approx(right, rel=1e-9)
        else:
            assert difference.relative <= case["rel_tol"], difference


def test_no_dispute_is_forgotten() -> None:
    known = {case["id"] for case in CASES}
    assert {case for case, _ in DISPUTED} <= known


def test_a_wrong_answer_would_be_seen() -> None:
    case = next(case for case in CASES if case["kind"] == "individuals")
    got = answer_case(case)["got"]
    assert list(differences(case["expected"], got | {"center": got["center"] * (1 + 1e-6)}))
    assert list(differences(case["expected"], got | {"beyond_limits": []}))
    assert list(differences(case["expected"], {k: v for k, v in got.items() if k != "ucl"}))


@pytest.mark.slow
def test_the_runner_prints_one_line_a_case_and_goes_on_after_one_it_cannot_answer(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    whole = next(case for case in CASES if case["kind"] == "constants")
    file.write_text(
        json.dumps(
            {
                "cases": [
                    {"id": "a", "kind": "no_such_chart", "input": {}},
                    {"id": "b", "kind": "individuals", "input": {"data": []}},
                    {"id": "c", "kind": "individuals", "input": {}},
                    whole,
                ]
            }
        )
    )
    run = subprocess.run(
        [sys.executable, "-m", "spc.engine.conformance", str(file)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 1 and [line["id"] for line in lines] == ["a", "b", "c", whole["id"]]
    assert "no_such_chart" in lines[0]["error"] and "baseline" in lines[1]["error"]
    assert "'data'" in lines[2]["error"] and lines[3]["got"]["d2"] > 1
    assert "Traceback" not in run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("content", ["no json", "{}", "[1, 2"])
def test_a_file_that_is_none_is_refused_in_words(tmp_path: Path, content: str) -> None:
    file = tmp_path / "cases.json"
    file.write_text(content)
    run = subprocess.run(
        [sys.executable, "-m", "spc.engine.conformance", str(file)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert run.returncode == 2 and "cannot be read as a file of cases" in run.stderr


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(UnknownKindError, match="xbar"):
        answer("xbarr", {})


def test_the_validation_table_is_of_these_cases() -> None:
    rows = agreements(CASES, {case["id"]: answered(number) for number, case in enumerate(CASES)})
    printed = VALIDATION.read_text(encoding="utf-8")
    for row in rows:
        assert f"| `{row.kind}` | {row.cases} | {row.within_tolerance} |" in printed, (
            "run python -m spc.engine.conformance --table tests/reference/spc/cases.json"
        )
    assert table(rows).splitlines()[0] in printed


readings = st.lists(
    st.one_of(st.none(), st.floats(-1e12, 1e12), st.just(0.0), st.just(float("inf"))), max_size=30
)


@settings(max_examples=60, deadline=None)
@given(
    data=readings, kind=st.sampled_from(["individuals", "normality", "johnson", "mr_sigma", "trend_chart"])
)
def test_any_row_is_answered_or_refused_in_words(data: list[float | None], kind: str) -> None:
    line = answer_case(
        {"id": "x", "kind": kind, "input": {"data": data, "y": data, "n_phase1": len(data), "span": 2}}
    )
    assert "got" in line
    json.dumps(line, allow_nan=False)
    assert line["got"] is not None or line["error"].strip()


@settings(max_examples=40, deadline=None)
@given(
    data=st.lists(st.lists(st.floats(-100, 100), min_size=3, max_size=3), min_size=3, max_size=12),
    factor=st.sampled_from([1e-3, 25.4, 1e3]),
)
def test_charts_do_not_depend_on_the_unit(data: list[list[float]], factor: float) -> None:
    rounded = [[round(value, 3) for value in row] for row in data]
    scaled = [[value * factor for value in row] for row in rounded]
    for kind in ("xbar", "r", "s", "three_way"):
        one = answer_case({"id": 1, "kind": kind, "input": {"data": rounded}})
        other = answer_case({"id": 1, "kind": kind, "input": {"data": scaled}})
        assert ("error" in one) == ("error" in other)
        if "error" not in one:
            centers = np.array(one["got"]["center"]) * factor
            assert np.allclose(centers, other["got"]["center"], rtol=1e-9, atol=1e-9 * factor)


def test_every_kind_has_a_public_case_or_is_tested_elsewhere() -> None:
    public = {case["kind"] for case in CASES}
    elsewhere = {
        "xbar_edge", "individuals_excluded", "mr_sigma", "laney_u", "group_chart", "run_rules_variable_limits",
        "oc_c", "acceptance_chart", "autocorr_residual", "mcewma", "johnson", "oc_double",
    }  # fmt: skip
    assert set(KINDS) == public | elsewhere
