"""Set the clock of a simulated site."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from lots.clock import site_time
from lots.models import Site


class ClockRefused(Exception):
    """The clock of this site cannot be set so; the message says why."""


@transaction.atomic
def set_site_clock(site: Site, *, to: datetime, now: datetime) -> Site:
    """Advance the clock of a simulated site to `to`. A real site's clock is never touched, none runs back."""
    locked = Site.objects.select_for_update(no_key=True).get(pk=site.pk)
    if not locked.simulated:
        raise ClockRefused(f"site {site.code} is a real site; its clock cannot be set")
    if to < site_time(locked, now):
        raise ClockRefused(f"the clock of {site.code} runs forward only")
    locked.clock_offset_s = (to - now).total_seconds()
    locked.save(update_fields=["clock_offset_s"])
    return locked
