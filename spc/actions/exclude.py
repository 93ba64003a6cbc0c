"""Exclude a point from a chart's rules and limits, or include it again; it stays plotted."""

from __future__ import annotations

from datetime import datetime

from spc.actions.replay import Change, Replayed, replay
from spc.models import Chart, Point, PointExclusion
from spc.queries import excluded_subgroups


class ExclusionRefused(Exception):
    """The point cannot be excluded or included so; the message begins with the field."""


def set_excluded(point: Point, *, excluded: bool, reason: str, decided_by_id: int, now: datetime) -> Replayed:
    """Record the decision and replay the chart from the point on; must run in the caller's transaction."""
    chart = (
        Chart.objects.select_for_update(no_key=True, of=("self",))
        .select_related("stream__plan__characteristic", "stream__plan__site")
        .get(pk=point.chart_id)
    )
    current = Point.objects.get(pk=point.pk)
    if current.replaced_at is not None:
        raise ExclusionRefused("point: a recalculation has replaced it meanwhile; look at the chart again")
    if not reason.strip():
        raise ExclusionRefused("reason: say why the point says nothing of the process, or why it does")
    if excluded == (current.subgroup_id in excluded_subgroups(chart.pk)):
        raise ExclusionRefused(f"point: it is {'excluded' if excluded else 'included'} already")
    PointExclusion.objects.create(
        chart=chart,
        subgroup_id=current.subgroup_id,
        excluded=excluded,
        reason=reason.strip()[:300],
        decided_by_id=decided_by_id,
        decided_at=now,
    )
    return replay(chart, Change(changed=frozenset({current.subgroup_id})), now=now)
