"""The air that open lots lay in: readings of it that come late or are corrected change what was computed from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from lots.actions.lock import lock_lots, lock_name, share_name
from lots.catalogue import dew_point_sensors
from lots.models import Measurement, OpenInterval, StepExecution
from lots.queries import current_measurements, latest_executions, valid_measurements
from lots.steps import DERIVATIONS
from lots.steps.base import OpenExposure

FROST_POINT = "dry_room.frost_point_c"
AIR_TEMPERATURE = "dry_room.air_temperature_c"
SERIES_MARGIN = timedelta(minutes=5)
# What is computed from the air, and the steps that end with it.
OUTPUTS = frozenset(declared.output for declared in DERIVATIONS if declared.needs_exposures)
STEPS = frozenset(output.split(".")[0] for output in OUTPUTS)


def of_the_air(rows: Iterable[Measurement]) -> list[Measurement]:
    """Those rows that say how dry or warm a zone was."""
    return [
        row
        for row in rows
        if row.zone_id is not None and row.characteristic.code in {FROST_POINT, AIR_TEMPERATURE}
    ]


def settle_air(lot_id: int) -> None:
    """Before a step of the lot ends: no reading of its zones is on its way that neither side would see.

    Whoever records a reading of the air shares the zone's name until it is committed (`breathed`).
    """
    zones = OpenInterval.objects.filter(lot_id=lot_id).values_list("zone_id", flat=True)
    for zone_id in sorted(set(zones)):
        lock_name(_name(zone_id))


def still_air(zone_id: int) -> None:
    """Before a lot is opened in the zone: as `settle_air`."""
    lock_name(_name(zone_id))


def breathed(new: Sequence[Measurement], gone: Sequence[Measurement]) -> dict[int, StepExecution]:
    """Lots whose finished exposure the readings of a zone's air change, with the run of the step that it ended.

    `new` are readings about to be stored, `gone` those that a correction takes away. A reading after the container
    was closed changes nothing, but where the dose is still unknown. The lots are locked.
    """
    good = [row for row in new if row.quality == Measurement.Quality.GOOD]
    by_zone: dict[int, list[datetime]] = {}
    for row in of_the_air([*good, *gone]):
        by_zone.setdefault(row.zone_id or 0, []).append(row.measured_at)
    if not by_zone:
        return {}
    within, just_after = set[int](), set[int]()
    for zone_id, instants in sorted(by_zone.items()):
        share_name(_name(zone_id))
        for interval in _overlapping(zone_id, min(instants), max(instants)):
            closed_at = interval.closed_at
            assert closed_at is not None
            times = [at for at in instants if interval.opened_at - SERIES_MARGIN <= at]
            if any(at <= closed_at for at in times):
                within.add(interval.lot_id)
            elif any(at <= closed_at + SERIES_MARGIN for at in times):
                just_after.add(interval.lot_id)
    if just_after - within:
        known = valid_measurements(just_after).filter(characteristic__code__in=OUTPUTS)
        doses = dict.fromkeys(just_after, 0)
        for lot_id in known.values_list("lot_id", flat=True):
            doses[lot_id or 0] += 1
        within |= {lot_id for lot_id, values in doses.items() if values < len(OUTPUTS)}
    if not within:
        return {}
    lock_lots(within)
    return {
        lot_id: execution
        for (lot_id, _), execution in latest_executions(within).items()
        if execution.route_step.step.code in STEPS and execution.finished_at is not None
    }


def exposures_of(
    lot_id: int, *, new: Sequence[Measurement] = (), gone: Collection[int] = ()
) -> tuple[OpenExposure, ...]:
    """The lot's closed open-intervals with the air around them; `new` and `gone` as they will be when stored."""
    intervals = OpenInterval.objects.filter(lot_id=lot_id, closed_at__isnull=False).order_by("opened_at")
    return tuple(_exposure(interval, new, gone) for interval in intervals)


def _name(zone_id: int) -> str:
    return f"air of zone {zone_id}"


def _overlapping(zone_id: int, first: datetime, last: datetime) -> Iterable[OpenInterval]:
    return OpenInterval.objects.filter(
        Q(closed_at__gte=first - SERIES_MARGIN), zone_id=zone_id, opened_at__lte=last + SERIES_MARGIN
    )


def _exposure(interval: OpenInterval, new: Sequence[Measurement], gone: Collection[int]) -> OpenExposure:
    assert interval.closed_at is not None
    return exposure_between(interval.zone_id, interval.opened_at, interval.closed_at, new=new, gone=gone)


def exposure_between(
    zone_id: int,
    opened_at: datetime,
    closed_at: datetime,
    *,
    new: Sequence[Measurement] = (),
    gone: Collection[int] = (),
    margin: timedelta = SERIES_MARGIN,
) -> OpenExposure:
    """The zone's frost points around an open interval, the highest of its sensors at each instant."""
    start, end = opened_at - margin, closed_at + margin
    stored = current_measurements(
        Measurement.objects.filter(
            zone_id=zone_id,
            quality=Measurement.Quality.GOOD,
            characteristic__code__in=(FROST_POINT, AIR_TEMPERATURE),
            measured_at__range=(start, end),
        ).exclude(id__in=gone)
    ).select_related("characteristic")
    coming = [
        row
        for row in of_the_air(new)
        if row.zone_id == zone_id
        and row.quality == Measurement.Quality.GOOD
        and start <= row.measured_at <= end
    ]
    frost: dict[float, float] = {}
    temperatures = []
    dew_sensors = dew_point_sensors(zone_id)
    for row in [*stored.order_by("measured_at"), *coming]:
        value, at = float(row.value), row.measured_at.timestamp()
        if row.characteristic.code == AIR_TEMPERATURE:
            temperatures.append(value)
        elif row.gauge_id not in dew_sensors:
            frost[at] = max(value, frost.get(at, value))
    return OpenExposure(
        opened_at_s=opened_at.timestamp(),
        closed_at_s=closed_at.timestamp(),
        series_t_s=tuple(sorted(frost)),
        frost_point_c=tuple(frost[at] for at in sorted(frost)),
        air_temperature_c=sum(temperatures) / len(temperatures) if temperatures else float("nan"),
    )
