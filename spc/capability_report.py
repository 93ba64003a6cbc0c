"""Capability of one stream, and of all streams of a site: which readings it used, and whether it may be believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Avg, Count, Max, Q, QuerySet, StdDev

from spc.definition import traits_of
from spc.engine import TooFewReadingsError
from spc.engine.capability_study import CapabilityStudy, capability_study
from spc.engine.live import Fit
from spc.models import BasisPoint, Chart, PointExclusion, Signal, SubgroupMember
from spc.queries import current_members, excluded_subgroups

POINTS = 500  # newest points whose readings are used


@dataclass(frozen=True)
class Readings:
    """What a study used: readings in time order, and in words of the domain where they come from.

    `points` lie behind them, `excluded` of the window were left out by decision or by the basis of the limits.
    """

    values: tuple[float, ...]
    since: datetime | None
    until: datetime | None
    points: int
    excluded: int
    signals: int


@dataclass(frozen=True)
class CapabilityReport:
    """`study` is None where `problem` says in words why there is none."""

    readings: Readings
    study: CapabilityStudy | None
    problem: str = ""


def capability_report(
    chart: Chart, *, lsl: float | None, usl: float | None, target: float | None
) -> CapabilityReport:
    """Study of the readings behind the newest POINTS points; sigma within is that of the limits in force."""
    readings = readings_of(chart)
    revision = chart.state.limit_revision
    if revision is None:
        return CapabilityReport(readings, None, "The chart has no limits yet, so there is no sigma within.")
    if revision.sigma is None:
        counts = traits_of(chart.stream.plan).counts
        words = "Counts have" if counts else "Without a sigma within of single readings this chart has"
        return CapabilityReport(readings, None, f"{words} no capability indices.")
    if lsl is None and usl is None:
        return CapabilityReport(
            readings, None, "There are no specification limits, so there is no capability."
        )
    fit = Fit.from_dict(revision.baseline)
    try:
        study = capability_study(
            readings.values,
            sigma_within=fit.sigma,
            within_df=fit.sigma_df,
            parts=fit.parts,
            lsl=lsl,
            usl=usl,
            target=target,
        )
    except TooFewReadingsError as error:
        return CapabilityReport(readings, None, f"Too few readings: {error}.")
    return CapabilityReport(readings, study)


def readings_of(chart: Chart) -> Readings:
    """The individual readings behind the newest POINTS points, without the excluded ones."""
    first = chart.state.next_sequence - POINTS
    left_out = _excluded(chart)
    rows = list(
        _members([chart])
        .exclude(subgroup__in=left_out)
        .order_by("measured_at", "pk")
        .values_list("subgroup_id", "measured_at", "value")
    )
    in_window = SubgroupMember.objects.filter(
        subgroup__in=left_out,
        subgroup__points__replaced_at__isnull=True,
        subgroup__points__sequence__gte=first,
    )
    signals = Signal.objects.filter(
        chart=chart, point__replaced_at__isnull=True, point__sequence__gte=first
    ).exclude(point__subgroup__in=left_out)
    return Readings(
        values=tuple(value for _, _, value in rows),
        since=rows[0][1] if rows else None,
        until=rows[-1][1] if rows else None,
        points=len({subgroup for subgroup, _, _ in rows}),
        excluded=in_window.values("subgroup").distinct().count(),
        signals=signals.values("point").distinct().count(),
    )


def _excluded(chart: Chart) -> set[int]:
    """Subgroups left out by decision, or of the basis of the limits in force."""
    basis = BasisPoint.objects.filter(limit_revision=chart.state.limit_revision_id, excluded=True)
    return {*excluded_subgroups(chart.pk), *basis.values_list("point__subgroup", flat=True)}


def _members(charts: Iterable[Chart]) -> QuerySet[SubgroupMember]:
    """Readings behind the newest POINTS points of the charts.

    One condition a chart, in constants: a join with the charts' states would read their whole history.
    """
    tails = [
        Q(
            subgroup__points__chart=chart.pk,
            subgroup__points__replaced_at__isnull=True,
            subgroup__points__sequence__gte=chart.state.next_sequence - POINTS,
        )
        for chart in charts
    ]
    rows = current_members()
    return rows.filter(reduce(or_, tails)) if tails else rows.none()


@dataclass(frozen=True)
class Moments:
    """Number, mean and sample deviation of a chart's newest readings, and when the last was measured."""

    n: int
    mean: float
    sigma_overall: float | None
    last_at: datetime


def moments(charts: Iterable[Chart]) -> dict[int, Moments]:
    """Chart → moments of the readings that its study uses; two queries for all of them."""
    listed = list(charts)
    decided = (
        PointExclusion.objects.filter(chart__in=listed)
        .order_by("subgroup", "-id")
        .distinct("subgroup")
        .values_list("subgroup", "excluded")
    )
    left_out = [subgroup for subgroup, excluded in decided if excluded]
    revisions = [chart.state.limit_revision_id for chart in listed if chart.state.limit_revision_id]
    basis = BasisPoint.objects.filter(limit_revision__in=revisions, excluded=True)
    rows = (
        _members(listed)
        .exclude(subgroup__in=[*left_out, *basis.values_list("point__subgroup", flat=True)])
        .order_by()
        .values_list("subgroup__chart")
        .annotate(n=Count("pk"), mean=Avg("value"), s=StdDev("value", sample=True), last=Max("measured_at"))
    )
    return {chart: Moments(n, mean, s, last) for chart, n, mean, s, last in rows}
