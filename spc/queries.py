"""Reads of charts, and the border where rows become the engine's data."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce

from lots.models import Measurement, StepExecution, Supersession
from spc.engine import MISSING_POINT, SubgroupData
from spc.engine.live import traits
from spc.models import (
    Chart,
    ChartPlan,
    LimitRevision,
    OutboxEntry,
    Point,
    PointExclusion,
    Signal,
    Subgroup,
    SubgroupMember,
)


@dataclass(frozen=True)
class WaitingChart:
    """A chart with an open subgroup, and when the oldest one times out (site clock)."""

    chart_id: int
    site_id: int
    due_at: datetime


LARGEST_BASIS = 500
LARGEST_BASIS_RARE = 20_000  # readings, of which few are events


def subgroup_values(family: str, readings: Iterable[SubgroupMember]) -> SubgroupData:
    """The readings of a subgroup in their order; attribute readings are added up with their sizes.

    A subgroup whose readings were all withdrawn is a missing point.
    """
    members = sorted(readings, key=lambda member: (member.measured_at, member.pk))
    if not members:
        return MISSING_POINT
    values, at = tuple(member.value for member in members), members[-1].measured_at.timestamp()
    if not traits(family).counts:
        labels = tuple(member.label for member in members)
        return SubgroupData(values=values, size=None, labels=labels, at=at)
    sizes = [member.sample_size for member in members if member.sample_size is not None]
    return SubgroupData(values=(sum(values),), size=sum(sizes) if sizes else len(values), at=at)


def current_points(chart_id: int) -> QuerySet[Point]:
    """The chart's points as they stand; a replay has replaced the others."""
    return Point.objects.filter(chart=chart_id, replaced_at__isnull=True)


def current_members(rows: QuerySet[SubgroupMember] | None = None) -> QuerySet[SubgroupMember]:
    """Readings of subgroups that no correction has superseded."""
    start = SubgroupMember.objects.all() if rows is None else rows
    return start.filter(~Exists(Supersession.objects.filter(old_id=OuterRef("measurement_id"))))


def with_current_members(points: QuerySet[Point]) -> QuerySet[Point]:
    """The points with `subgroup.members` as they stand."""
    return points.select_related("subgroup").prefetch_related(
        Prefetch("subgroup__members", queryset=current_members())
    )


def excluded_subgroups(chart_id: int, *, among: Collection[int] | None = None) -> dict[int, PointExclusion]:
    """Subgroup (`among` these, None: any) → the decision that excludes its point, where the latest one does."""
    rows = PointExclusion.objects.filter(chart=chart_id)
    rows = rows if among is None else rows.filter(subgroup__in=among)
    latest = rows.order_by("subgroup", "-id").distinct("subgroup")
    return {row.subgroup_id: row for row in latest.select_related("decided_by") if row.excluded}


def charts_with_work() -> list[int]:
    """Keys of charts with pending outbox entries, longest waiting first."""
    pending = OutboxEntry.objects.filter(processed_at__isnull=True, quarantined_at__isnull=True)
    return list(dict.fromkeys(pending.order_by("id").values_list("chart_id", flat=True)))


def oldest_pending(chart_id: int) -> int | None:
    """The chart's outbox entry that is evaluated next."""
    pending = OutboxEntry.objects.filter(
        chart=chart_id, processed_at__isnull=True, quarantined_at__isnull=True
    )
    return pending.order_by("id").values_list("id", flat=True).first()


def waiting_charts() -> list[WaitingChart]:
    """Charts with open subgroups, in one query: the sweeper closes what has timed out."""
    rows = (
        Subgroup.objects.filter(closed_at__isnull=True)
        .values("chart_id", "chart__stream__plan__subgroup_timeout_s", "chart__stream__plan__site_id")
        .annotate(oldest=Min("opened_at"))
        .order_by("chart_id")
    )
    return [
        WaitingChart(
            chart_id=row["chart_id"],
            site_id=row["chart__stream__plan__site_id"],
            due_at=row["oldest"] + timedelta(seconds=row["chart__stream__plan__subgroup_timeout_s"]),
        )
        for row in rows
    ]


def unfinished_for_lots(lot_ids: Iterable[int]) -> QuerySet[OutboxEntry]:
    """Pending outbox entries of submissions with values of the lots; quarantined ones have their hold instead."""
    submissions = Measurement.objects.filter(lot_id__in=list(lot_ids)).values("submission_id")
    return OutboxEntry.objects.filter(
        processed_at__isnull=True, quarantined_at__isnull=True, submission__in=submissions
    )


