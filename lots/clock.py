"""The site clock. Real sites live in real time; a simulated site's clock is offset. Callers pass `now`."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from lots.models import Site

FUTURE_TOLERANCE = timedelta(minutes=5)


class ImplausibleInstant(Exception):
    """An instant that lies in the site's future; the message says by how much it may."""


def site_time(site: Site, now: datetime) -> datetime:
    """The site's clock at the real instant `now` (UTC)."""
    return now + timedelta(seconds=site.clock_offset_s) if site.simulated else now


def local_words(site: Site, at: datetime) -> str:
    """An instant as people of the site read it, with its zone: "7 Oct 2026 20:20 CEST"."""
    local = at.astimezone(ZoneInfo(site.time_zone))
    return f"{local.day} {local:%b %Y %H:%M %Z}"


def instant_at(site: Site, at: datetime | None, now: datetime) -> datetime:
    """`at` on the site's clock, by default the present. Raises ImplausibleInstant for the future."""
    present = site_time(site, now)
    if at is None:
        return present
    if at > present + FUTURE_TOLERANCE:
        raise ImplausibleInstant(
            f"{local_words(site, at)} lies in the future of site {site.code}; it is {local_words(site, present)}"
        )
    return at
