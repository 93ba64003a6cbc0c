"""Charts beyond Shewhart's, operating characteristics and constants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from spc.engine.baseline import estimate_baseline
from spc.engine.between_within import three_way_chart
from spc.engine.conformance.plain import (
    number,
    row,
    sigma_method,
    subgroups,
)
from spc.engine.families import Family, SubgroupData, summarise
from spc.engine.groups import group_chart
from spc.engine.operating import acceptance_limits, chart_constants, count_chart_beta
from spc.engine.overdispersion import LaneyChart, laney_p, laney_u, overdispersion
from spc.engine.run_length import shewhart_beta
from spc.engine.short_run import SigmaOf, deviation_chart, z_chart
from spc.engine.sigma import TooFewReadingsError
from spc.engine.time_weighted import cusum_chart, ewma_chart

Given = Mapping[str, Any]


def laney(shown: LaneyChart) -> dict[str, Any]:
    return {
        "center": shown.center,
        "sigma_z": shown.sigma_z,
        "lcl": shown.lcl,
        "ucl": shown.ucl,
        "beyond_limits": list(shown.beyond),
    }


def overdispersed(given: Given) -> dict[str, Any]:
    found = overdispersion(given["counts"], given["sizes"], binomial=given["family"] == "binomial")
    return {"ratio": found.ratio, "chi2": found.statistic, "p": found.p_value}


def three_way(given: Given) -> dict[str, Any]:
    shown = three_way_chart([row(entry) for entry in given["data"]])
    return {
        "subgroup_means": shown.means,
        "center": shown.center,
        "sigma_within": shown.sigma_within,
        "sigma_means_mr": shown.sigma_means,
        "sigma_between": shown.sigma_between,
        "sigma_between_within": shown.sigma_between_within,
        "i_lcl": shown.lcl,
        "i_ucl": shown.ucl,
        "mr_ucl": shown.mr_ucl,
        "r_ucl": shown.dispersion_ucl,
        "r_lcl": shown.dispersion_lcl,
        "xbar_lcl_within_only": shown.xbar_lcl,
        "xbar_ucl_within_only": shown.xbar_ucl,
        "points_out_on_xbar_chart": list(shown.beyond_xbar),
        "points_out_on_i_chart": list(shown.beyond),
    }


def short_run_z(given: Given) -> dict[str, Any]:
    shown = z_chart(given["part"], row(given["x"]), SigmaOf(given.get("mode", SigmaOf.PART)))
    return {
        "params": shown.parameters,
        "z": shown.z,
        "mr": shown.moving_ranges,
        "lcl": -3.0,
        "ucl": 3.0,
        "center": 0.0,
        "beyond": list(shown.beyond),
        "mr_center": shown.mr_center,
        "mr_ucl": shown.mr_ucl,
    }


def short_run_dnom(given: Given) -> dict[str, Any]:
    shown = deviation_chart(given["part"], row(given["x"]), given["nominal"])
    return {
        "dev": shown.deviation,
        "center": shown.center,
        "std_dev": shown.sigma,
        "lcl": shown.lcl,
        "ucl": shown.ucl,
        "beyond": list(shown.beyond),
    }


def groups(given: Given) -> dict[str, Any]:
    shown = group_chart(given["stream_means"], given["stream_ranges"], n=int(given["n"]))
    return {
        "max_value": shown.max_value,
        "max_stream": shown.max_stream,
        "min_value": shown.min_value,
        "min_stream": shown.min_stream,
        "center": shown.center,
        "rbar": shown.mean_range,
        "ucl": shown.ucl,
        "lcl": shown.lcl,
        "longest_run_max": [shown.longest_max.stream, shown.longest_max.length],
        "longest_run_min": [shown.longest_min.stream, shown.longest_min.length],
    }


def _statistics(given: Given) -> tuple[list[float], float, float, float]:
    """Statistics of old and new data, centre, sigma of a single value, and the subgroup size."""
    old = subgroups(given["data"])
    new = subgroups(given.get("newdata"))
    single = all(len(subgroup.values) == 1 for subgroup in [*old, *new])
    family = Family.IMR if single else Family.XBAR_R
    statistics = [summarise(family, subgroup).statistic for subgroup in [*old, *new]]
    sizes = {len(subgroup.values) for subgroup in old}
    if given.get("center") is not None and given.get("sigma") is not None:
        center, sigma = number(given["center"]), number(given["sigma"])
    else:
        baseline = estimate_baseline(family, old, sigma_method=sigma_method(given.get("sigma_method")))
        center, sigma = baseline.center, baseline.require_sigma()
    return statistics, center, sigma, float(max(sizes))


def ewma(given: Given) -> dict[str, Any]:
    statistics, center, sigma, n = _statistics(given)
    weight, width = float(given["lambda"]), float(given["nsigmas"])
    exact, settled = (
        ewma_chart(
            statistics, center=center, sigma=sigma, weight=weight, width=width, size=n, asymptotic=asymptotic
        )
        for asymptotic in (False, True)
    )
    shown = settled if given.get("limits") == "asymptotic" else exact
    reach = width * sigma * math.sqrt(weight / (2.0 - weight) / n)
    return {
        "statistics": statistics,
        "center": center,
        "std_dev": sigma,
        "ewma": shown.ewma,
        "lcl": shown.lcl,
        "ucl": shown.ucl,
        "signals": list(shown.signals),
        "ucl_asymptotic": center + reach,
        "lcl_asymptotic": center - reach,
        "exact_variance_ucl": exact.ucl,
    }


def cusum(given: Given) -> dict[str, Any]:
    statistics, center, sigma, n = _statistics(given)
    scale = sigma / math.sqrt(n)
    if not scale > 0.0:
        raise TooFewReadingsError("a CUSUM in sigmas needs data that vary")
    reference = float(given["k"]) if given.get("k") is not None else float(given["shift"]) / 2.0
    shown = cusum_chart(
        [(value - center) / scale for value in statistics],
        reference=reference,
        interval=float(given["h"]),
        head_start=float(given.get("head_start") or 0.0),
    )
    return {
        "statistics": statistics,
        "center": center,
        "std_dev": sigma,
        "pos": shown.upper,
        "neg": shown.lower,
        "signals_upper": list(shown.signals_upper),
        "signals_lower": list(shown.signals_lower),
    }


def oc_xbar(given: Given) -> dict[str, Any]:
    return {"beta": shewhart_beta(given["shift"], given["n"], width=float(given.get("nsigmas", 3)))}


def oc_c(given: Given) -> dict[str, Any]:
    counts = row(given["counts"])
    baseline = estimate_baseline(Family.C, [SubgroupData((count,), None) for count in counts])
    center, deviation = baseline.center, math.sqrt(baseline.center)
    means = np.arange(math.ceil(center + 10.0 * deviation) + 1)
    lcl, ucl = max(0.0, center - 3.0 * deviation), center + 3.0 * deviation
    return {"mean": means, "beta": count_chart_beta(means, lcl=lcl, ucl=ucl)}


def constants(given: Given) -> dict[str, Any]:
    return dict(vars(chart_constants(int(given["n"]))))


def acceptance_chart(given: Given) -> dict[str, Any]:
    limits = acceptance_limits(
        lsl=given["lsl"],
        usl=given["usl"],
        sigma=given["sigma"],
        n=int(given["n"]),
        delta=given["delta"],
        alpha=given["alpha"],
    )
    return {"ucl": limits.ucl, "lcl": limits.lcl}


KINDS = {
    "laney_p": lambda given: laney(laney_p(given["counts"], given["sizes"])),
    "laney_u": lambda given: laney(laney_u(given["counts"], given["sizes"])),
    "overdispersion": overdispersed,
    "three_way": three_way,
    "short_run_z": short_run_z,
    "short_run_dnom": short_run_dnom,
    "group_chart": groups,
    "ewma": ewma,
    "cusum": cusum,
    "oc_xbar": oc_xbar,
    "oc_c": oc_c,
    "constants": constants,
    "acceptance_chart": acceptance_chart,
}
