"""Charts of rare events."""

from __future__ import annotations

from typing import Any

import numpy as np

from spc.engine.analysis.shewhart import panel_signals, second_panel
from spc.engine.analysis.table import Options, Readings, phase1_of, result
from spc.engine.families import Panel
from spc.engine.kinds import ChartKind
from spc.engine.rare_events import BetweenChart, Limits, g_chart, power_t_chart, t_chart
from spc.engine.rules import Rule


def rare(readings: Readings, options: Options) -> dict[str, Any]:
    """Units or times between events; three-sigma limits of times stand on times^(1/3.6)."""
    between, m = readings.single, phase1_of(options, len(readings.single))
    if options.kind is ChartKind.G:
        return _between(g_chart(between, limits=options.limits, n_phase1=m), options)
    if options.limits is Limits.PROBABILITY:
        return _between(t_chart(between, n_phase1=m), options)
    found = power_t_chart(between, options.rules, n_phase1=m)
    shown = found.transformed
    return result(
        options,
        center=shown.baseline.center,
        sigma=shown.baseline.sigma,
        values=shown.statistic[:m][~np.isnan(shown.statistic[:m])].tolist(),
        statistic=shown.statistic,
        lcl=shown.lcl,
        ucl=shown.ucl,
        signals=panel_signals(shown, Panel.LOCATION),
    ) | {
        "dispersion": second_panel(shown),
        "times": {"center_line": found.center, "lcl": found.lcl, "ucl": found.ucl},
    }


def _between(shown: BetweenChart, options: Options) -> dict[str, Any]:
    signals = [(i, Rule.BEYOND_LIMITS.value, [i]) for i in shown.beyond]
    run = shown.zero_run or 0
    signals += [(i, "run_of_zeros", list(range(i - run + 1, i + 1))) for i in shown.zero_runs]
    count = len(shown.statistic)
    return result(
        options,
        center=shown.center,
        sigma=None,
        values=[],
        statistic=shown.statistic,
        lcl=np.full(count, shown.lcl),
        ucl=np.full(count, shown.ucl),
        signals=[{"index": i, "rule": rule, "members": members} for i, rule, members in sorted(signals)],
    ) | {"zero_run": shown.zero_run}
