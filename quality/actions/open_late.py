"""A container whose opening is told late lay in air that was judged before: the lot bears what that air brought."""

from __future__ import annotations

from datetime import datetime

from lots.actions.place_hold import HeldExtent, place_hold
from lots.models import Hold, Measurement, OpenInterval, Site
from lots.queries import current_measurements
from quality.actions.contain_late import contain_late
from quality.actions.spike import touch_by_spikes
from quality.models import Judgement, SpecificationLine
from quality.specifications import violation_text
from spc.models import Chart
from spc.queries import current_points


def settle_charts(zone_id: int) -> None:
    """Before a lot is opened in the zone: no evaluation of its charts is under way that would not see the lot."""
    charts = Chart.objects.select_for_update(no_key=True, of=("self",)).filter(stream__zone=zone_id)
    list(charts.order_by("pk").values_list("pk", flat=True))


def judge_opening(interval: OpenInterval, *, site_now: datetime) -> None:
    """Hold the lot for what the zone's air is known to have been since it was opened, or while it was, if it is closed.

    That are readings out of specification, humidity spikes, and signals that hold whose window reaches there. Runs in
    the transaction that stores the opening; finds nothing where the container has just been opened.
    """
    site, since = interval.lot.site, interval.opened_at
    _hold_for_violations(interval, site, site_now)
    touch_by_spikes(interval.zone_id, since, site, site_now=site_now)
    for chart in Chart.objects.filter(stream__zone=interval.zone_id).select_related(
        "stream__plan__characteristic", "stream__plan__site"
    ):
        points = current_points(chart.pk).filter(measured_at__gte=since)
        contain_late(chart, set(points.values_list("subgroup_id", flat=True)), site, site_now=site_now)


def _hold_for_violations(interval: OpenInterval, site: Site, site_now: datetime) -> None:
    """One hold per characteristic, for its first reading out of limits while the lot lay open."""
    readings = Measurement.objects.filter(
        zone=interval.zone_id, measured_at__gte=interval.opened_at, quality=Measurement.Quality.GOOD
    )
    if interval.closed_at is not None:
        readings = readings.filter(measured_at__lte=interval.closed_at)
    rows = current_measurements(readings)
    judged = Judgement.objects.filter(
        measurement_id__in=rows.values("id"),
        lot_id__isnull=True,
        verdict=Judgement.Verdict.VIOLATES,
        line__severity=SpecificationLine.Severity.MUST,
    ).select_related("line__requirement")
    by_reading = {judgement.measurement_id: judgement for judgement in judged}
    if not by_reading:
        return
    bad = rows.filter(id__in=by_reading).select_related("characteristic").order_by("measured_at", "id")
    first: dict[int, Measurement] = {}
    for row in bad:
        first.setdefault(row.characteristic_id, row)
    for row in first.values():
        place_hold(
            site=site,
            source=Hold.Source.DEFECT,
            source_id=row.id,
            reason=f"{violation_text(row, by_reading[row.id].line)}; it lay open then, which was told afterwards",
            extents=[HeldExtent(interval.lot_id)],
            placed_at=site_now,
        )
