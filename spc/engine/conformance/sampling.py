"""Acceptance sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spc.engine.sampling import (
    AttributesPlan,
    DoublePlan,
    Law,
    acceptance,
    find_attributes_plan,
    find_variables_plan,
)
from spc.engine.sampling_standards import (
    AQLS,
    CODE_LETTERS,
    LOT_SIZES,
    Severity,
    acceptability_constants,
    code_letter,
    severities,
    single_plan,
)

Given = Mapping[str, Any]
LARGEST_LOT = 1_000_000_000


def _law(given: Given) -> Law:
    name = str(given.get("model", "binomial"))
    return Law.HYPERGEOMETRIC if name.startswith("hyper") else Law(name)


def oc_single(given: Given) -> dict[str, Any]:
    plan = AttributesPlan(int(given["n"]), int(given["c"]))
    lot_size = int(given["N"]) if given.get("N") is not None else None
    return {"pa": acceptance(plan, given["p"], law=_law(given), lot_size=lot_size)}


def oc_double(given: Given) -> dict[str, Any]:
    (n1, n2), (ac1, ac2), (re1, _) = given["n"], given["ac"], given["re"]
    return {"pa": DoublePlan(n1, ac1, re1, n2, ac2).acceptance(given["p"])}


def find_plan(given: Given) -> dict[str, Any]:
    plan = find_attributes_plan(
        given["p1"],
        given["pa1"],
        given["p2"],
        given["pa2"],
        law=_law(given),
        lot_size=int(given["N"]) if given.get("N") is not None else None,
    )
    return {"n": plan.n, "c": plan.c}


def find_plan_variables(given: Given) -> dict[str, Any]:
    plan = find_variables_plan(
        given["p1"], given["pa1"], given["p2"], given["pa2"], sigma_known=given["sigma"] == "known"
    )
    return {"n": plan.n, "k": plan.k}


def z14_single(given: Given) -> dict[str, Any]:
    plans = []
    for lot in (*LOT_SIZES, LARGEST_LOT):
        for aql in AQLS:
            plan = single_plan(code_letter(lot, given["level"]), aql, Severity(given["severity"]))
            plans.append({"lot_max": lot, "aql": aql, "n": plan.n, "ac": plan.ac, "re": plan.re})
    return {"plans": plans}


def z14_code_letters(given: Given) -> dict[str, Any]:
    return {level: [code_letter(lot, level) for lot in given["lot_max"]] for level in CODE_LETTERS}


def z19_k(given: Given) -> dict[str, Any]:
    severity = Severity(given.get("severity", "normal"))
    return {
        "rows": [
            {"aql": row.aql, "k_published": row.k_published, "k_from_M": row.k_from_m, "M": row.m}
            for row in acceptability_constants(int(given["n"]), severity)
        ]
    }


def switching(given: Given) -> dict[str, Any]:
    found = severities(given["lots"], reduced_authorised=bool(given.get("reduced_authorised", False)))
    return {"state_before_each_lot_then_final": [severity.value for severity in found]}


KINDS = {
    "oc_single": oc_single,
    "oc_double": oc_double,
    "find_plan": find_plan,
    "find_plan_variables": find_plan_variables,
    "z14_single": z14_single,
    "z14_code_letters": z14_code_letters,
    "z19_k": z19_k,
    "switching": switching,
}
