"""Shewhart charts and Laney's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from spc.engine.analysis.table import (
    Options,
    Readings,
    capability,
    phase1_of,
    result,
    steadiness,
    subgroups,
    tolerance,
)
from spc.engine.baseline import estimate_baseline
from spc.engine.batch import ChartResult, chart
from spc.engine.families import Family, Panel
from spc.engine.kinds import ChartKind
from spc.engine.overdispersion import laney_p, laney_u
from spc.engine.rules import Rule


def shewhart(family: Family) -> Callable[[Readings, Options], dict[str, Any]]:
    """The analysis of a family, with its second panel where it has one."""

    def analysis(readings: Readings, options: Options) -> dict[str, Any]:
        if family is Family.IMR:
            individuals = np.ascontiguousarray(readings.single)
            m = phase1_of(options, len(individuals))
            baseline = estimate_baseline(family, individuals[:m], span=options.span)
            shown = chart(family, baseline, individuals, options.rules)
            values = individuals[:m][~np.isnan(individuals[:m])].tolist()
        else:
            data = subgroups(readings, family)
            basis = data[: phase1_of(options, len(data))]
            baseline = estimate_baseline(family, basis)
            shown = chart(family, baseline, data, options.rules)
            values = [value for subgroup in basis for value in subgroup.values if not math.isnan(value)]
        centers = shown.center[~np.isnan(shown.center)]
        found = result(
            options,
            # On an np chart the line moves with the size: the newest counts.
            center=float(centers[-1]) if len(centers) else baseline.center,
            sigma=baseline.sigma,
            values=[] if family.is_attribute else values,
            statistic=shown.statistic,
            lcl=shown.lcl,
            ucl=shown.ucl,
            signals=panel_signals(shown, Panel.LOCATION),
        )
        if family.dispersion is not None:
            found["dispersion"] = second_panel(shown)
            found["capability"] = capability(values, baseline, options)
            found["stability"] = steadiness(values, baseline)
            found["tolerance"] = tolerance(values, options)
        return found

    return analysis


def second_panel(shown: ChartResult) -> dict[str, Any]:
    """Ranges, deviations or moving ranges with their lines."""
    known = shown.dispersion_center[~np.isnan(shown.dispersion_center)]
    return {
        "center_line": float(known[-1]) if len(known) else None,
        "lcl": shown.dispersion_lcl,
        "ucl": shown.dispersion_ucl,
        "statistic": shown.dispersion,
        "signals": panel_signals(shown, Panel.DISPERSION),
    }


def panel_signals(shown: ChartResult, panel: Panel) -> list[dict[str, Any]]:
    """Hits of one panel as plain values."""
    return [
        {"index": hit.index, "rule": hit.rule.value, "members": list(hit.member_indices)}
        for hit in shown.hits
        if hit.panel is panel
    ]


def laney(readings: Readings, options: Options) -> dict[str, Any]:
    """Laney's p' or u' chart."""
    assert readings.size is not None
    draw = laney_p if options.kind is ChartKind.LANEY_P else laney_u
    shown = draw(readings.single, readings.size, n_phase1=phase1_of(options, len(readings.single)))
    found = result(
        options,
        center=shown.center,
        sigma=None,
        values=[],
        statistic=shown.statistic,
        lcl=shown.lcl,
        ucl=shown.ucl,
        signals=[{"index": i, "rule": Rule.BEYOND_LIMITS.value, "members": [i]} for i in shown.beyond],
    )
    return found | {"sigma_z": shown.sigma_z}
