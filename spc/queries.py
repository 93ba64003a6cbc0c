"""Reads of charts, and the border where rows become the engine's data."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from lots.models import Measurement
from spc.engine import Family, SubgroupData
from spc.models import Chart, OutboxEntry, Signal, Subgroup, SubgroupMember

ATTRIBUTES = {Family.P, Family.NP, Family.C, Family.U}


def subgroup_values(family: Family, subgroup: Subgroup) -> SubgroupData:
    """The readings of a subgroup in their order; attribute readings are added up with their sizes."""
    members = sorted(subgroup.members.all(), key=lambda member: (member.measured_at, member.pk))
    values = tuple(member.value for member in members)
    if family not in ATTRIBUTES:
        return SubgroupData(values=values, size=None)
    sizes = [member.sample_size for member in members if member.sample_size is not None]
    return SubgroupData(values=(sum(values),), size=sum(sizes) if sizes else len(values))


def charts_with_work() -> list[int]:
    """Keys of charts with pending outbox entries, longest waiting first."""
    pending = OutboxEntry.objects.filter(processed_at__isnull=True, quarantined_at__isnull=True)
    return list(dict.fromkeys(pending.order_by("id").values_list("chart_id", flat=True)))


def charts_with_open_subgroups() -> QuerySet[Chart]:
    """Charts that wait for more readings: the sweeper closes what has timed out."""
    return Chart.objects.filter(
        Exists(Subgroup.objects.filter(chart=OuterRef("pk"), closed_at__isnull=True))
    ).select_related("stream__plan__site")


def unfinished_for_lots(lot_ids: Iterable[int]) -> QuerySet[OutboxEntry]:
    """Pending outbox entries of submissions with values of the lots; quarantined ones have their hold instead."""
    submissions = Measurement.objects.filter(lot_id__in=list(lot_ids)).values("submission_id")
    return OutboxEntry.objects.filter(
        processed_at__isnull=True, quarantined_at__isnull=True, submission__in=submissions
    ).select_related("chart__stream__plan__characteristic")


def unjudged_signals_for_lots(lot_ids: Iterable[int]) -> QuerySet[Signal]:
    """Signals of streams that the lots touched, on which the reaction plan has not acted yet."""
    touched = SubgroupMember.objects.filter(lot_id__in=list(lot_ids), subgroup__chart=OuterRef("chart"))
    return Signal.objects.filter(Exists(touched), judged_at__isnull=True)
