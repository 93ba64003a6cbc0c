"""The site clock. Real sites live in real time; a simulated site's clock is offset. Callers pass `now`."""

from __future__ import annotations

from datetime import datetime, timedelta

from lots.models import Site


def site_time(site: Site, now: datetime) -> datetime:
    """The site's clock at the real instant `now` (UTC)."""
    return now + timedelta(seconds=site.clock_offset_s) if site.simulated else now
