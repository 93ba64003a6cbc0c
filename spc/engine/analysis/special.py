"""Between/within, short-run, trend, residual and acceptance charts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spc.engine.analysis.table import (
    AnalysisError,
    Options,
    Readings,
    phase1_of,
    result,
    subgroups,
)
from spc.engine.baseline import estimate_baseline
from spc.engine.batch import chart
from spc.engine.between_within import three_way_chart
from spc.engine.families import Family, Panel
from spc.engine.kinds import ChartKind
from spc.engine.operating import acceptance_limits
from spc.engine.rules import completions, rules_for
from spc.engine.serial import autoregression_chart, moving_center_line, trend_chart
from spc.engine.short_run import z_chart


def three_way(readings: Readings, options: Options) -> dict[str, Any]:
    """Means as individuals, their moving ranges, and the ranges within."""
    data = [list(subgroup.values) for subgroup in subgroups(readings, Family.XBAR_R)]
    m = phase1_of(options, len(data))
    shown = three_way_chart(data, n_phase1=m)
    count = len(data)
    z = (shown.means - shown.center) / shown.sigma_means if shown.sigma_means > 0 else np.full(count, np.nan)
    signals = [
        {"index": int(i), "rule": rule.value, "members": [int(i)]}
        for rule in rules_for(Family.IMR, Panel.LOCATION, options.rules)
        for i in completions(rule, z)
    ]
    values = [value for row in data[:m] for value in row]
    found = result(
        options,
        center=shown.center,
        sigma=shown.sigma_within,
        values=values,
        statistic=shown.means,
        lcl=np.full(count, shown.lcl),
        ucl=np.full(count, shown.ucl),
        signals=sorted(signals, key=lambda signal: signal["index"]),
    )
    return found | {
        "sigma_between": shown.sigma_between,
        "sigma_between_within": shown.sigma_between_within,
        "dispersion": {
            "center_line": shown.mr_center,
            "lcl": np.zeros(count),
            "ucl": np.full(count, shown.mr_ucl),
            "statistic": shown.moving_ranges,
        },
        "within": {
            "center_line": shown.dispersion_center,
            "lcl": np.full(count, shown.dispersion_lcl),
            "ucl": np.full(count, shown.dispersion_ucl),
            "statistic": shown.dispersion,
        },
    }


def short_run(readings: Readings, options: Options) -> dict[str, Any]:
    """Readings standardised part by part."""
    assert readings.subgroup is not None
    m = phase1_of(options, len(readings.single))
    shown = z_chart(readings.subgroup, readings.single.tolist(), n_phase1=m)
    count = len(shown.z)
    found = result(
        options,
        center=0.0,
        sigma=1.0,
        values=[],
        statistic=shown.z,
        lcl=np.full(count, -3.0),
        ucl=np.full(count, 3.0),
        signals=[{"index": i, "rule": "beyond_limits", "members": [i]} for i in shown.beyond],
    )
    return found | {
        "parts": {str(part): vars(own) for part, own in shown.parameters.items()},
        "dispersion": {
            "center_line": shown.mr_center,
            "lcl": np.zeros(count),
            "ucl": np.full(count, shown.mr_ucl),
            "statistic": shown.moving_ranges,
        },
    }


def residuals(readings: Readings, options: Options) -> dict[str, Any]:
    """Residuals about a trend, or of an autoregression; forecast errors of a moving centre line."""
    y = readings.single
    m = phase1_of(options, len(y))
    if np.any(np.isnan(y[:m])):
        raise AnalysisError(f"a {options.kind} chart needs a whole phase 1: fill or cut the gaps")
    fitted: dict[str, Any]
    if options.kind is ChartKind.TREND:
        trend = trend_chart(y, n_phase1=m)
        statistic, sigma, signals = trend.residuals, trend.sigma_mr, trend.signals
        fitted = {"intercept": trend.intercept, "slope": trend.slope}
    elif options.kind is ChartKind.RESIDUAL:
        regression = autoregression_chart(y, n_phase1=m)
        statistic, sigma, signals = regression.residuals, regression.sigma_mr, regression.signals
        fitted = {"intercept": regression.intercept, "phi": regression.phi}
    else:
        line = moving_center_line(y, n_phase1=m)
        statistic, sigma, signals = line.errors, line.sigma_p, line.signals
        fitted = {"weight": line.weight, "average": line.average}
    reach = np.full(len(y), 3.0 * sigma)
    found = result(
        options,
        center=0.0,
        sigma=sigma,
        values=y[:m].tolist(),
        statistic=statistic,
        lcl=-reach,
        ucl=reach,
        signals=[{"index": i, "rule": "beyond_limits", "members": [i]} for i in signals],
    )
    return found | fitted


def acceptance(readings: Readings, options: Options) -> dict[str, Any]:
    """Means against limits that the specification gives: how far the process may wander."""
    if options.lsl is None and options.usl is None:
        raise AnalysisError("an acceptance chart follows from the specification: give --lsl, --usl or both")
    family = Family.IMR if readings.subgroup is None else Family.XBAR_R
    data = subgroups(readings, family)
    basis = data[: phase1_of(options, len(data))]
    baseline = estimate_baseline(family, basis)
    shown = chart(family, baseline, data, ())
    lcl, ucl = np.full((2, len(data)), np.nan)
    for n in np.unique(shown.size[~np.isnan(shown.size)]):
        own = acceptance_limits(
            lsl=options.lsl,
            usl=options.usl,
            sigma=baseline.require_sigma(),
            n=int(n),
            delta=options.fraction,
            alpha=options.alpha,
        )
        lcl[shown.size == n], ucl[shown.size == n] = own.lcl, own.ucl
    with np.errstate(invalid="ignore"):
        beyond = np.flatnonzero((shown.statistic > ucl) | (shown.statistic < lcl)).tolist()
    return result(
        options,
        center=options.target,
        sigma=baseline.sigma,
        values=[value for subgroup in basis for value in subgroup.values if not math.isnan(value)],
        statistic=shown.statistic,
        lcl=lcl,
        ucl=ucl,
        signals=[{"index": i, "rule": "beyond_limits", "members": [i]} for i in beyond],
    )
