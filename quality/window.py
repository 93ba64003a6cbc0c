"""The window of suspicion behind a signal, and its lots: what the stream made since it was last known to be good."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from lots.actions.place_hold import HeldExtent
from lots.models import Lot, Measurement, StepExecution
from lots.queries import current_measurements, lots_open_in_zone, recipe_revision_of
from spc.models import Chart, Point, Signal, Stream, SubgroupMember
from spc.queries import current_points, excluded_subgroups


def not_accepted(chart_id: int) -> QuerySet[Point]:
    """Points that do not show the process to be good: they completed a signal, are excluded, or are gaps."""
    bad = Q(Exists(Signal.objects.filter(point=OuterRef("pk")))) | Q(statistic__isnull=True)
    return current_points(chart_id).filter(bad | Q(subgroup__in=list(excluded_subgroups(chart_id))))


def window_start(signal: Signal) -> int:
    """First point after the last accepted one before the pattern's first member, else the stream's first.

    A point is accepted when it counts and completed no signal of its own; the pattern itself is never accepted.
    """
    first_member = min(
        signal.members.values_list("point__sequence", flat=True), default=signal.point.sequence
    )
    last_accepted = (
        current_points(signal.chart_id)
        .filter(sequence__lt=first_member)
        .exclude(pk__in=not_accepted(signal.chart_id).filter(sequence__lt=first_member).values("pk"))
        .order_by("-sequence")
        .values_list("sequence", flat=True)
        .first()
    )
    return 0 if last_accepted is None else last_accepted + 1


def window_extents(chart: Chart, first: int, last: Point, *, since_good: bool) -> list[HeldExtent]:
    """Lots behind the points from `first` to `last`; for a zone's stream, lots that lay open to its air meanwhile.

    `since_good`: from the point before on, for until then the stream was known to be good, and with what it made that
    nobody measured.
    """
    members = SubgroupMember.objects.filter(
        subgroup__points__in=current_points(chart.pk).filter(sequence__gte=first, sequence__lte=last.sequence)
    )
    times = sorted(members.values_list("measured_at", flat=True))
    if not times:
        return []
    before = current_points(chart.pk).filter(sequence=first - 1).first() if since_good else None
    since = min(before.measured_at, times[0]) if before is not None else times[0]
    if chart.stream.zone_id is not None:
        lots = set(lots_open_in_zone(chart.stream.zone_id, since, times[-1]))
    else:
        lots = {lot_id for lot_id in members.values_list("lot_id", flat=True) if lot_id is not None}
        if since_good:
            lots |= _unmeasured(chart.stream, lots, since, times[-1])
    return [HeldExtent(lot_id) for lot_id in sorted(lots)]


def _unmeasured(stream: Stream, measured: set[int], since: datetime, until: datetime) -> set[int]:
    """Lots like the measured ones that the stream's step made between two instants, without such a reading.

    A lot that is still at the step is not made yet; its gate asks for what the plan demands.
    """
    plan = stream.plan
    readings = current_measurements(
        Measurement.objects.filter(lot_id=OuterRef("lot_id"), characteristic__in=[*plan.characteristic_ids])
    )
    made = StepExecution.objects.filter(
        ~Exists(readings),
        lot__site=plan.site_id,
        lot__material__in=Lot.objects.filter(pk__in=measured).values("material"),
        route_step__step=plan.characteristic.step_id,
        started_at__lte=until,
        finished_at__gt=since,
    )
    if stream.equipment_id is not None:
        made = made.filter(equipment=stream.equipment_id)
    if stream.product_revision_id is not None:
        made = made.filter(lot__product_revision=stream.product_revision_id)
    found = set(made.values_list("lot_id", flat=True))
    if stream.recipe_revision_id is None or not found:
        return found
    pinned = recipe_revision_of(Lot.objects.filter(pk__in=found))
    return {key for key in found if pinned.get(key) == stream.recipe_revision_id}
