"""Charts with memory, and charts of several characteristics together."""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any

import numpy as np

from spc.engine.analysis.table import (
    AnalysisError,
    Options,
    Readings,
    capability,
    phase1_of,
    result,
    subgroups,
)
from spc.engine.baseline import estimate_baseline
from spc.engine.batch import chart
from spc.engine.families import Family
from spc.engine.kinds import ChartKind
from spc.engine.multivariate import mewma_chart, t_squared_individuals, t_squared_subgroups
from spc.engine.time_weighted import cusum_chart, ewma_chart


def weighted(readings: Readings, options: Options) -> dict[str, Any]:
    """EWMA or CUSUM of readings, or of the means of subgroups."""
    family = Family.IMR if readings.subgroup is None else Family.XBAR_R
    data = subgroups(readings, family)
    basis = data[: phase1_of(options, len(data))]
    baseline = estimate_baseline(family, basis)
    sigma = baseline.require_sigma()
    center = baseline.center if options.target is None else options.target
    plain = chart(family, baseline, data, ())
    values = [value for subgroup in basis for value in subgroup.values if not math.isnan(value)]
    shared: dict[str, Any] = {"center": center, "sigma": sigma, "values": values}
    if options.kind is ChartKind.EWMA:
        ewma = ewma_chart(
            plain.statistic,
            center=center,
            sigma=sigma,
            weight=options.weight,
            width=options.width,
            size=plain.size.tolist(),
        )
        signals = [{"index": i, "rule": "beyond_limits", "members": [i]} for i in ewma.signals]
        found = result(options, statistic=ewma.ewma, lcl=ewma.lcl, ucl=ewma.ucl, signals=signals, **shared)
        return found | {"capability": capability(values, baseline, options)}
    if not sigma > 0.0:
        raise AnalysisError("the readings do not vary: a CUSUM has no unit")
    z = (plain.statistic - center) / (sigma / np.sqrt(plain.size))
    cusum = cusum_chart(
        z.tolist(),
        reference=options.shift / 2.0,
        interval=options.interval,
        head_start=options.head_start,
    )
    signals = [
        {"index": i, "rule": rule, "members": [i]}
        for rule, positions in (("cusum_upper", cusum.signals_upper), ("cusum_lower", cusum.signals_lower))
        for i in positions
    ]
    found = result(
        options,
        statistic=cusum.upper,
        lcl=np.full(len(z), -options.interval),
        ucl=np.full(len(z), options.interval),
        signals=sorted(signals, key=lambda signal: signal["index"]),
        **shared,
    )
    return found | {
        "statistic_lower": cusum.lower,
        "change_points": {"upper": cusum.upper_change, "lower": cusum.lower_change},
        "capability": capability(values, baseline, options),
    }


def multivariate(readings: Readings, options: Options) -> dict[str, Any]:
    """T-squared or MEWMA of several columns; with subgroups, of their mean vectors."""
    if readings.values.shape[1] < 2:
        raise AnalysisError(f"a {options.kind} chart takes two columns at least: --value A,B")
    rows = readings.values
    if readings.subgroup is not None:
        blocks = [
            np.array([row for _, row in entries])
            for _, entries in groupby(zip(readings.subgroup, rows, strict=True), key=lambda pair: pair[0])
        ]
        if len({len(block) for block in blocks}) != 1:
            raise AnalysisError("subgroups of vectors must all have the same size")
        cube = np.stack(blocks)
        points, m = cube.mean(axis=1), phase1_of(options, len(cube))
        limits = t_squared_subgroups(cube[:m], confidence=options.confidence)
    else:
        points, m = rows, phase1_of(options, len(rows))
        whole = rows[:m][~np.any(np.isnan(rows[:m]), axis=1)]
        limits = t_squared_individuals(whole, confidence=options.confidence)
    if options.kind is ChartKind.MEWMA:
        size = limits.size
        shown = mewma_chart(
            points,
            center=limits.center,
            covariance=limits.covariance / size,
            weight=options.weight,
            limit=options.limit,
        )
        statistic, ucl = shown.t_squared, np.full(len(points), options.limit)
    else:
        statistic = limits.t_squared(points)
        ucl = np.where(np.arange(len(points)) < m, limits.ucl, limits.upl)
    with np.errstate(invalid="ignore"):
        beyond = np.flatnonzero(statistic > ucl).tolist()
    found = result(
        options,
        center=None,
        sigma=None,
        values=[],
        statistic=statistic,
        lcl=np.zeros(len(points)),
        ucl=ucl,
        signals=[{"index": i, "rule": "beyond_limits", "members": [i]} for i in beyond],
    )
    return found | {
        "mean_vector": limits.center,
        "covariance": limits.covariance,
        "contributions": {str(i): limits.contributions(points[i]) for i in beyond},
    }
