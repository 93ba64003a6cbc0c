"""What is charted, how, and what every chart answers."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spc.engine.baseline import Baseline
from spc.engine.capability import Capability, estimate_capability
from spc.engine.families import Family, SubgroupData
from spc.engine.kinds import ChartKind
from spc.engine.rare_events import Limits
from spc.engine.rules import Rule
from spc.engine.sigma import TooFewReadingsError
from spc.engine.stability import stability
from spc.engine.tolerance import distribution_free_interval, normal_interval

FloatArray = NDArray[np.float64]


NEEDS_SIZE = {ChartKind.P, ChartKind.NP, ChartKind.U, ChartKind.LANEY_P, ChartKind.LANEY_U}
NEEDS_SUBGROUP = {
    ChartKind.XBAR_R,
    ChartKind.XBAR_S,
    ChartKind.MEDIAN_R,
    ChartKind.THREE_WAY,
    ChartKind.SHORT_RUN,
    ChartKind.GROUP,
}
NEEDS_STREAM = {ChartKind.GROUP}
VECTORS = {ChartKind.T2, ChartKind.MEWMA}


class AnalysisError(ValueError):
    """A table that this chart cannot be drawn from; the message names the column and the fix."""


@dataclass(frozen=True)
class Readings:
    """Columns of equal length n: values (n, v), and where the chart needs them the subgroup and the size.

    On a short-run chart `subgroup` names the part, on a group chart the time at which its streams were read.
    """

    values: FloatArray
    subgroup: tuple[Hashable, ...] | None = None
    size: FloatArray | None = None
    stream: tuple[Hashable, ...] | None = None

    @property
    def single(self) -> FloatArray:
        """The only column of values."""
        return self.values[:, 0]


@dataclass(frozen=True)
class Options:
    """How to chart; the weights belong to EWMA, CUSUM and MEWMA only."""

    kind: ChartKind
    rules: tuple[Rule, ...]
    phase1: int | None = None
    lsl: float | None = None
    usl: float | None = None
    target: float | None = None
    weight: float = 0.2
    width: float = 3.0
    shift: float = 1.0
    interval: float = 5.0
    head_start: float = 0.0
    limit: float = 8.66
    confidence: float = 0.9973
    coverage: float | None = None
    coverage_confidence: float = 0.95
    limits: Limits = Limits.SIGMA
    fraction: float = 0.01
    alpha: float = 0.00135
    span: int = 2


def subgroups(readings: Readings, family: Family) -> list[SubgroupData]:
    """Rows as subgroups: neighbours of the same subgroup together, otherwise one by one."""
    values = readings.single
    if family.is_attribute:
        sizes: Sequence[float | None] = (
            [None] * len(values) if readings.size is None else readings.size.tolist()
        )
        return [SubgroupData((value,), size) for value, size in zip(values.tolist(), sizes, strict=True)]
    if readings.subgroup is None or family is Family.IMR:
        return [SubgroupData((value,), None) for value in values.tolist()]
    found = []
    for _, entries in groupby(zip(readings.subgroup, values.tolist(), strict=True), key=lambda pair: pair[0]):
        known = tuple(value for _, value in entries if not math.isnan(value))
        found.append(SubgroupData(known or (math.nan,), None))
    return found


def phase1_of(options: Options, points: int) -> int:
    """How many points limits are estimated from. Raises AnalysisError for a number that the table does not give."""
    if options.phase1 is None:
        return points
    if not 1 <= options.phase1 <= points:
        raise AnalysisError(
            f"--phase1 {options.phase1}: the file gives {points} points; choose 1 to {points}"
        )
    return options.phase1


def result(
    options: Options,
    *,
    center: float | None,
    sigma: float | None,
    values: Sequence[float],
    statistic: FloatArray,
    lcl: FloatArray,
    ucl: FloatArray,
    signals: list[dict[str, Any]],
) -> dict[str, Any]:
    """What every chart answers."""
    return {
        "chart": options.kind.value,
        "center_line": center,
        "sigma_within": sigma,
        "sigma_overall": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "n": len(statistic),
        "phase1": phase1_of(options, len(statistic)),
        "statistic": statistic,
        "lcl": lcl,
        "ucl": ucl,
        "signals": signals,
        "capability": None,
    }


def capability(values: Sequence[float], baseline: Baseline, options: Options) -> dict[str, Any] | None:
    """Indices and intervals of the readings, where a specification limit was given."""
    if options.lsl is None and options.usl is None:
        return None
    try:
        found = estimate_capability(
            values,
            sigma_within=baseline.sigma,
            within_df=baseline.sigma_df,
            lsl=options.lsl,
            usl=options.usl,
            target=options.target,
        )
    except TooFewReadingsError:
        return None
    return _indices(found)


def steadiness(values: Sequence[float], baseline: Baseline) -> dict[str, Any] | None:
    """Stability index of the readings that limits were estimated from."""
    try:
        found = stability(values, sigma_within=baseline.require_sigma(), within_df=baseline.sigma_df)
    except TooFewReadingsError:
        return None
    return dict(vars(found))


def tolerance(values: Sequence[float], options: Options) -> dict[str, Any] | None:
    """Tolerance intervals of the readings, where a coverage was asked for; one that cannot be had says why."""
    if options.coverage is None:
        return None
    found: dict[str, Any] = {}
    for name, interval in (("normal", normal_interval), ("distribution_free", distribution_free_interval)):
        try:
            found[name] = vars(
                interval(values, coverage=options.coverage, confidence=options.coverage_confidence)
            )
        except TooFewReadingsError as error:
            found[name] = {"missing": str(error)}
    return found


def _indices(found: Capability) -> dict[str, Any]:
    named = {
        "cp": found.cp,
        "cpl": found.cpl,
        "cpu": found.cpu,
        "cpk": found.cpk,
        "cpm": found.cpm,
        "pp": found.pp,
        "ppl": found.ppl,
        "ppu": found.ppu,
        "ppk": found.ppk,
    }
    return {
        **{name: None if index is None else index.value for name, index in named.items()},
        "ci": {name: None if index is None else [index.lower, index.upper] for name, index in named.items()},
        "confidence": found.confidence,
        "expected_ppm": {
            "below_lsl": _ppm(found.fallout_overall.below_lsl),
            "above_usl": _ppm(found.fallout_overall.above_usl),
        },
    }


def _ppm(fraction: float | None) -> float | None:
    return None if fraction is None else 1e6 * fraction
