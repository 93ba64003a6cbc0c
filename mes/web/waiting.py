"""What waits for whom: lots for operators, holds and signals for quality, charts for process engineers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from lots.models import Hold, HoldLot, Lot, Membership, ProcessStep, RouteStep, Site, StepExecution
from quality.models import Disposition, DispositionItem
from spc.models import Chart, LimitRevision, Point, Signal

Role = Membership.Role


def lots_in_line(site: Site) -> QuerySet[Lot]:
    """Active lots that are not held, run nothing, stand closed, and have a step of their route still to do."""
    done = StepExecution.objects.filter(lot=OuterRef(OuterRef("pk")), route_step=OuterRef("pk"))
    later = StepExecution.objects.filter(
        lot=OuterRef(OuterRef("pk")), route_step__sequence__gt=OuterRef("sequence")
    )
    to_do = RouteStep.objects.filter(
        ~Exists(done.filter(finished_at__isnull=False)),
        Q(required=True) | ~Exists(later),  # an optional one that was passed over is not to do
        route__product_revision=OuterRef("product_revision"),
        step__material_kind=OuterRef("material__kind"),
    )
    executions = StepExecution.objects.filter(lot=OuterRef("pk"))
    rework = DispositionItem.objects.filter(
        ~Exists(executions_after_rework()),
        lot=OuterRef("pk"),
        disposition__decision=Disposition.Decision.REWORK,
    )
    return Lot.objects.filter(
        Exists(to_do) | Exists(rework),
        ~Exists(executions.filter(finished_at__isnull=True)),
        ~Exists(HoldLot.objects.filter(lot=OuterRef("pk"), disposition_id__isnull=True)),
        site=site,
        state=Lot.State.ACTIVE,
        work_order__isnull=False,
    )


def executions_after_rework() -> QuerySet[StepExecution]:
    """Runs of the lot's last step since the decision of the outer disposition item: rework that is done."""
    return StepExecution.objects.filter(
        lot=OuterRef("lot"),
        route_step__sequence__gte=OuterRef("disposition__rework_from__sequence"),
        started_at__gte=OuterRef("disposition__decided_at"),
    )


def by_next_step(lots: Collection[Lot]) -> dict[int, list[Lot]]:
    """Process step → the lots whose first unfinished step it is. Needs `material` loaded. Three queries."""
    revisions = {lot.product_revision_id for lot in lots}
    route: dict[tuple[int | None, str], list[RouteStep]] = defaultdict(list)
    steps = RouteStep.objects.filter(route__product_revision__in=revisions).select_related("route", "step")
    for step in steps.order_by("sequence"):
        route[step.route.product_revision_id, step.step.material_kind].append(step)
    finished = set(
        StepExecution.objects.filter(lot__in=lots, finished_at__isnull=False).values_list(
            "lot_id", "route_step_id"
        )
    )
    waiting: dict[int, list[Lot]] = defaultdict(list)
    for lot in lots:
        for step in route[lot.product_revision_id, lot.material.kind]:
            passed_over = not step.required and any(
                (lot.pk, later.pk) in finished
                for later in route[lot.product_revision_id, lot.material.kind]
                if later.sequence > step.sequence
            )
            if (lot.pk, step.pk) not in finished and not passed_over:
                waiting[step.step_id].append(lot)
                break
    return waiting


def open_holds(site: Site) -> QuerySet[Hold]:
    """Holds with a lot that nobody has disposed of, newest first."""
    members = HoldLot.objects.filter(hold=OuterRef("pk"), disposition_id__isnull=True)
    return Hold.objects.filter(Exists(members), site=site).order_by("-id")


def open_signals(site: Site, *, since: datetime | None = None) -> QuerySet[Signal]:
    """Signals that nobody has acknowledged, of the charts as they stand, newest first."""
    signals = Signal.objects.filter(
        acknowledged_at__isnull=True,
        chart__stream__plan__site=site,
        point__replaced_at__isnull=True,
    )
    if since is not None:
        signals = signals.filter(point__measured_at__gte=since)
    return signals.order_by("-id")


def charts_ready_to_freeze(site: Site) -> QuerySet[Chart]:
    """Charts that still learn although they have the points that their plan asks for."""
    frozen = LimitRevision.objects.filter(chart=OuterRef("pk"), kind=LimitRevision.Kind.FROZEN)
    enough = Point.objects.filter(
        chart=OuterRef("pk"),
        replaced_at__isnull=True,
        sequence__gte=OuterRef("stream__plan__phase1_subgroups") - 1,
    )
    return Chart.objects.filter(~Exists(frozen), Exists(enough), stream__plan__site=site).order_by("id")


def waiting_count(site: Site, roles: Collection[Role]) -> int:
    """How much waits for somebody with these roles."""
    count = 0
    if Role.OPERATOR in roles:
        count += lots_in_line(site).count()
    if Role.QUALITY_ENGINEER in roles:
        count += open_holds(site).count() + open_signals(site).filter(provisional=False).count()
    if Role.PROCESS_ENGINEER in roles:
        count += charts_ready_to_freeze(site).count()
    return count


def process_steps() -> list[ProcessStep]:
    """Steps that some route runs, in sequence."""
    used = RouteStep.objects.filter(step=OuterRef("pk"))
    return list(ProcessStep.objects.filter(Exists(used)).order_by("sequence"))


def running(site: Site) -> QuerySet[StepExecution]:
    """Steps that run now, the longest running first."""
    return (
        StepExecution.objects.filter(Q(lot__site=site), finished_at__isnull=True)
        .select_related("lot__material", "equipment", "operator", "route_step__step")
        .order_by("route_step__step__sequence", "started_at")
    )
