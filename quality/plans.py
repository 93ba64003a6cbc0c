"""Which control plan governs: the revision that the lot's work order pinned, or the site's newest for its air."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lots.masters import remembered
from lots.models import Characteristic, Lot, ProcessStep, Site, WorkOrder
from quality.models import ControlPlan, ControlPlanLine, ControlPlanRevision, Specification, WorkOrderPlan
from spc.models import ChartPlan


def revision_of(lot: Lot) -> ControlPlanRevision | None:
    """The revision pinned by the lot's order; None without an order or plan (gates then refuse)."""
    return None if lot.work_order_id is None else _pinned(lot.work_order_id)


def revisions_of(lots: Iterable[Lot]) -> dict[int, int]:
    """Lot → pinned revision key, for many lots at once."""
    pinned = {lot.pk: revision_of(lot) for lot in lots}
    return {key: revision.pk for key, revision in pinned.items() if revision is not None}


def newest_revisions(site: Site) -> list[ControlPlanRevision]:
    """The newest published revision of each plan of the site."""
    return list(_newest(site.pk))


def chart_plans(
    lots: Iterable[Lot], site: Site, characteristic_ids: Iterable[int], *, zones: bool
) -> list[ChartPlan]:
    """Chart plans that concern a submission: of the lots' pinned revisions, and of the site's air with `zones`."""
    revisions = set(revisions_of(lots).values())
    if zones:
        revisions |= {revision.pk for revision in newest_revisions(site)}
    wanted = set(characteristic_ids)
    plans = {plan.pk: plan for revision in sorted(revisions) for plan in _charts(revision)}
    return [plan for plan in plans.values() if plan.characteristic_ids & wanted]


def lines_for(revision: ControlPlanRevision, step_id: int, material_id: int) -> list[ControlPlanLine]:
    """What the plan collects at a step from lots of a material."""
    return [line for line in _lines(revision.pk, step_id) if line.material_id in {None, material_id}]


def gate_lines(revision: ControlPlanRevision, material_id: int) -> list[ControlPlanLine]:
    """The checks of the named gates for lots of a material."""
    return [line for line in _gate_lines(revision.pk) if line.material_id in {None, material_id}]


def limits_kept_since(lot: Lot, characteristic_id: int) -> datetime | None:
    """When the lot's order was opened, where its control plan keeps the limits of then; None elsewhere."""
    if lot.work_order_id is None:
        return None
    opened_at, kept = _kept(lot.work_order_id)
    return opened_at if kept & {(characteristic_id, lot.material_id), (characteristic_id, None)} else None


def line_of_chart(plan: ChartPlan) -> ControlPlanLine | None:
    """The newest published line that generated the chart plan: its reaction is in force."""
    return _line_of_chart(plan.pk)


@remembered(WorkOrderPlan, ControlPlanRevision)
def _pinned(work_order_id: int) -> ControlPlanRevision | None:
    pinned = WorkOrderPlan.objects.select_related("revision").filter(work_order=work_order_id).first()
    return pinned.revision if pinned else None


@remembered(WorkOrderPlan, WorkOrder, ControlPlanLine)
def _kept(work_order_id: int) -> tuple[datetime | None, frozenset[tuple[int, int | None]]]:
    """When the order was opened, and (characteristic, material) of the lines that keep the limits of then."""
    pinned = WorkOrderPlan.objects.select_related("work_order").filter(work_order=work_order_id).first()
    if pinned is None:
        return None, frozenset()
    lines = ControlPlanLine.objects.filter(
        revision=pinned.revision_id, limits_from=ControlPlanLine.LimitsFrom.ORDER
    )
    kept = lines.order_by().values_list("characteristic_id", "material_id")
    return pinned.work_order.opened_at, frozenset(kept)


@remembered(ControlPlan, ControlPlanRevision)
def _newest(site_id: int) -> tuple[ControlPlanRevision, ...]:
    return tuple(
        ControlPlanRevision.objects.filter(plan__site=site_id, published_at__isnull=False)
        .order_by("plan", "-number")
        .distinct("plan")
    )


@remembered(ControlPlanLine, ChartPlan, Characteristic)
def _charts(revision_id: int) -> tuple[ChartPlan, ...]:
    return tuple(
        ChartPlan.objects.filter(control_plan_lines__revision=revision_id)
        .select_related("characteristic")
        .distinct()
    )


@remembered(ControlPlanLine, Characteristic, ProcessStep, Specification, ChartPlan)
def _lines(revision_id: int, step_id: int) -> tuple[ControlPlanLine, ...]:
    return tuple(
        ControlPlanLine.objects.filter(revision=revision_id, step=step_id).select_related(
            "characteristic", "step", "specification", "chart_plan"
        )
    )


@remembered(ControlPlanLine, Characteristic, ProcessStep)
def _gate_lines(revision_id: int) -> tuple[ControlPlanLine, ...]:
    return tuple(
        ControlPlanLine.objects.filter(revision=revision_id).exclude(gate="").select_related("characteristic")
    )


@remembered(ControlPlanLine, ControlPlanRevision)
def _line_of_chart(chart_plan_id: int) -> ControlPlanLine | None:
    return (
        ControlPlanLine.objects.filter(chart_plan=chart_plan_id, revision__published_at__isnull=False)
        .order_by("-revision__published_at", "-id")
        .first()
    )
