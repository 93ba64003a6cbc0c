"""Group charts: every stream of a table at one time on one chart, as the line runs them."""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any

import numpy as np

from spc.engine.analysis.table import Options, Readings, phase1_of, result
from spc.engine.families import MISSING_POINT, Panel, SubgroupData
from spc.engine.kinds import ChartKind
from spc.engine.live import ChartDefinition, advance, estimate, start
from spc.engine.rules import Rule


def group(readings: Readings, options: Options) -> dict[str, Any]:
    """The largest mean of all streams at each time, and under `dispersion` the smallest; who led, and how long may be.

    A time at which a stream has no reading is a gap.
    """
    data = times(readings)
    m = phase1_of(options, len(data))
    kind = ChartKind.GROUP
    fit = estimate(ChartDefinition(kind, (Rule.BEYOND_LIMITS,), by_reading=False), data[:m])
    state, points = start(fit, (Rule.BEYOND_LIMITS,)), []
    for row in data:
        state, point = advance(state, row)
        points.append(point)

    def column(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([math.nan if (v := getattr(point, name)) is None else v for point in points])

    def signals(panel: Panel) -> list[dict[str, Any]]:
        return [
            {
                "index": i,
                "rule": hit.rule.value,
                "members": sorted(i - back for back in hit.members),
            }
            for i, point in enumerate(points)
            for hit in point.hits
            if hit.panel is panel
        ]

    def led(end: str) -> list[str | None]:
        return [(point.details or {}).get(end) for point in points]

    found = result(
        options,
        center=fit.center,
        sigma=fit.sigma,
        values=[value for row in data[:m] for value in row.values if not math.isnan(value)],
        statistic=column("statistic"),
        lcl=column("lcl"),
        ucl=column("ucl"),
        signals=signals(Panel.LOCATION),
    )
    return found | {
        "streams": fit.own["streams"],
        "largest": led("largest"),
        "smallest": led("smallest"),
        "longest_run_allowed": fit.own["run"] - 1,
        "dispersion": {
            "center_line": fit.center,
            "lcl": column("dispersion_lcl"),
            "ucl": column("dispersion_ucl"),
            "statistic": column("dispersion"),
            "signals": signals(Panel.DISPERSION),
        },
    }


def times(readings: Readings) -> list[SubgroupData]:
    """Neighbouring rows of the same time together, each reading with its stream; an empty cell is no reading."""
    assert readings.subgroup is not None and readings.stream is not None
    rows = zip(readings.subgroup, readings.stream, readings.single.tolist(), strict=True)
    found = []
    for _, entries in groupby(rows, key=lambda row: row[0]):
        known = [(str(stream), value) for _, stream, value in entries if not math.isnan(value)]
        labels, values = tuple(stream for stream, _ in known), tuple(value for _, value in known)
        found.append(SubgroupData(values, labels=labels) if known else MISSING_POINT)
    return found
