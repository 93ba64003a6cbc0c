"""Poison input: an outbox entry that cannot be evaluated is quarantined after three attempts, and its lots held."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from lots.actions.acting import act_as
from lots.actions.place_hold import HeldExtent, place_hold
from lots.clock import site_time
from lots.models import Hold, Measurement, Supersession
from spc.models import OutboxEntry

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
        .select_related("submission__site", "chart__stream__plan__characteristic")
        .first()
    )
    if entry is None:
        return None
    entry.attempts += 1
    entry.error = error[:500]
    if entry.attempts >= MOST_ATTEMPTS:
        entry.quarantined_at = now
        _hold(entry, now)
    entry.save(update_fields=["attempts", "error", "quarantined_at"])
    return entry


def _hold(entry: OutboxEntry, now: datetime) -> None:
    plan = entry.chart.stream.plan
    # A withdrawal has no reading of its own: what it took away is what the chart still shows.
    withdrawn = Supersession.objects.filter(submission=entry.submission_id).values("old_id")
    lots = (
        Measurement.objects.filter(
            Q(submission=entry.submission_id) | Q(id__in=withdrawn),
            characteristic=plan.characteristic_id,
            lot_id__isnull=False,
        )
        .values_list("lot_id", flat=True)
        .distinct()
    )
    extents = [HeldExtent(lot_id) for lot_id in lots if lot_id is not None]
    if extents:
        place_hold(
            site=entry.submission.site,
            source=Hold.Source.POISON,
            source_id=entry.pk,
            reason=f"{plan.characteristic.name}: the chart could not evaluate a value after {MOST_ATTEMPTS} attempts",
            extents=extents,
            placed_at=site_time(entry.submission.site, now),
        )
