"""Humidity spikes: the rule that tightens formation limits of what lay open in one, and what a page shows of it.

Handbook 7.5 and 12.3: a spike in a shift is a risk of the batch, so the windows of formation are tightened. By how
much, the handbook does not say: SHARE is ours. Lots that lay open, and all that was made from them, are judged so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Prefetch, Q

from lots.genealogy import ancestors_of
from lots.masters import remembered
from lots.models import Lot, Measurement, Site, Zone
from lots.queries import current_measurements
from lots.science.humidity_events import tightened
from quality.models import (
    HumiditySpike,
    Judgement,
    SpecificationLine,
    SpikeLot,
    TightenedLimits,
)

FROST_POINT = "dry_room.frost_point_c"
STEP = "formation"
SHARE = 0.2  # of the distance from each limit to the target
LEAST_READINGS = 2
RULE = (
    f"Handbook 7.5, 12.3: a humidity spike tightens the formation windows. Each limit moves {SHARE:.0%} of its "
    "distance towards the target; without a target nothing moves. The share is ours: the handbook gives no figure"
)


@dataclass(frozen=True)
class Drawn:
    """Limits drawn in; both None where the rule moves nothing."""

    lsl: Decimal | None
    usl: Decimal | None


def drawn_in(line: SpecificationLine) -> Drawn | None:
    """The line's limits as the rule tightens them; None where it moves nothing."""
    if line.target is None or line.specification.characteristic.step.code != STEP:
        return None
    limits = tightened(
        None if line.lsl is None else float(line.lsl),
        None if line.usl is None else float(line.usl),
        target=float(line.target),
        share=SHARE,
        reason=RULE,
    )
    drawn = Drawn(_decimal(limits.lower), _decimal(limits.upper))
    return None if (drawn.lsl, drawn.usl) == (line.lsl, line.usl) else drawn


def spike_behind(lots: Iterable[Lot]) -> dict[int, HumiditySpike]:
    """Lot → the first spike in which it, or anything that it was made from, lay open."""
    lots = list(lots)
    if not any(_has_spikes(site) for site in {lot.site_id for lot in lots}):
        return {}
    above = ancestors_of([lot.pk for lot in lots])
    everything = {key for lot in lots for key in (lot.pk, *above[lot.pk])}
    touched: dict[int, HumiditySpike] = {}
    rows = SpikeLot.objects.filter(lot__in=everything).select_related("spike__zone").order_by("spike")
    for row in rows:
        touched.setdefault(row.lot_id, row.spike)
    found = {}
    for lot in lots:
        spikes = [touched[key] for key in (lot.pk, *above[lot.pk]) if key in touched]
        if spikes:
            found[lot.pk] = min(spikes, key=lambda spike: spike.pk)
    return found


@dataclass(frozen=True)
class SpikeState:
    """A spike with its last reading above the limit and its highest, and how many values its limits have judged."""

    spike: HumiditySpike
    ended_at: datetime | None
    highest_c: Decimal | None
    lots: tuple[Lot, ...]
    tightened: tuple[TightenedLimits, ...]
    judged: int
    violating: int


def spikes_of(site: Site, *, count: int) -> list[SpikeState]:
    """The newest spikes of the site with their lots and limits."""
    spikes = list(
        HumiditySpike.objects.filter(zone__site=site)
        .select_related("zone", "gauge", "line__requirement")
        .prefetch_related(
            Prefetch("lots", SpikeLot.objects.select_related("lot__material").order_by("lot__code")),
            Prefetch(
                "tightened",
                TightenedLimits.objects.select_related(
                    "line__specification__characteristic", "line__specification__product_revision__product"
                ).order_by("line__specification__characteristic__code"),
            ),
        )
        .order_by("-started_at", "-pk")[:count]
    )
    judged = _judged_by(spikes)
    return [_state(spike, judged.get(spike.pk, (0, 0))) for spike in spikes]


def wet_run(
    zone: Zone, gauge_id: int | None, limit_c: Decimal, first: datetime, last: datetime
) -> list[tuple[datetime, Decimal]]:
    """The sensor's good readings between its last dry one before `first` and its next dry one after `last`."""
    rows = current_measurements(
        Measurement.objects.filter(
            zone=zone, gauge=gauge_id, characteristic__code=FROST_POINT, quality=Measurement.Quality.GOOD
        )
    )
    before = rows.filter(measured_at__lt=first, value__lte=limit_c).order_by("-measured_at").first()
    after = rows.filter(measured_at__gt=last, value__lte=limit_c).order_by("measured_at").first()
    if before is not None:
        rows = rows.filter(measured_at__gt=before.measured_at)
    if after is not None:
        rows = rows.filter(measured_at__lt=after.measured_at)
    found: dict[datetime, Decimal] = {}
    for at, value in rows.order_by("measured_at").values_list("measured_at", "value"):
        found[at] = max(value, found.get(at, value))  # sent twice for one instant: the wetter counts
    return list(found.items())


def _state(spike: HumiditySpike, judged: tuple[int, int]) -> SpikeState:
    run = wet_run(spike.zone, spike.gauge_id, spike.limit_c, spike.started_at, spike.started_at)
    wet = [(at, value) for at, value in run if value > spike.limit_c]
    return SpikeState(
        spike=spike,
        ended_at=wet[-1][0] if wet else None,
        highest_c=max(value for _, value in wet) if wet else None,
        lots=tuple(row.lot for row in spike.lots.all()),
        tightened=tuple(spike.tightened.all()),
        judged=judged[0],
        violating=judged[1],
    )


def _judged_by(spikes: list[HumiditySpike]) -> Mapping[int, tuple[int, int]]:
    rows = (
        Judgement.objects.filter(tightened__spike__in=spikes)
        .values_list("tightened__spike")
        .annotate(judged=Count("id"), violating=Count("id", filter=Q(verdict=Judgement.Verdict.VIOLATES)))
    )
    return {spike: (judged, violating) for spike, judged, violating in rows}


@remembered(HumiditySpike, Zone)
def _has_spikes(site_id: int) -> bool:
    return HumiditySpike.objects.filter(zone__site=site_id).exists()


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else round(Decimal(repr(value)), 8)
