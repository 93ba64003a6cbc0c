"""Note humidity spikes as they are recorded, the lots that lay open in them, and the limits that they tighten."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from lots.actions.place_hold import HeldExtent, place_hold, reach_locked
from lots.models import Hold, Lot, Measurement, Site, Zone
from lots.queries import current_measurements, lots_open_in_zone
from lots.science.humidity_events import spikes
from quality.models import (
    HumiditySpike,
    Judgement,
    SourceType,
    SpecificationLine,
    SpikeLot,
    TightenedLimits,
)
from quality.queries import lines_in_force
from quality.specifications import compare, violation_text
from quality.spikes import FROST_POINT, LEAST_READINGS, RULE, STEP, drawn_in, wet_run


def note_spikes(
    violations: Iterable[tuple[Measurement, SpecificationLine]], site: Site, *, site_now: datetime
) -> list[HumiditySpike]:
    """The spikes that frost points above their USL belong to; a spike that goes on keeps its row and gains lots.

    Runs in the transaction that records the readings. Formation values of the lots that were judged by the wider
    limits before are judged against the tightened ones, and held where they lie outside.
    """
    found: dict[int, HumiditySpike] = {}
    for row, line in violations:
        if row.zone is None or row.characteristic.code != FROST_POINT or line.usl is None:
            continue
        if row.value <= line.usl:
            continue
        run = wet_run(row.zone, row.gauge_id, line.usl, row.measured_at, row.measured_at)
        first = run[0][0] if run else row.measured_at
        seen = spikes(
            [(at - first).total_seconds() for at, _ in run],
            [float(value) for _, value in run],
            limit_c=float(line.usl),
            least_readings=LEAST_READINGS,
        )
        if seen:
            last = run[-1][0]
            spike = _spike(row.zone, row.gauge_id, line, line.usl, first, last, site_now)
            _touch(spike, site, first, last, site_now)
            found[spike.pk] = spike
    return list(found.values())


def touch_by_spikes(zone_id: int, since: datetime, site: Site, *, site_now: datetime) -> None:
    """Let the zone's spikes that lasted until `since` or began later name what lay open in them, told afterwards."""
    spikes_of_zone = HumiditySpike.objects.filter(zone=zone_id).select_related("zone")
    later = spikes_of_zone.filter(started_at__gte=since)
    # The runs of one sensor above one limit do not overlap: of the earlier ones only the last may have gone on.
    earlier = spikes_of_zone.filter(started_at__lt=since).order_by("gauge", "limit_c", "-started_at")
    for spike in [*earlier.distinct("gauge", "limit_c"), *later.order_by("started_at", "pk")]:
        run = wet_run(spike.zone, spike.gauge_id, spike.limit_c, spike.started_at, spike.started_at)
        if run and run[-1][0] >= since:
            _touch(spike, site, run[0][0], run[-1][0], site_now)


def limits_after(
    spike: HumiditySpike, line: SpecificationLine, *, site_now: datetime
) -> TightenedLimits | None:
    """The line's limits after the spike, stored the first time that they are asked for; None: nothing moves."""
    drawn = drawn_in(line)
    if drawn is None:
        return None
    limits, _ = TightenedLimits.objects.get_or_create(
        spike=spike,
        line=line,
        defaults={
            "lsl": drawn.lsl,
            "usl": drawn.usl,
            "rule": RULE,
            "source_type": SourceType.ASSUMPTION,
            "made_at": site_now,
        },
    )
    return limits


def _spike(
    zone: Zone,
    gauge_id: int | None,
    line: SpecificationLine,
    limit_c: Decimal,
    first: datetime,
    last: datetime,
    site_now: datetime,
) -> HumiditySpike:
    """The sensor's spike in this run of readings; readings that come late may move its start, not make a second."""
    known = HumiditySpike.objects.filter(
        zone=zone, gauge=gauge_id, started_at__gte=first, started_at__lte=last
    )
    return known.order_by("pk").first() or HumiditySpike.objects.create(
        zone=zone, gauge_id=gauge_id, line=line, limit_c=limit_c, started_at=first, found_at=site_now
    )


def _touch(spike: HumiditySpike, site: Site, first: datetime, last: datetime, site_now: datetime) -> None:
    """Name the lots that lay open meanwhile and are not named yet, with what follows for them."""
    known = set(spike.lots.values_list("lot_id", flat=True))
    new = [key for key in lots_open_in_zone(spike.zone_id, first, last) if key not in known]
    SpikeLot.objects.bulk_create(
        (SpikeLot(spike=spike, lot_id=key) for key in sorted(new)), ignore_conflicts=True
    )
    products = set(Lot.objects.filter(pk__in=new).values_list("product_revision", flat=True))
    lines = lines_in_force(at=site_now).filter(
        specification__product_revision__in=products, specification__characteristic__step__code=STEP
    )
    for line in lines:
        limits = limits_after(spike, line, site_now=site_now)
        if limits is not None:
            _judge_again(limits, new, site, site_now)


def _judge_again(limits: TightenedLimits, lots: list[int], site: Site, site_now: datetime) -> None:
    """Hold what was made from the lots and lies outside the tightened limits, judged before the spike was known."""
    made = {row[0] for row in reach_locked([HeldExtent(lot) for lot in lots])} if lots else set()
    judged = Judgement.objects.filter(lot_id__in=made, line=limits.line, tightened__isnull=True).exclude(
        verdict=Judgement.Verdict.VIOLATES
    )
    keys = dict(judged.values_list("measurement_id", "measurement_received_at"))
    rows = current_measurements(
        Measurement.objects.filter(
            id__in=keys, received_at__in=set(keys.values()), quality=Measurement.Quality.GOOD
        )
    ).select_related("characteristic")
    for row in rows:
        if compare(row.value, row.qualifier, limits.lsl, limits.usl) == Judgement.Verdict.VIOLATES:
            place_hold(
                site=site,
                source=Hold.Source.DEFECT,
                reason=violation_text(row, limits.line, limits),
                extents=[HeldExtent(row.lot_id)],
                placed_at=site_now,
            )
