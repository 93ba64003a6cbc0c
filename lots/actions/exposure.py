"""Open-time logs: when a lot lay open to which zone's air."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from lots.actions.lock import lock_lots
from lots.clock import local_words
from lots.models import Lot, OpenInterval, User, Zone


class ExposureRefused(Exception):
    """The container cannot be opened or closed so; the message says why."""


@transaction.atomic
def open_container(lot: Lot, zone: Zone, *, user: User, at: datetime) -> OpenInterval:
    """Log that the lot's container was opened in the zone at `at` (site clock)."""
    lock_lots([lot.pk])
    if OpenInterval.objects.filter(lot=lot, closed_at__isnull=True).exists():
        raise ExposureRefused(f"lot {lot.code} is open already; close it first")
    return OpenInterval.objects.create(lot=lot, zone=zone, opened_at=at, opened_by=user)


@transaction.atomic
def close_container(lot: Lot, *, user: User, at: datetime) -> OpenInterval:
    """Log that the lot's container was closed at `at` (site clock)."""
    lock_lots([lot.pk])
    interval = OpenInterval.objects.filter(lot=lot, closed_at__isnull=True).first()
    if interval is None:
        raise ExposureRefused(f"lot {lot.code} is not open")
    if at < interval.opened_at:
        raise ExposureRefused(
            f"lot {lot.code} was opened at {local_words(lot.site, interval.opened_at)}, later than that"
        )
    interval.closed_at, interval.closed_by = at, user
    interval.save(update_fields=["closed_at", "closed_by"])
    return interval
