"""Phase 1 of any kind of chart screened pass by pass, with a written trail; see `spc.engine.screening`.

A chart whose statistic gathers many points is screened by the chart of what it gathers: an EWMA or a CUSUM by the
readings or means themselves, a MEWMA by T-squared. T-squared is held against its phase 1 limit (beta; Tracy, Young and
Mason 1992), and every other kind against its own limits, in hindsight from the first point on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from spc.engine.families import MISSING_POINT, Family, Panel, SubgroupData
from spc.engine.kinds import ChartKind
from spc.engine.live.definition import ChartDefinition, form_of, second_panel_is_moving_range
from spc.engine.live.method import reduced
from spc.engine.live.model import Fit
from spc.engine.live.registry import METHODS, read_of, shewhart
from spc.engine.live.running import PANELS, LiveState, State, advance, estimate
from spc.engine.live.traits import traits
from spc.engine.rules import Rule
from spc.engine.screening import Removal, screen_phase1
from spc.engine.sigma import TooFewReadingsError
from spc.engine.streaming import PlottedPoint


@dataclass(frozen=True)
class Screened:
    """`fit` is the estimate without the points of the `trail`; `passes` counts the last one, which found none."""

    fit: Fit
    trail: tuple[Removal, ...]
    passes: int


def screen(definition: ChartDefinition, data: Sequence[SubgroupData]) -> Screened:
    """Estimate, remove what lies beyond the limits of a panel, and repeat until nothing does.

    A moving range beyond its limit belongs to several readings and removes none. Ends before so little would be left
    that nothing can be estimated. Raises TooFewReadingsError where nothing can be from all points.
    """
    judge, shown = _judged_by(definition, data)
    family = shewhart(judge.kind)
    if family is None:
        trail, passes = _passes(judge, shown)
    else:
        span = int(read_of(judge.kind, judge.parameters).get("span", 2))
        found = screen_phase1(family, shown, (), span=span)
        trail, passes = found.trail, found.iterations
    while True:
        removed = frozenset(removal.index for removal in trail)
        try:
            return Screened(estimate(definition, data, excluded=removed), trail, passes)
        except TooFewReadingsError:
            if not trail:
                raise
            # What the last pass took is all the spread there was.
            trail = tuple(one for one in trail if one.iteration < trail[-1].iteration)


def _judged_by(
    definition: ChartDefinition, data: Sequence[SubgroupData]
) -> tuple[ChartDefinition, Sequence[SubgroupData]]:
    """The chart that says which single points are out, and the data as it takes them."""
    values = read_of(definition.kind, definition.parameters)
    if definition.kind in (ChartKind.EWMA, ChartKind.CUSUM):
        if definition.by_reading:
            return replace(definition, kind=ChartKind.IMR, parameters=""), data
        if values["sigma"] == "within":
            return replace(definition, kind=ChartKind.XBAR_S, parameters=""), data
        means = [
            row if row.is_missing else SubgroupData((reduced(Family.IMR, row, of_means=True).statistic,))
            for row in data
        ]
        return replace(definition, kind=ChartKind.IMR, parameters="", by_reading=True), means
    if definition.kind is ChartKind.MEWMA:
        shared = {name: values[name] for name in ("variables", "covariance")}
        form = form_of(ChartKind.T2, shared)
        return replace(definition, kind=ChartKind.T2, parameters=form), data
    return definition, data


def _passes(definition: ChartDefinition, data: Sequence[SubgroupData]) -> tuple[tuple[Removal, ...], int]:
    removed: set[int] = set()
    trail: list[Removal] = []
    fit = estimate(definition, data)
    passes = 0
    while True:
        passes += 1
        found = _beyond(definition, fit, data, removed, passes)
        try:
            fit = estimate(definition, data, excluded=frozenset({*removed, *(one.index for one in found)}))
        except TooFewReadingsError:
            return tuple(trail), passes
        trail.extend(found)
        removed.update(one.index for one in found)
        # Without an event the intervals on both its sides are one: more passes would only join what is left.
        if not found or traits(definition.kind).rare:
            return tuple(trail), passes


def _beyond(
    definition: ChartDefinition, fit: Fit, data: Sequence[SubgroupData], removed: set[int], number: int
) -> list[Removal]:
    """Points of phase 1 beyond the limits that they give, one removal each."""
    fit, method = _of_phase1(fit), METHODS[fit.kind]
    state: State = LiveState(fit, (Rule.BEYOND_LIMITS,), method.before(fit), dict.fromkeys(PANELS, ()))
    moves = second_panel_is_moving_range(
        definition.kind, definition.parameters, by_reading=definition.by_reading
    )
    found, begun = [], False
    for index, row in enumerate(data):
        kept = MISSING_POINT if index in removed else row
        begun = begun or not kept.is_missing
        if not begun:
            continue  # forecasts begin at the first reading
        state, point = advance(state, kept)
        panels = [
            hit.panel
            for hit in point.hits
            if hit.rule is Rule.BEYOND_LIMITS and not (moves and hit.panel is Panel.DISPERSION)
        ]
        if panels:
            found.append(Removal(index, panels[0], *_line(point, panels[0]), number))
    return found


def _of_phase1(fit: Fit) -> Fit:
    """T-squared of points that took part in the estimate has a limit of its own."""
    if fit.kind is not ChartKind.T2:
        return fit
    limits = fit.own["limits"]
    return replace(fit, own={**fit.own, "limits": {**limits, "upl": limits["ucl"]}})


def _line(point: PlottedPoint, panel: Panel) -> tuple[float, float, float]:
    """Value and limits of a panel; NaN for a limit that it does not have."""
    if panel is Panel.WITHIN:
        within = (point.details or {})["within"]
        shown = (within["value"], within["lcl"], within["ucl"])
    elif panel is Panel.DISPERSION:
        shown = (point.dispersion, point.dispersion_lcl, point.dispersion_ucl)
    else:
        shown = (point.statistic, point.lcl, point.ucl)
    value, lcl, ucl = (math.nan if one is None else float(one) for one in shown)
    return value, lcl, ucl
