"""Lots that a gauge found wrong puts in doubt: those it measured, and those that lay open in air it measured."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate

from django.db.models import Q, QuerySet

from lots.actions.air import SERIES_MARGIN
from lots.models import Calibration, Hold, HoldLot, Lot, Measurement, OpenInterval
from lots.queries import current_measurements
from quality.models import Judgement
from quality.specifications import compare

Verdict = Judgement.Verdict
Limits = tuple[Decimal | None, Decimal | None]


@dataclass(frozen=True)
class Doubt:
    """A lot that a wrong gauge measured, or whose air it measured. Counts of readings: those that violate once the
    error is taken off, those that conform then, and those of which nothing can be said (error unknown, or not judged
    themselves)."""

    lot: Lot
    violating: int
    conforming: int
    undetermined: int
    held: bool

    @property
    def proposed(self) -> bool:
        """Whether the lot should be held: unless every reading still conforms."""
        return bool(self.violating or self.undetermined)


def lots_in_doubt(calibration: Calibration) -> list[Doubt]:
    """Lots that rest on current readings of the gauge from its last good calibration to the next one, if there is one.

    In their order: lots measured by their first reading, then those that lay open in its zone. What was recorded after
    this calibration was known is suspect itself; what came between the two was taken for good and counts. Readings are
    judged again by the limits that judged them, with the error taken off.
    """
    rows = _readings(calibration)
    limits: dict[int, list[Limits]] = defaultdict(list)
    judged = Judgement.objects.filter(measurement_id__in=rows.values("id"))
    for key, lsl, usl in judged.values_list("measurement_id", "lsl", "usl"):
        limits[key].append((lsl, usl))
    counts: dict[int, Counter[Verdict]] = defaultdict(Counter)
    air: dict[int, list[tuple[datetime, Verdict]]] = defaultdict(list)
    readings = rows.order_by("measured_at").values_list(
        "id", "lot_id", "zone_id", "measured_at", "value", "qualifier"
    )
    for key, lot_id, zone_id, at, value, qualifier in readings:
        verdict = _again(limits.get(key, ()), value, qualifier, calibration.as_found_error)
        if lot_id is not None:
            counts[lot_id][verdict] += 1
        elif zone_id is not None:
            air[zone_id].append((at, verdict))
    for zone_id, series in air.items():
        for lot_id, found in _open_in(zone_id, series):
            counts[lot_id] += found
    held = set(
        HoldLot.objects.filter(
            lot__in=counts, hold__source=Hold.Source.CALIBRATION, hold__source_id=calibration.pk
        ).values_list("lot_id", flat=True)
    )
    lots = Lot.objects.select_related("material").in_bulk(counts)
    return [
        Doubt(
            lot=lots[key],
            violating=verdicts[Verdict.VIOLATES],
            conforming=verdicts[Verdict.CONFORMS],
            undetermined=verdicts[Verdict.UNDETERMINED],
            held=key in held,
        )
        for key, verdicts in counts.items()
    ]


def _readings(calibration: Calibration) -> QuerySet[Measurement]:
    """Current readings of the gauge that this calibration says are wrong."""
    at = calibration.calibrated_at
    passed = calibration.gauge.calibrations.filter(passed=True).values_list("calibrated_at", flat=True)
    since = passed.filter(calibrated_at__lt=at).order_by("-calibrated_at").first()
    until = passed.filter(calibrated_at__gt=at).order_by("calibrated_at").first()
    taken_for_good = Q(measured_at__lte=at) | Q(quality=Measurement.Quality.GOOD)
    rows = current_measurements(Measurement.objects.filter(taken_for_good, gauge=calibration.gauge))
    if since is not None:
        rows = rows.filter(measured_at__gte=since)
    return rows if until is None else rows.filter(measured_at__lt=until)


def _open_in(
    zone_id: int, series: Sequence[tuple[datetime, Verdict]]
) -> Iterator[tuple[int, Counter[Verdict]]]:
    """Lots that lay open to air of the series, each with its readings; one reading violates for those open at its time.

    What was read shortly before and after tells of the air too: as it is for what conforms, else it leaves a doubt.
    """
    instants = [at for at, _ in series]
    first, last = instants[0] - SERIES_MARGIN, instants[-1] + SERIES_MARGIN
    before = {wanted: [0, *accumulate(verdict == wanted for _, verdict in series)] for wanted in Verdict}

    def counted(wanted: Verdict, start: int, end: int) -> int:
        return before[wanted][end] - before[wanted][start]

    intervals = OpenInterval.objects.filter(zone=zone_id, opened_at__lte=last)
    rows = intervals.filter(Q(closed_at__isnull=True) | Q(closed_at__gte=first)).order_by("opened_at")
    for lot_id, opened_at, closed_at in rows.values_list("lot_id", "opened_at", "closed_at"):
        closed_at = last if closed_at is None else closed_at
        inside = bisect_left(instants, opened_at), bisect_right(instants, closed_at)
        around = (
            bisect_left(instants, opened_at - SERIES_MARGIN),
            bisect_right(instants, closed_at + SERIES_MARGIN),
        )
        if around[0] == around[1]:
            continue
        violating = counted(Verdict.VIOLATES, *inside)
        beside = counted(Verdict.VIOLATES, *around) - violating
        yield (
            lot_id,
            Counter(
                {
                    Verdict.VIOLATES: violating,
                    Verdict.CONFORMS: counted(Verdict.CONFORMS, *around),
                    Verdict.UNDETERMINED: counted(Verdict.UNDETERMINED, *around) + beside,
                }
            ),
        )


def _again(limits: Iterable[Limits], value: Decimal, qualifier: str, error: Decimal | None) -> Verdict:
    """The worst verdict by the limits that judged the reading, with the error taken off."""
    found = {compare(value - error, qualifier, *pair) for pair in limits} if error is not None else set()
    if Verdict.VIOLATES in found:
        return Verdict.VIOLATES
    return Verdict.CONFORMS if found == {Verdict.CONFORMS} else Verdict.UNDETERMINED
