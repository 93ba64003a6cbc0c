"""Capability, normality and transformations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import scipy

from spc.engine.baseline import estimate_baseline
from spc.engine.capability import Capability, Index, estimate_capability, process_indices
from spc.engine.conformance.plain import row, sigma_method, subgroups
from spc.engine.families import Family
from spc.engine.normality import anderson_darling, fit_box_cox, fit_johnson, fit_law, shapiro_wilk
from spc.engine.percentile import percentile_indices, transformed_indices

Given = Mapping[str, Any]


def capability(given: Given) -> dict[str, Any]:
    data = subgroups(given["data"])
    single = all(len(subgroup.values) == 1 for subgroup in data)
    family = Family.IMR if single else Family.XBAR_R
    baseline = estimate_baseline(family, data, sigma_method=sigma_method(given.get("sigma_method")))
    readings = [value for subgroup in data for value in subgroup.values]
    confidence = float(given.get("conf") or 0.95)
    found = estimate_capability(
        readings,
        sigma_within=baseline.sigma,
        lsl=given.get("lsl"),
        usl=given.get("usl"),
        target=given.get("target"),
        confidence=confidence,
    )
    below, above = found.fallout_within.below_lsl, found.fallout_within.above_usl
    overall = found.fallout_overall
    indices = {
        "Cp": found.cp,
        "Cp_l": found.cpl,
        "Cp_u": found.cpu,
        "Cp_k": found.cpk,
        "Cpm": found.cpm,
        "Pp": found.pp,
        "Pp_l": found.ppl,
        "Pp_u": found.ppu,
        "Pp_k": found.ppk,
        "Ppm": found.cpm_overall,
    }
    return {
        "center": found.mean,
        "std_within": found.sigma_within,
        "std_overall": found.sigma_overall,
        "indices": {name: _interval(index) for name, index in indices.items()},
        "cpm_qcc_interval": _qcc_cpm(found, given.get("target")),
        "expected_pct_out": [_percent(below), _percent(above)],
        "Pp": _value(found.pp),
        "Ppl": _value(found.ppl),
        "Ppu": _value(found.ppu),
        "Ppk": _value(found.ppk),
        "ppm_below": None if overall.below_lsl is None else 1e6 * overall.below_lsl,
        "ppm_above": None if overall.above_usl is None else 1e6 * overall.above_usl,
    }


def _interval(index: Index | None) -> list[float] | None:
    return None if index is None else [index.value, index.lower, index.upper]


def _value(index: Index | None) -> float | None:
    return None if index is None else index.value


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100.0 * fraction


def _qcc_cpm(found: Capability, target: float | None) -> list[float] | None:
    """The interval that qcc prints: it takes n (1 + q) / (1 + 2 q) degrees of freedom, without Boyles' square."""
    cpm, sigma = found.cpm, found.sigma_within
    if cpm is None or target is None or not sigma:
        return None
    q = ((found.mean - target) / sigma) ** 2
    df = found.n * (1.0 + q) / (1.0 + 2.0 * q)
    tail = (1.0 - found.confidence) / 2.0
    bounds = [math.sqrt(float(scipy.stats.chi2.ppf(p, df)) / df) for p in (tail, 1.0 - tail)]
    return [cpm.value, cpm.value * bounds[0], cpm.value * bounds[1]]


def summary(given: Given) -> dict[str, Any]:
    found = process_indices(
        float(given["mean"]),
        float(given["std"]),
        lsl=given.get("lsl"),
        usl=given.get("usl"),
        target=given.get("target"),
    )
    return {"Cp": found.c, "Cpu": found.cu, "Cpl": found.cl, "Cpk": found.ck, "Cpm": found.cm}


def box_cox(given: Given) -> dict[str, Any]:
    values = row(given["data"])
    transform = fit_box_cox(values)
    found = transformed_indices(values, transform, lsl=given.get("lsl"), usl=given.get("usl"))
    return {"lam": transform.lam, "Pp": found.c, "Ppu": found.cu, "Ppl": found.cl, "Ppk": found.ck}


def percentile(given: Given) -> dict[str, Any]:
    fit = fit_law(row(given["data"]), given["dist"])
    found = percentile_indices(fit.quantiles, lsl=given.get("lsl"), usl=given.get("usl"))
    return {
        "params": list(fit.parameters),
        "q": list(found.q),
        "Ppu": found.ppu,
        "Ppl": found.ppl,
        "Pp": found.pp,
        "Ppk": found.ppk,
    }


def normality(given: Given) -> dict[str, Any]:
    values = row(given["data"])
    a, w = anderson_darling(values), shapiro_wilk(values)
    return {"ad_A2": a.statistic, "ad_p": a.p_value, "sw_W": w.statistic, "sw_p": w.p_value}


def johnson(given: Given) -> dict[str, Any]:
    values = row(given["data"])
    curve = fit_johnson(values)
    return {
        "family": curve.family,
        "gamma": curve.gamma,
        "eta": curve.eta,
        "epsilon": curve.epsilon,
        "lam": curve.lam,
        "ad_p": curve.p_value,
        "transformed": curve(values),
    }


KINDS = {
    "capability": capability,
    "capability_summary": summary,
    "capability_boxcox": box_cox,
    "capability_percentile": percentile,
    "normality": normality,
    "johnson": johnson,
}
