"""Which control plan governs: the revision that the lot's work order pinned, or the site's newest for its air."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from lots.models import Lot, Site
from quality.models import ControlPlanLine, ControlPlanRevision, WorkOrderPlan
from spc.models import ChartPlan


def revision_of(lot: Lot) -> ControlPlanRevision | None:
    """The revision pinned by the lot's order; None without an order or plan (gates then refuse)."""
    if lot.work_order_id is None:
        return None
    pinned = WorkOrderPlan.objects.select_related("revision").filter(work_order=lot.work_order_id).first()
    return pinned.revision if pinned else None


def revisions_of(lots: Iterable[Lot]) -> dict[int, int]:
    """Lot → pinned revision key, for many lots at once."""
    lots = list(lots)
    pinned = dict(
        WorkOrderPlan.objects.filter(work_order__in={lot.work_order_id for lot in lots} - {None}).values_list(
            "work_order_id", "revision_id"
        )
    )
    return {lot.pk: pinned[lot.work_order_id] for lot in lots if lot.work_order_id in pinned}


def newest_revisions(site: Site) -> list[ControlPlanRevision]:
    """The newest published revision of each plan of the site."""
    return list(
        ControlPlanRevision.objects.filter(plan__site=site, published_at__isnull=False)
        .order_by("plan", "-number")
        .distinct("plan")
    )


def chart_plans(
    lots: Iterable[Lot], site: Site, characteristic_ids: Iterable[int], *, zones: bool
) -> list[ChartPlan]:
    """Chart plans that concern a submission: of the lots' pinned revisions, and of the site's air with `zones`."""
    revisions = set(revisions_of(lots).values())
    if zones:
        revisions |= {revision.pk for revision in newest_revisions(site)}
    return list(
        ChartPlan.objects.filter(
            control_plan_lines__revision__in=revisions, characteristic__in=set(characteristic_ids)
        )
        .select_related("characteristic")
        .distinct()
    )


def lines_for(revision: ControlPlanRevision, step_id: int, material_id: int) -> list[ControlPlanLine]:
    """What the plan collects at a step from lots of a material."""
    return list(
        revision.lines.filter(
            Q(material=material_id) | Q(material__isnull=True), step=step_id
        ).select_related("characteristic", "step", "specification", "chart_plan")
    )


def line_of_chart(plan: ChartPlan) -> ControlPlanLine | None:
    """The newest published line that generated the chart plan: its reaction is in force."""
    return (
        ControlPlanLine.objects.filter(chart_plan=plan, revision__published_at__isnull=False)
        .order_by("-revision__published_at", "-id")
        .first()
    )
