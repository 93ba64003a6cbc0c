"""One table of readings in, one analysis out: what `manage.py spc` prints, for every family of chart.

Positions are 0-based positions of plotted points. A missing reading keeps its place. Limits are estimated from the
first `phase1` points (all, by default) and drawn for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spc.engine.analysis.rare import rare
from spc.engine.analysis.shewhart import laney, shewhart
from spc.engine.analysis.special import acceptance, residuals, short_run, three_way
from spc.engine.analysis.streams import group
from spc.engine.analysis.table import (
    NEEDS_SIZE,
    NEEDS_STREAM,
    NEEDS_SUBGROUP,
    VECTORS,
    AnalysisError,
    Options,
    Readings,
)
from spc.engine.analysis.with_memory import multivariate, weighted
from spc.engine.families import Family
from spc.engine.kinds import ChartKind

__all__ = [
    "KINDS",
    "NEEDS_SIZE",
    "NEEDS_STREAM",
    "NEEDS_SUBGROUP",
    "VECTORS",
    "AnalysisError",
    "ChartKind",
    "Options",
    "Readings",
    "analyse",
]


def analyse(readings: Readings, options: Options) -> dict[str, Any]:
    """The chart as plain values. Raises AnalysisError and the engine's own errors (all ValueError)."""
    kind = options.kind
    if not len(readings.values):
        raise AnalysisError("the file holds no readings")
    if np.any(np.isinf(readings.values)):
        raise AnalysisError("a reading is infinite: correct it or leave the cell empty")
    if kind in NEEDS_SIZE and readings.size is None:
        raise AnalysisError(f"a {kind} chart needs the number inspected: name its column with --size")
    if kind in NEEDS_SUBGROUP and readings.subgroup is None:
        raise AnalysisError(f"a {kind} chart needs subgroups: name their column with --subgroup")
    if kind in NEEDS_STREAM and readings.stream is None:
        raise AnalysisError(f"a {kind} chart needs the stream of each reading: name its column with --stream")
    if kind not in VECTORS and readings.values.shape[1] != 1:
        raise AnalysisError(f"a {kind} chart takes one column of values; name it with --value")
    return _ANALYSES[kind](readings, options)


_ANALYSES: dict[ChartKind, Callable[[Readings, Options], dict[str, Any]]] = {
    **{ChartKind(family.value): shewhart(family) for family in Family},
    ChartKind.LANEY_P: laney,
    ChartKind.LANEY_U: laney,
    ChartKind.EWMA: weighted,
    ChartKind.CUSUM: weighted,
    ChartKind.T2: multivariate,
    ChartKind.MEWMA: multivariate,
    ChartKind.THREE_WAY: three_way,
    ChartKind.SHORT_RUN: short_run,
    ChartKind.TREND: residuals,
    ChartKind.RESIDUAL: residuals,
    ChartKind.MOVING_CENTER: residuals,
    ChartKind.G: rare,
    ChartKind.T: rare,
    ChartKind.ACCEPTANCE: acceptance,
    ChartKind.GROUP: group,
}
KINDS = tuple(_ANALYSES)
