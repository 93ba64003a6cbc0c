"""Stop a stream: no new lot starts its step on it until a quality engineer lifts the stop by signature."""

from __future__ import annotations

from datetime import datetime

from lots.models import Site
from quality.actions.tighten import stratum
from quality.models import ReactionFiring, StreamStop
from spc.models import Chart


def stop_on(chart: Chart) -> StreamStop | None:
    """The stop in force on the chart, read under the chart's lock."""
    return StreamStop.objects.filter(chart=chart, lifted_at__isnull=True).first()


def stop_stream(
    chart: Chart, firing: ReactionFiring, site: Site, *, reason: str, site_now: datetime
) -> StreamStop:
    """Put it in force; there is none yet. Runs in the evaluation, which holds the chart's lock."""
    return StreamStop.objects.create(
        firing=firing, reason=reason, stopped_at=site_now, **stratum(chart, site)
    )
