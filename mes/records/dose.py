"""The dose timeline of a lot as data: open intervals, the zone's frost point in them, doors, and what is not known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from lots.actions.air import exposure_between
from lots.models import GenealogyLink, Lot, Measurement, OpenInterval
from lots.queries import current_measurements
from lots.science.dry_room import absolute_humidity_g_m3, moisture_dose, unknown_gaps_s
from lots.steps.base import OpenExposure
from mes.records.find import digits, thinned

INTERVALS_SHOWN = 6
DOORS_SHOWN = 200
POINTS_SHOWN = 600
AROUND = timedelta(minutes=20)
DOOR = "dry_room.door_open_s"


def dose_json(lot: Lot, *, site_now: datetime) -> dict[str, Any]:
    """Intervals of the lot, else of the rolls that it was made from, newest first; instants as seconds since 1970.

    An interval's `dose_g_h_m3` is null where a part of it is not known; `gaps` then say which. `total_g_h_m3` is null
    as soon as one dose is, and where not all intervals are shown.
    """
    of, intervals, count = _intervals(lot)
    shown = [_interval(interval, site_now) for interval in intervals]
    doses = [one["dose_g_h_m3"] for one in shown]
    known = bool(doses) and None not in doses and count == len(doses) and of == "own"
    return {
        "lot": lot.code,
        "of": of,
        "intervals": shown,
        "left_out": count - len(shown),
        "total_g_h_m3": digits(sum(doses)) if known else None,
        "total_open_min": digits(sum(one["open_min"] for one in shown)),
    }


def _intervals(lot: Lot) -> tuple[str, list[OpenInterval], int]:
    rows = OpenInterval.objects.select_related("zone", "lot").order_by("-opened_at", "-id")
    own = rows.filter(lot=lot)
    count = own.count()
    if count:
        return "own", list(own[:INTERVALS_SHOWN]), count
    parents = GenealogyLink.objects.filter(child=lot, voided_at__isnull=True).values("parent")
    rolls = rows.filter(lot__in=parents)
    return "parents", list(rolls[:INTERVALS_SHOWN]), rolls.count()


def _interval(interval: OpenInterval, site_now: datetime) -> dict[str, Any]:
    opened, closed = interval.opened_at, interval.closed_at or max(site_now, interval.opened_at)
    around = exposure_between(interval.zone_id, opened, closed, margin=AROUND)
    time, frost = np.array(around.series_t_s), np.array(around.frost_point_c)
    # The dose comes from the same readings as that of the step's summary; the wider window is for the eye.
    dose, reason = _dose(exposure_between(interval.zone_id, opened, closed))
    picked = thinned(time, POINTS_SHOWN)
    return {
        "lot": interval.lot.code,
        "zone": interval.zone.code,
        "opened_at": around.opened_at_s,
        "closed_at": None if interval.closed_at is None else around.closed_at_s,
        "until": around.closed_at_s,
        "open_min": digits((closed - opened).total_seconds() / 60),
        "dose_g_h_m3": dose,
        "unknown": reason,
        "gaps": [list(gap) for gap in unknown_gaps_s(around.opened_at_s, around.closed_at_s, time)]
        if reason
        else [],
        "time_s": [float(value) for value in time[picked]],
        "frost_point_c": [digits(float(value)) for value in frost[picked]],
        "humidity_g_m3": _humidity(frost[picked], around.air_temperature_c),
        "doors": _doors(interval.zone_id, opened - AROUND, closed + AROUND),
    }


def _dose(around: OpenExposure) -> tuple[float | None, str]:
    """The dose as the step's summary computes it, or why it is not known."""
    try:
        result = moisture_dose(
            around.opened_at_s,
            around.closed_at_s,
            around.series_t_s,
            around.frost_point_c,
            air_temperature_c=around.air_temperature_c,
        )
    except ValueError as error:
        return None, str(error)
    return (None if result.dose_g_h_m3 is None else digits(result.dose_g_h_m3)), result.reason


def _humidity(frost: np.ndarray, air_temperature_c: float) -> list[float] | None:
    if frost.size == 0:
        return []
    try:
        return [digits(float(value)) for value in absolute_humidity_g_m3(frost, air_temperature_c)]
    except ValueError:
        return None


def _doors(zone_id: int, since: datetime, until: datetime) -> list[dict[str, float]]:
    """Door openings of the zone: a reading stands at the instant at which the door closed again."""
    rows = current_measurements(
        Measurement.objects.filter(
            zone_id=zone_id, characteristic__code=DOOR, measured_at__range=(since, until)
        )
    ).order_by("measured_at")
    found = rows.values_list("measured_at", "value")[:DOORS_SHOWN]
    return [{"closed_at": at.timestamp(), "open_s": float(value)} for at, value in found]
