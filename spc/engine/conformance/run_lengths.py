"""Average run lengths."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from spc.engine.arl import average_run_length
from spc.engine.rules import NELSON, WESTERN_ELECTRIC, Rule
from spc.engine.run_length import (
    cusum_arl,
    cusum_arl_two_sided,
    ewma_arl,
    ewma_arl_time_varying,
    mewma_arl,
    shewhart_arl,
)

Given = Mapping[str, Any]

GRID_OF_R = (20, 20)


def rule_set(name: str) -> tuple[Rule, ...]:
    """Rules of a set such as nelson_1256, nelson_3_alone, nelson_all8 or we_1234_check. Raises ValueError."""
    found = re.fullmatch(r"(nelson|we)_(all8|all|[1-8]+)(?:_.*)?", name)
    if found is None:
        raise ValueError(f"unknown rule set {name!r}")
    rules = NELSON if found[1] == "nelson" else WESTERN_ELECTRIC
    numbers = {str(rule.nelson if found[1] == "nelson" else rule.western_electric): rule for rule in rules}
    if found[2].startswith("all"):
        wanted = list(rules)
    else:
        wanted = [numbers[digit] for digit in found[2] if digit in numbers]
    if "either" in name:
        wanted = [Rule.EIGHT_OUTSIDE_1S_EITHER if rule is Rule.EIGHT_OUTSIDE_1S else rule for rule in wanted]
    return tuple(wanted)


def western_electric(given: Given) -> dict[str, Any]:
    rules = [rule for rule in WESTERN_ELECTRIC if rule.western_electric in given["rules"]]
    return {"arl": [average_run_length(rules, shift=float(shift)) for shift in given["shifts"]]}


def of_set(given: Given) -> dict[str, Any]:
    """Exact, so its standard error is 0."""
    return {"arl": average_run_length(rule_set(given["set"])), "se": 0.0, "accept_within_se": 4}


def shewhart(given: Given) -> dict[str, Any]:
    return {"arl": [shewhart_arl(float(shift), width=float(given["L"])) for shift in given["shifts"]]}


def ewma(given: Given) -> dict[str, Any]:
    weight, width = float(given["lam"]), float(given["L"])
    shifts = [float(shift) for shift in given["shifts"]]
    return {
        "arl_asymptotic_limits": [ewma_arl(shift, weight=weight, width=width) for shift in shifts],
        "arl_time_varying_limits": [
            ewma_arl_time_varying(shift, weight=weight, width=width) for shift in shifts
        ],
    }


def cusum(given: Given) -> dict[str, Any]:
    k, h = float(given["k"]), float(given["h"])
    shifts = [float(shift) for shift in given["shifts"]]
    return {
        "one_sided": [cusum_arl(shift, reference=k, interval=h) for shift in shifts],
        "two_sided": [cusum_arl_two_sided(shift, reference=k, interval=h) for shift in shifts],
        "two_sided_FIR_half": [
            cusum_arl_two_sided(shift, reference=k, interval=h, head_start=h / 2.0) for shift in shifts
        ],
    }


def mewma(given: Given) -> dict[str, Any]:
    """R's spc, where these cases come from: delta is the squared Mahalanobis distance, and its grid has 20 x 20 nodes.

    It places them as Halite does where there are 2 or 4 variables, so that the same grid gives the same digits. It is
    up to 0.3 % off; charts use a finer one (`docs/validation.md`). Elsewhere R's nodes are closer to the solution.
    """
    variables = int(given["p"])
    grid = {"nodes": GRID_OF_R} if variables in (2, 4) else {}
    return {
        "arl": [
            mewma_arl(
                math.sqrt(float(delta)),
                weight=float(given["lam"]),
                limit=float(given["h4"]),
                variables=variables,
                **grid,
            )
            for delta in given["deltas"]
        ]
    }


KINDS = {
    "arl_we": western_electric,
    "arl_nelson_mc": of_set,
    "arl_exact": of_set,
    "arl_shewhart": shewhart,
    "arl_ewma": ewma,
    "arl_cusum": cusum,
    "arl_mewma": mewma,
}