def closing_for_lots(lot_ids: Iterable[int]) -> list[tuple[int, int, str]]:
    """Lot, chart and characteristic's name of subgroups that are open although their step is finished: the finish
    brought no reading, and their point is not plotted yet."""
    within_steps = (ChartPlan.SubgroupBy.PROFILE, ChartPlan.SubgroupBy.EXECUTION)
    plan = "subgroup__chart__stream__plan"
    rows = SubgroupMember.objects.filter(
        lot_id__in=list(lot_ids),
        subgroup__closed_at__isnull=True,
        subgroup__chart__stream__plan__subgroup_by__in=within_steps,
    ).values_list("lot_id", "subgroup__chart_id", f"{plan}__characteristic__name", "subgroup__key")
    found = [(lot, chart, name, int(key.split(":")[0])) for lot, chart, name, key in rows if lot is not None]
    if not found:
        return []
    executions = {row[3] for row in found}
    finished = StepExecution.objects.filter(pk__in=executions, finished_at__isnull=False)
    ended = set(finished.values_list("pk", flat=True))
    return [(lot, chart, name) for lot, chart, name, execution in found if execution in ended]


def unjudged_signals_for_lots(lot_ids: Iterable[int]) -> QuerySet[Signal]:
    """Signals of streams that the lots touched, on which the reaction plan has not acted yet."""
    touched = SubgroupMember.objects.filter(lot_id__in=list(lot_ids), subgroup__chart=OuterRef("chart"))
    return Signal.objects.filter(Exists(touched), judged_at__isnull=True, point__replaced_at__isnull=True)


def charts_of_site(site_id: int) -> QuerySet[Chart]:
    """Charts of the site with what names them; `open_signals` counts those that nobody has looked at."""
    unseen = (
        Signal.objects.filter(
            chart=OuterRef("pk"), acknowledged_at__isnull=True, point__replaced_at__isnull=True
        )
        .order_by()
        .values("chart")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return (
        Chart.objects.filter(stream__plan__site=site_id)
        .select_related(
            "state__limit_revision",
            "stream__plan__site",
            "stream__plan__characteristic__step",
            "stream__plan__material",
            "stream__equipment",
            "stream__zone",
            "stream__gauge",
            "stream__product_revision__product",
            "stream__recipe_revision__recipe",
        )
        .annotate(open_signals=Coalesce(Subquery(unseen), 0))
        .order_by("stream__plan__characteristic__step__sequence", "stream__plan__characteristic__code", "pk")
    )


def is_frozen(chart: Chart) -> bool:
    """Whether signed limits judge the chart's points."""
    revision = chart.state.limit_revision
    return revision is not None and revision.kind == LimitRevision.Kind.FROZEN


def is_ready_to_freeze(chart: Chart) -> bool:
    """Whether a stream that still learns has the points that its plan demands of phase 1."""
    return not is_frozen(chart) and chart.state.next_sequence >= chart.stream.plan.phase1_subgroups


def strata_words(chart: Chart) -> list[str]:
    """What separates the chart from others of its characteristic, for people, in a fixed order."""
    stream, plan = chart.stream, chart.stream.plan
    position = stream.position
    return [
        words
        for words in (
            plan.material.code if plan.material else "",
            stream.equipment.code if stream.equipment else "",
            stream.zone.code if stream.zone else "",
            f"gauge {stream.gauge.code}" if stream.gauge else "",
            "" if position is None else f"{plan.characteristic.position_kind} {position.normalize():f}",
            str(stream.product_revision) if stream.product_revision else "",
            str(stream.recipe_revision) if stream.recipe_revision else "",
        )
        if words
    ]


def open_signals(site_id: int) -> QuerySet[Signal]:
    """Signals of the site that nobody has looked at, newest first."""
    return (
        Signal.objects.filter(chart__stream__plan__site=site_id, acknowledged_at__isnull=True)
        .filter(point__replaced_at__isnull=True)
        .select_related(
            "point",
            "chart__state",
            "chart__stream__plan__characteristic__step",
            "chart__stream__plan__material",
            "chart__stream__equipment",
            "chart__stream__zone",
            "chart__stream__gauge",
            "chart__stream__product_revision__product",
            "chart__stream__recipe_revision__recipe",
        )
        .order_by("-id")
    )


def phase1_data(chart: Chart, *, until: int | None = None) -> tuple[list[Point], list[SubgroupData]]:
    """The newest points that limits may be estimated from, in order, and the engine's data behind each.

    Points excluded by decision are left out, and those behind the sequence `until`. At most LARGEST_BASIS: older points
    say little about the process of today, and cost must not grow with history.
    """
    family = chart.stream.plan.family
    plotted = current_points(chart.pk)
    newest = (
        with_current_members(plotted if until is None else plotted.filter(sequence__lte=until))
        .exclude(subgroup__in=excluded_subgroups(chart.pk).keys())
        .order_by("-sequence")[: LARGEST_BASIS_RARE if traits(family).rare else LARGEST_BASIS]
    )
    points = list(newest)[::-1]
    return points, [subgroup_values(family, point.subgroup.members.all()) for point in points]
