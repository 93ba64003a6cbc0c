"""Shewhart charts and rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import numpy as np

from spc.engine.baseline import Baseline, estimate_baseline
from spc.engine.batch import chart
from spc.engine.conformance.plain import (
    all_rules,
    nelson,
    one_or_all,
    row,
    sigma_method,
    subgroups,
    western_electric,
)
from spc.engine.constants import c4, d2, d3
from spc.engine.families import Family, SubgroupData, standard_deviation, summarise
from spc.engine.sigma import TooFewReadingsError

Given = Mapping[str, Any]


def _subgroup_chart(given: Given, family: Family, *, dispersion: bool) -> dict[str, Any]:
    data, new = subgroups(given["data"]), subgroups(given.get("newdata"))
    method = sigma_method(given.get("sigma_method"))
    baseline = estimate_baseline(family, data, sigma_method=method)
    shown = chart(family, baseline, [*data, *new], ())
    if dispersion:
        statistic, panel = shown.dispersion, shown.dispersion_panel
    else:
        statistic, panel = shown.statistic, shown.location
    return {
        "statistics": statistic,
        "n_phase1": len(data),
        "center": one_or_all(panel.center),
        "lcl": one_or_all(panel.lcl),
        "ucl": one_or_all(panel.ucl),
        "std_dev": baseline.require_sigma(),
        **all_rules(panel.z, statistic, panel.lcl, panel.ucl),
    }


def xbar(given: Given) -> dict[str, Any]:
    return _subgroup_chart(given, Family.XBAR_R, dispersion=False)


def ranges(given: Given) -> dict[str, Any]:
    return _subgroup_chart(given, Family.XBAR_R, dispersion=True)


def deviations(given: Given) -> dict[str, Any]:
    return _subgroup_chart(given, Family.XBAR_S, dispersion=True)


def xbar_edge(given: Given) -> dict[str, Any]:
    data = subgroups(given["data"])
    baseline = estimate_baseline(Family.XBAR_R, data, sigma_method=sigma_method(given.get("sigma_method")))
    found = [summarise(Family.XBAR_R, subgroup) for subgroup in data]
    return {
        "n": [int(summary.size) for summary in found],
        "means": [summary.statistic for summary in found],
        "center": baseline.center,
        "std_dev": baseline.require_sigma(),
    }


def _individuals_baseline(values: list[float], method: str | None) -> Baseline:
    data = [SubgroupData((value,), None) for value in values]
    if method is not None and method.upper() == "SD":
        known = [value for value in values if not math.isnan(value)]
        if len(known) < 2:
            raise TooFewReadingsError("a standard deviation needs two readings at least")
        sigma, mean = standard_deviation(known) / c4(len(known)), math.fsum(known) / len(known)
        return Baseline(
            Family.IMR, mean, sigma, 1.0, len(known), float(len(known)), None, float(len(known) - 1)
        )
    return estimate_baseline(Family.IMR, data)


def individuals(given: Given) -> dict[str, Any]:
    old, new = row(given["data"]), row(given.get("newdata"))
    baseline = _individuals_baseline(old, given.get("sigma_method"))
    data = [SubgroupData((value,), None) for value in [*old, *new]]
    restarts = frozenset({len(old)}) if new else frozenset()
    shown = chart(Family.IMR, baseline, data, (), restarts=restarts)
    sigma = baseline.require_sigma()
    pairs = np.abs(np.diff(np.array(old, dtype=np.float64)))
    return {
        "statistics": shown.statistic,
        "n_phase1": len(old),
        "center": baseline.center,
        "lcl": baseline.center - 3.0 * sigma,
        "ucl": baseline.center + 3.0 * sigma,
        "std_dev": sigma,
        "mr": shown.dispersion,
        "mr_center": d2(2) * sigma,
        "mr_ucl": (d2(2) + 3.0 * d3(2)) * sigma,
        "mr_lcl": 0.0,
        "n_mr": int(np.sum(~np.isnan(pairs))),
        "capability": None,
        **all_rules(shown.z, shown.statistic, shown.lcl, shown.ucl),
    }


def mr_sigma(given: Given) -> dict[str, Any]:
    data = np.array(row(given["data"]))
    return {"std_dev": estimate_baseline(Family.IMR, data, span=int(given.get("span", 2))).sigma}


def individuals_phased(given: Given) -> dict[str, Any]:
    phases = []
    for _, entries in groupby(zip(given["phase"], row(given["data"]), strict=True), key=lambda pair: pair[0]):
        baseline = _individuals_baseline([value for _, value in entries], None)
        sigma = baseline.require_sigma()
        phases.append(
            {
                "center": baseline.center,
                "std_dev": sigma,
                "lcl": baseline.center - 3.0 * sigma,
                "ucl": baseline.center + 3.0 * sigma,
                "mr_ucl": (d2(2) + 3.0 * d3(2)) * sigma,
            }
        )
    return {"per_phase": phases}


def individuals_excluded(given: Given) -> dict[str, Any]:
    values, left_out = row(given["data"]), set(given["exclude"])
    kept = [math.nan if i in left_out else value for i, value in enumerate(values)]
    baseline = _individuals_baseline(kept, None)
    sigma = baseline.require_sigma()
    lcl, ucl = baseline.center - 3.0 * sigma, baseline.center + 3.0 * sigma
    return {
        "center": baseline.center,
        "std_dev": sigma,
        "lcl": lcl,
        "ucl": ucl,
        "n_mr": int(np.sum(~np.isnan(np.abs(np.diff(np.array(kept)))))),
        "excluded_point_beyond": any(not lcl <= values[i] <= ucl for i in left_out),
    }


def _counts(given: Given, family: Family) -> dict[str, Any]:
    needs_size = family is not Family.C
    old = _count_data(given["counts"], given.get("sizes"), needs_size=needs_size)
    new = _count_data(given.get("new_counts"), given.get("new_sizes"), needs_size=needs_size)
    baseline = estimate_baseline(family, old)
    shown = chart(family, baseline, [*old, *new], ())
    # Limits that move are listed, also where one of them is clipped at 0 throughout.
    every = family is Family.P or isinstance(one_or_all(shown.ucl), list)
    center = shown.center if family is Family.NP else np.array([baseline.center])
    return {
        "statistics": shown.statistic,
        "n_phase1": len(old),
        "center": one_or_all(center),
        "lcl": shown.lcl if every else one_or_all(shown.lcl),
        "ucl": shown.ucl if every else one_or_all(shown.ucl),
        **all_rules(shown.z, shown.statistic, shown.lcl, shown.ucl),
    }


def _count_data(counts: Any, sizes: Any, *, needs_size: bool) -> list[SubgroupData]:
    given = row(counts)
    areas = row(sizes) if needs_size else [None] * len(given)
    return [SubgroupData((count,), size) for count, size in zip(given, areas, strict=True)]


def run_rules(given: Given) -> dict[str, Any]:
    z = np.array(row(given["z"]))
    return {"nelson": nelson(z, either=True), "we": western_electric(z)}


def run_rules_variable_limits(given: Given) -> dict[str, Any]:
    d, n, p = np.array(row(given["counts"])), np.array(row(given["sizes"])), float(given["p"])
    z = (d / n - p) / np.sqrt(p * (1.0 - p) / n)
    return {"z": z, "we": western_electric(z)}


KINDS = {
    "xbar": xbar,
    "r": ranges,
    "s": deviations,
    "xbar_edge": xbar_edge,
    "individuals": individuals,
    "individuals_phased": individuals_phased,
    "individuals_excluded": individuals_excluded,
    "mr_sigma": mr_sigma,
    "p": lambda given: _counts(given, Family.P),
    "np": lambda given: _counts(given, Family.NP),
    "c": lambda given: _counts(given, Family.C),
    "u": lambda given: _counts(given, Family.U),
    "run_rules": run_rules,
    "run_rules_variable_limits": run_rules_variable_limits,
}
