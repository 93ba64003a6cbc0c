"""A chart of single readings computed again in full, from the raw measurements and decisions alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from lots.models import Measurement, Supersession
from spc.actions.plotter import state_at_start
from spc.engine import SubgroupData
from spc.engine.families import MISSING_POINT
from spc.engine.live import advance
from spc.models import Chart, ChartState, Point, PointExclusion, SubgroupMember
from spc.queries import current_points


@dataclass(frozen=True)
class Shown:
    """What a point shows; `patterns` are (rule, panel, sequences of the points that form it)."""

    sequence: int
    measured_at: datetime
    statistic: float | None
    z: float | None
    dispersion: float | None
    patterns: frozenset[tuple[str, str, frozenset[int]]]


@dataclass(frozen=True)
class Whole:
    """The points that the limits in force judge, and the state before each of them and after the last."""

    points: list[Shown]
    states: dict[int, dict[str, Any]]


def stored(chart: Chart) -> list[Shown]:
    """The points as they stand, from the limits in force on."""
    floor = ChartState.objects.get(chart=chart).limit_revision.from_sequence
    points = current_points(chart.pk).filter(sequence__gte=floor).order_by("sequence")
    return [
        Shown(p.sequence, p.measured_at, p.statistic, p.z, p.dispersion, _patterns(p))
        for p in points.prefetch_related("signals__members__point")
    ]


def _patterns(point: Point) -> frozenset[tuple[str, str, frozenset[int]]]:
    return frozenset(
        (s.rule, s.panel, frozenset(member.point.sequence for member in s.members.all()))
        for s in point.signals.all()
    )


def whole(chart: Chart, readings: QuerySet[Measurement]) -> Whole:
    """What a full recomputation of the readings, corrected ones included, gives under the limits in force."""
    limits = ChartState.objects.get(chart=chart).limit_revision
    assert limits is not None
    out = {
        row.subgroup.members.earliest("pk").measurement_id: row.excluded
        for row in PointExclusion.objects.filter(chart=chart)
        .order_by("pk")
        .prefetch_related("subgroup__members")
    }
    state = state_at_start(limits, chart.stream.plan.rules)
    points, states = [], {}
    for sequence, (first, at, value) in enumerate(_said(chart, readings), limits.from_sequence):
        states[sequence] = state.to_dict()
        data = MISSING_POINT if value is None else SubgroupData((value,))
        following, plotted = advance(state, data)
        hits = plotted.hits
        if out.get(first):
            (following, _), hits = advance(state, MISSING_POINT), ()
        patterns = frozenset(
            (hit.rule.value, hit.panel.value, frozenset(sequence - offset for offset in hit.members))
            for hit in hits
        )
        points.append(Shown(sequence, at, plotted.statistic, plotted.z, plotted.dispersion, patterns))
        state = following
    states[limits.from_sequence + len(points)] = state.to_dict()
    return Whole(points, states)


def _said(chart: Chart, readings: QuerySet[Measurement]) -> list[tuple[int, datetime, float | None]]:
    """The first measurement of each chain of corrections, with what the last one says; None where it was withdrawn.

    A chain that was withdrawn before any of it was charted leaves no gap: it never was on the chart.
    """
    rows = {row.id: row for row in readings}
    following = dict(Supersession.objects.filter(old_id__in=rows).values_list("old_id", "new_id"))
    plotted = SubgroupMember.objects.filter(subgroup__chart=chart, measurement_id__in=rows)
    charted = set(plotted.values_list("measurement_id", flat=True))
    result = []
    for key in rows.keys() - following.values():
        chain = [key]
        while (after := following.get(chain[-1])) is not None:
            chain.append(after)
        row = rows[chain[-1]]
        if row.id not in following:
            result.append((key, row.measured_at, float(row.value)))
        elif charted.intersection(chain):
            result.append((key, row.measured_at, None))
    return sorted(result, key=lambda reading: (reading[1], reading[0]))
