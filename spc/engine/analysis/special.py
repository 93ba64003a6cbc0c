"""Between/within, short-run, trend and residual charts."""

from __future__ import annotations

from typing import Any

import numpy as np

from spc.engine.analysis.table import (
    AnalysisError,
    ChartKind,
    Options,
    Readings,
    phase1_of,
    result,
    subgroups,
)
from spc.engine.between_within import three_way_chart
from spc.engine.families import Family, Panel
from spc.engine.rules import completions, rules_for
from spc.engine.serial import autoregression_chart, trend_chart
from spc.engine.short_run import z_chart


def three_way(readings: Readings, options: Options) -> dict[str, Any]:
    """Means as individuals, their moving ranges, and the ranges within."""
    data = [list(subgroup.values) for subgroup in subgroups(readings, Family.XBAR_R)]
    m = phase1_of(options, len(data))
    basis = three_way_chart(data[:m])
    shown = three_way_chart(data) if m < len(data) else basis
    count = len(data)
    z = (shown.means - basis.center) / basis.sigma_means if basis.sigma_means > 0 else np.full(count, np.nan)
    signals = [
        {"index": int(i), "rule": rule.value, "members": [int(i)]}
        for rule in rules_for(Family.IMR, Panel.LOCATION, options.rules)
        for i in completions(rule, z)
    ]
    values = [value for row in data[:m] for value in row]
    found = result(
        options,
        center=basis.center,
        sigma=basis.sigma_within,
        values=values,
        statistic=shown.means,
        lcl=np.full(count, basis.lcl),
        ucl=np.full(count, basis.ucl),
        signals=sorted(signals, key=lambda signal: signal["index"]),
    )
    return found | {
        "sigma_between": basis.sigma_between,
        "sigma_between_within": basis.sigma_between_within,
        "dispersion": {
            "center_line": basis.mr_center,
            "lcl": np.zeros(count),
            "ucl": np.full(count, basis.mr_ucl),
            "statistic": shown.moving_ranges,
        },
        "within": {
            "center_line": basis.dispersion_center,
            "lcl": np.full(count, basis.dispersion_lcl),
            "ucl": np.full(count, basis.dispersion_ucl),
            "statistic": shown.dispersion,
        },
    }


def short_run(readings: Readings, options: Options) -> dict[str, Any]:
    """Readings standardised part by part."""
    assert readings.subgroup is not None
    shown = z_chart(readings.subgroup, readings.single.tolist())
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
    """Residuals about a trend, or of an autoregression."""
    y = readings.single
    if np.any(np.isnan(y)):
        raise AnalysisError(f"a {options.kind} chart needs a whole series: fill or cut the gaps")
    m = phase1_of(options, len(y))
    shown = (
        trend_chart(y, n_phase1=m) if options.kind is ChartKind.TREND else autoregression_chart(y, n_phase1=m)
    )
    slope = {"slope": shown.slope} if hasattr(shown, "slope") else {"phi": shown.phi}
    reach = np.full(len(y), 3.0 * shown.sigma_mr)
    found = result(
        options,
        center=0.0,
        sigma=shown.sigma_mr,
        values=y[:m].tolist(),
        statistic=shown.residuals,
        lcl=-reach,
        ucl=reach,
        signals=[{"index": i, "rule": "beyond_limits", "members": [i]} for i in shown.signals],
    )
    return found | {"intercept": shown.intercept, **slope}
