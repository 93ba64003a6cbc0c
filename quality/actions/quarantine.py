"""Poison: what cannot be evaluated in three attempts is taken out of its chart's way, and the lots concerned are held.

An outbox entry is quarantined; a subgroup that is due (its time is up, its step is finished) is closed without a point.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from lots.actions.acting import act_as
from lots.actions.place_hold import HeldExtent, place_hold
from lots.clock import site_time
from lots.models import Hold, Measurement, Supersession
from lots.queries import lots_open_in_zone
from spc.actions.subgroups import Formed, due, groups_of, open_subgroups, subgroup_key
from spc.models import Chart, ChartState, OutboxEntry, Subgroup

MOST_ATTEMPTS = 3


@transaction.atomic
def note_failure(entry_id: int, *, error: str, now: datetime) -> OutboxEntry | None:
    """Count a failed evaluation of the entry; the third quarantines it and holds its lots.

    Returns None, and counts nothing, where somebody else has evaluated it meanwhile or is about to.
    """
    act_as(None, process="evaluation")
    entry = (
        OutboxEntry.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(pk=entry_id, processed_at__isnull=True, quarantined_at__isnull=True)
        .select_related("chart__stream__plan__characteristic", "chart__stream__plan__site")
        .first()
    )
    if entry is None:
        return None
    entry.attempts += 1
    entry.error = error[:500]
    if entry.attempts >= MOST_ATTEMPTS:
        entry.quarantined_at = now
        readings = _readings(entry)
        joined = _would_join(entry.chart, readings)
        lots = {row.lot_id for row in readings} | _lots_of(joined)
        times = [row.measured_at for row in readings]
        _hold(entry.chart, lots, times, now, what="a value", source_id=entry.pk)
    entry.save(update_fields=["attempts", "error", "quarantined_at"])
    return entry


@transaction.atomic
def note_due_failure(chart_id: int, *, now: datetime) -> bool:
    """Count a failed attempt to close the oldest of the chart's subgroups that are due; the third closes it without a
    point, and holds its lots. Those behind it had no part in the attempt.

    Returns whether that was all that could be done: False where none is due, so that something else must be wrong.
    """
    act_as(None, process="evaluation")
    chart = (
        Chart.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .select_related("stream__plan__characteristic", "stream__plan__site")
        .filter(pk=chart_id)
        .first()
    )
    if chart is None:
        return True  # somebody else is evaluating it
    plan = chart.stream.plan
    site_now = site_time(plan.site, now)
    still_open = open_subgroups(chart)
    key = next(iter(due(plan, still_open, site_now)), None)
    if key is None:
        return False
    failed = still_open[key]
    failed.subgroup.attempts += 1
    failed.subgroup.save(update_fields=["attempts"])
    if failed.subgroup.attempts >= MOST_ATTEMPTS:
        failed.close(Subgroup.ClosedBy.FAILED, site_now)
        failed.subgroup.save(update_fields=["closed_at", "closed_by"])
        times = [member.measured_at for member in failed.members]
        _hold(chart, _lots_of([failed]), times, now, what="a subgroup")
    return True


def _readings(entry: OutboxEntry) -> list[Measurement]:
    """What the entry brings to its chart. A withdrawal brings none: what it took away is what the chart still shows."""
    withdrawn = Supersession.objects.filter(submission=entry.submission_id).values("old_id")
    stream = entry.chart.stream
    rows = Measurement.objects.filter(
        Q(submission=entry.submission_id) | Q(id__in=withdrawn),
        characteristic__in=stream.plan.characteristic_ids,
    )
    return list(rows.filter(zone=stream.zone_id) if stream.zone_id is not None else rows)


def _would_join(chart: Chart, readings: list[Measurement]) -> list[Formed]:
    """Open subgroups that wait for the readings: which of them all is the poison, nobody knows."""
    plan, still_open = chart.stream.plan, open_subgroups(chart)
    groups = groups_of(plan, readings)
    keys = {subgroup_key(plan, row, groups) for row in readings}
    return [formed for key, formed in still_open.items() if key in keys]


def _lots_of(formed: Iterable[Formed]) -> set[int | None]:
    return {member.lot_id for one in formed for member in one.members}


def _hold(
    chart: Chart,
    lots: set[int | None],
    times: Sequence[datetime],
    now: datetime,
    *,
    what: str,
    source_id: int | None = None,
) -> None:
    """Hold the lots; for a zone's stream those that lay open to its air since the chart's last point."""
    stream, plan = chart.stream, chart.stream.plan
    if stream.zone_id is not None and times:
        last_point = ChartState.objects.values_list("watermark_at", flat=True).get(chart=chart)
        since = min(times) if last_point is None else min(*times, last_point)
        lots = {*lots, *lots_open_in_zone(stream.zone_id, since, max(times))}
    extents = [HeldExtent(lot_id) for lot_id in sorted(lot for lot in lots if lot is not None)]
    if extents:
        place_hold(
            site=plan.site,
            source=Hold.Source.POISON,
            source_id=source_id,
            reason=f"{plan.characteristic.name}: the chart could not evaluate {what} after {MOST_ATTEMPTS} attempts",
            extents=extents,
            placed_at=site_time(plan.site, now),
        )
