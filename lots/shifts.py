"""Which shift an instant belongs to, from the site's calendar in its own time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from lots.masters import remembered
from lots.models import Shift, Site

PRODUCTION_DAY = "production day"


@dataclass(frozen=True)
class ShiftSpan:
    """One shift on one day, [starts_at, ends_at)."""

    name: str
    starts_at: datetime
    ends_at: datetime


def shift_span(site: Site, at: datetime) -> ShiftSpan:
    """The shift that covers `at`; where the calendar has none, the production day that does."""
    local = at.astimezone(ZoneInfo(site.time_zone))
    begins = site.production_day_starts
    calendar = [*_calendar(site.pk), (PRODUCTION_DAY, begins, begins)]
    for name, starts, ends in calendar:
        for day in (local.date(), local.date() - timedelta(days=1)):
            first = datetime.combine(day, starts, local.tzinfo)
            last = datetime.combine(day + timedelta(days=ends <= starts), ends, local.tzinfo)
            if first <= local < last:
                return ShiftSpan(name, first, last)
    raise AssertionError("a production day covers every instant")


@remembered(Shift)
def _calendar(site_id: int) -> tuple[tuple[str, time, time], ...]:
    rows = Shift.objects.filter(site=site_id).order_by("starts")
    return tuple(rows.values_list("name", "starts", "ends"))
