"""One table of readings in, one analysis out: what `manage.py spc` prints, for every family of chart.

Positions are 0-based positions of plotted points. A missing reading keeps its place. Limits are estimated from the
first `phase1` points (all, by default) and drawn for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spc.engine.baseline import Baseline, estimate_baseline
from spc.engine.batch import ChartResult, chart
from spc.engine.between_within import three_way_chart
from spc.engine.capability import Capability, estimate_capability
from spc.engine.families import Family, Panel, SubgroupData
from spc.engine.multivariate import (
    mewma_chart,
    t_squared_individuals,
    t_squared_subgroups,
)
from spc.engine.overdispersion import laney_p, laney_u
from spc.engine.rules import Rule, completions, rules_for
from spc.engine.serial import autoregression_chart, trend_chart
from spc.engine.short_run import z_chart
from spc.engine.sigma import TooFewReadingsError
from spc.engine.time_weighted import cusum_chart, ewma_chart

FloatArray = NDArray[np.float64]


class ChartKind(StrEnum):
    """What can be asked for by name."""

    IMR = "imr"
    XBAR_R = "xbar-r"
    XBAR_S = "xbar-s"
    P = "p"
    NP = "np"
    C = "c"
    U = "u"
    LANEY_P = "laney-p"
    LANEY_U = "laney-u"
    EWMA = "ewma"
    CUSUM = "cusum"
    T2 = "t2"
    MEWMA = "mewma"
    THREE_WAY = "three-way"
    SHORT_RUN = "short-run"
    TREND = "trend"
    RESIDUAL = "residual"


NEEDS_SIZE = {ChartKind.P, ChartKind.NP, ChartKind.U, ChartKind.LANEY_P, ChartKind.LANEY_U}
NEEDS_SUBGROUP = {ChartKind.XBAR_R, ChartKind.XBAR_S, ChartKind.THREE_WAY, ChartKind.SHORT_RUN}
VECTORS = {ChartKind.T2, ChartKind.MEWMA}


class AnalysisError(ValueError):
    """A table that this chart cannot be drawn from; the message names the column and the fix."""


@dataclass(frozen=True)
class Readings:
    """Columns of equal length n: values (n, v), and where the chart needs them the subgroup and the size.

    On a short-run chart `subgroup` names the part.
    """

    values: FloatArray
    subgroup: tuple[Hashable, ...] | None = None
    size: FloatArray | None = None

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
    limit: float = 8.66
    confidence: float = 0.9973


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
    if kind not in VECTORS and readings.values.shape[1] != 1:
        raise AnalysisError(f"a {kind} chart takes one column of values; name it with --value")
    return _ANALYSES[kind](readings, options)


def _shewhart(family: Family) -> Callable[[Readings, Options], dict[str, Any]]:
    def analysis(readings: Readings, options: Options) -> dict[str, Any]:
        data = _subgroups(readings, family)
        basis = data[: _phase1(options, len(data))]
        baseline = estimate_baseline(family, basis)
        shown = chart(family, baseline, data, options.rules)
        values = [value for subgroup in basis for value in subgroup.values if not math.isnan(value)]
        centers = shown.center[~np.isnan(shown.center)]
        found = _result(
            options,
            # On an np chart the line moves with the size: the newest counts.
            center=float(centers[-1]) if len(centers) else baseline.center,
            sigma=baseline.sigma,
            values=[] if family.is_attribute else values,
            statistic=shown.statistic,
            lcl=shown.lcl,
            ucl=shown.ucl,
            signals=_signals(shown, Panel.LOCATION),
        )
        if family.dispersion is not None:
            found["dispersion"] = _second_panel(shown)
            found["capability"] = _capability(values, baseline, options)
        return found

    return analysis


def _second_panel(shown: ChartResult) -> dict[str, Any]:
    known = shown.dispersion_center[~np.isnan(shown.dispersion_center)]
    return {
        "center_line": float(known[-1]) if len(known) else None,
        "lcl": shown.dispersion_lcl,
        "ucl": shown.dispersion_ucl,
        "statistic": shown.dispersion,
        "signals": _signals(shown, Panel.DISPERSION),
    }


def _signals(shown: ChartResult, panel: Panel) -> list[dict[str, Any]]:
    return [
        {"index": hit.index, "rule": hit.rule.value, "members": list(hit.member_indices)}
        for hit in shown.hits
        if hit.panel is panel
    ]


def _laney(readings: Readings, options: Options) -> dict[str, Any]:
    assert readings.size is not None
    draw = laney_p if options.kind is ChartKind.LANEY_P else laney_u
    shown = draw(readings.single, readings.size, n_phase1=_phase1(options, len(readings.single)))
    found = _result(
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


def _weighted(readings: Readings, options: Options) -> dict[str, Any]:
    family = Family.IMR if readings.subgroup is None else Family.XBAR_R
    data = _subgroups(readings, family)
    basis = data[: _phase1(options, len(data))]
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
        found = _result(options, statistic=ewma.ewma, lcl=ewma.lcl, ucl=ewma.ucl, signals=signals, **shared)
        return found | {"capability": _capability(values, baseline, options)}
    if not sigma > 0.0:
        raise AnalysisError("the readings do not vary: a CUSUM has no unit")
    z = (plain.statistic - center) / (sigma / np.sqrt(plain.size))
    cusum = cusum_chart(z.tolist(), reference=options.shift / 2.0, interval=options.interval)
    signals = [
        {"index": i, "rule": rule, "members": [i]}
        for rule, positions in (("cusum_upper", cusum.signals_upper), ("cusum_lower", cusum.signals_lower))
        for i in positions
    ]
    found = _result(
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
        "capability": _capability(values, baseline, options),
    }


def _multivariate(readings: Readings, options: Options) -> dict[str, Any]:
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
        points, m = cube.mean(axis=1), _phase1(options, len(cube))
        limits = t_squared_subgroups(cube[:m], confidence=options.confidence)
    else:
        points, m = rows, _phase1(options, len(rows))
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
    found = _result(
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


def _three_way(readings: Readings, options: Options) -> dict[str, Any]:
    data = [list(subgroup.values) for subgroup in _subgroups(readings, Family.XBAR_R)]
    m = _phase1(options, len(data))
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
    found = _result(
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


def _short_run(readings: Readings, options: Options) -> dict[str, Any]:
    assert readings.subgroup is not None
    shown = z_chart(readings.subgroup, readings.single.tolist())
    count = len(shown.z)
    found = _result(
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


def _residuals(readings: Readings, options: Options) -> dict[str, Any]:
    y = readings.single
    if np.any(np.isnan(y)):
        raise AnalysisError(f"a {options.kind} chart needs a whole series: fill or cut the gaps")
    m = _phase1(options, len(y))
    shown = (
        trend_chart(y, n_phase1=m) if options.kind is ChartKind.TREND else autoregression_chart(y, n_phase1=m)
    )
    slope = {"slope": shown.slope} if hasattr(shown, "slope") else {"phi": shown.phi}
    reach = np.full(len(y), 3.0 * shown.sigma_mr)
    found = _result(
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


def _subgroups(readings: Readings, family: Family) -> list[SubgroupData]:
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


def _phase1(options: Options, points: int) -> int:
    if options.phase1 is None:
        return points
    if not 1 <= options.phase1 <= points:
        raise AnalysisError(
            f"--phase1 {options.phase1}: the file gives {points} points; choose 1 to {points}"
        )
    return options.phase1


def _result(
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
    return {
        "chart": options.kind.value,
        "center_line": center,
        "sigma_within": sigma,
        "sigma_overall": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "n": len(statistic),
        "phase1": _phase1(options, len(statistic)),
        "statistic": statistic,
        "lcl": lcl,
        "ucl": ucl,
        "signals": signals,
        "capability": None,
    }


def _capability(values: Sequence[float], baseline: Baseline, options: Options) -> dict[str, Any] | None:
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


_ANALYSES: dict[ChartKind, Callable[[Readings, Options], dict[str, Any]]] = {
    **{ChartKind(family.value): _shewhart(family) for family in Family},
    ChartKind.LANEY_P: _laney,
    ChartKind.LANEY_U: _laney,
    ChartKind.EWMA: _weighted,
    ChartKind.CUSUM: _weighted,
    ChartKind.T2: _multivariate,
    ChartKind.MEWMA: _multivariate,
    ChartKind.THREE_WAY: _three_way,
    ChartKind.SHORT_RUN: _short_run,
    ChartKind.TREND: _residuals,
    ChartKind.RESIDUAL: _residuals,
}
