"""What a chart plan says, as the engine takes it."""

from __future__ import annotations

from collections.abc import Sequence

from spc.engine import MISSING_POINT, Rule, SubgroupData
from spc.engine.kinds import ChartKind
from spc.engine.live import (
    ChartDefinition,
    Fit,
    Screened,
    Traits,
    estimate,
    screen,
    second_panel_is_moving_range,
    traits,
)
from spc.engine.screening import Removal
from spc.models import ChartPlan, Point


def chart_definition(
    family: str, *, rules: str, parameters: str, subgroup_by: str, subgroup_size: int
) -> ChartDefinition:
    """The words of a plan as a definition. Raises ValueError for an unknown kind or rule."""
    return ChartDefinition(
        kind=ChartKind(family),
        rules=chart_rules(rules),
        parameters=parameters,
        by_reading=subgroup_by == ChartPlan.SubgroupBy.READING,
        subgroup_size=subgroup_size,
    )


def definition_of(plan: ChartPlan) -> ChartDefinition:
    """The definition of a chart plan."""
    return chart_definition(
        plan.family,
        rules=plan.rules,
        parameters=plan.parameters,
        subgroup_by=plan.subgroup_by,
        subgroup_size=plan.subgroup_size,
    )


def chart_rules(names: str) -> tuple[Rule, ...]:
    """The rules that a chart plan names, separated by spaces. Raises ValueError for an unknown one."""
    return tuple(Rule(name) for name in names.split())


def traits_of(plan: ChartPlan) -> Traits:
    """What the plan's chart shows, in words."""
    return traits(plan.family, plan.parameters)


def moving_range_below(plan: ChartPlan) -> bool:
    """Whether the plan's second panel plots moving ranges."""
    by_reading = plan.subgroup_by == ChartPlan.SubgroupBy.READING
    return second_panel_is_moving_range(ChartKind(plan.family), plan.parameters, by_reading=by_reading)


def estimate_limits(
    plan: ChartPlan,
    points: Sequence[Point],
    data: Sequence[SubgroupData],
    *,
    end: int,
    excluded: frozenset[int] = frozenset(),
) -> Fit:
    """The estimate from points and the data behind each; `excluded` are places among them.

    What lies between the points, and up to sequence `end` where the limits begin to judge, keeps its place as a gap: no
    moving range spans it, and what goes by the number of a point goes on. Raises TooFewReadingsError.
    """
    kept = [MISSING_POINT if place in excluded else row for place, row in enumerate(data)]
    return estimate(definition_of(plan), _placed(points, kept, end=end))


def screen_limits(
    plan: ChartPlan, points: Sequence[Point], data: Sequence[SubgroupData], *, end: int
) -> tuple[Screened, dict[int, Removal]]:
    """Phase 1 screened, with gaps in their places, and for each suggested point's key why it should be left out.

    Raises TooFewReadingsError.
    """
    screened = screen(definition_of(plan), _placed(points, data, end=end))
    first = points[0].sequence if points else end
    keys = {point.sequence - first: point.pk for point in points}
    return screened, {keys[removal.index]: removal for removal in screened.trail}


def _placed(points: Sequence[Point], data: Sequence[SubgroupData], *, end: int) -> list[SubgroupData]:
    """The data at the places of their points up to `end`, gaps between."""
    first = points[0].sequence if points else end
    series = [MISSING_POINT] * (end - first)
    for point, row in zip(points, data, strict=True):
        series[point.sequence - first] = row
    return series
