"""Gauge studies and nested variance components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spc.engine.conformance.plain import row
from spc.engine.measurement_systems import gauge_anova, gauge_average_range
from spc.engine.variance_components import nested_variance

Given = Mapping[str, Any]


def anova(given: Given) -> dict[str, Any]:
    found = gauge_anova(
        given["part"], given["oper"], row(given["y"]), alpha_to_pool=float(given.get("alpha_pool", 0.25))
    )
    effects = {
        "part": found.part,
        "oper": found.operator,
        "inter": found.interaction,
        "repeat": found.repeatability,
    }
    variance = found.variance
    shares = {
        "grr": variance.grr,
        "repeatability": variance.repeatability,
        "reproducibility": variance.reproducibility,
        "part": variance.part,
    }
    return {
        "model": "no_interaction" if found.pooled else "interaction",
        "ss": {name: effect.ss for name, effect in effects.items()},
        "ms": {name: effect.ms for name, effect in effects.items()},
        "p_interaction": found.p_interaction,
        "var": {
            "repeatability": variance.repeatability,
            "operator": variance.operator,
            "interaction": variance.interaction,
            "reproducibility": variance.reproducibility,
            "grr": variance.grr,
            "part": variance.part,
            "total": variance.total,
        },
        "pct_contribution": {name: found.contribution_pct(value) for name, value in shares.items()},
        "pct_study_var": {name: found.study_pct(value) for name, value in shares.items()},
        "ndc": found.ndc,
        "ndc_raw": found.ndc_raw,
    }


def average_range(given: Given) -> dict[str, Any]:
    found = gauge_average_range(given["part"], given["oper"], row(given["y"]))
    deviations = {"EV": found.ev, "AV": found.av, "GRR": found.grr, "PV": found.pv}
    return {
        "Rbar": found.mean_range,
        "Xdiff": found.operator_difference,
        "Rp": found.part_range,
        **deviations,
        "TV": found.tv,
        "pct": {name: found.pct(value) for name, value in deviations.items()},
        "ndc_raw": found.ndc_raw,
        "ndc": found.ndc,
        "K1": found.k1,
        "K2": found.k2,
        "K3": found.k3,
    }


def nested(given: Given) -> dict[str, Any]:
    found = nested_variance(given["cassette"], given["wafer"], row(given["y"]))
    return {"cassette": found.group, "wafer": found.subgroup, "site": found.within}


KINDS = {"gage_rr_anova": anova, "gage_rr_xbar_r": average_range, "nested_variance": nested}
