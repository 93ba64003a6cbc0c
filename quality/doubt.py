"""Lots that a gauge found wrong puts in doubt: those it measured, and those that lay open in air it measured."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from operator import itemgetter

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Case,
    CharField,
    Count,
    DateTimeField,
    DecimalField,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from lots.actions.air import SERIES_MARGIN
from lots.models import Calibration, Hold, HoldLot, Lot, Measurement, OpenInterval
from lots.queries import current_measurements
from quality.models import Judgement

Verdict = Judgement.Verdict
WORSE = (Verdict.CONFORMS, Verdict.UNDETERMINED, Verdict.VIOLATES)  # the worst last
TICK = timedelta(microseconds=1)  # of the database's clock: what was read on the instant of closing counts


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
    rows, rank = _readings(calibration), _rank(calibration.as_found_error)
    counts: dict[int, Counter[Verdict]] = defaultdict(Counter)
    measured = rows.filter(lot_id__isnull=False).annotate(rank=rank).values_list("lot_id", "rank")
    found = measured.annotate(n=Count("id"), first=Min("measured_at"))
    for lot_id, place, n, _ in sorted(found, key=itemgetter(3, 0)):
        counts[lot_id][WORSE[place]] += n
    air = rows.filter(lot_id__isnull=True, zone_id__isnull=False)
    zones = air.order_by("zone_id").values_list("zone_id")
    for zone_id, first, last in zones.annotate(first=Min("measured_at"), last=Max("measured_at")):
        for lot_id, verdicts in _open_in(zone_id, air.filter(zone_id=zone_id), rank, first, last):
            counts[lot_id] += verdicts
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


def _rank(error: Decimal | None) -> Coalesce | Value:
    """The place in WORSE of a reading: the worst verdict by the limits that judged it, with the error taken off.

    As `compare` judges, but in the database: a sensor leaves millions of readings behind.
    """
    unknown = Value(WORSE.index(Verdict.UNDETERMINED))
    if error is None:
        return unknown
    above_lsl = Q(lsl__isnull=True) | Q(lsl__lte=F("true"))
    below_usl = Q(usl__isnull=True) | Q(usl__gte=F("true"))
    violates = (
        (Q(sign="") & (Q(lsl__gt=F("true")) | Q(usl__lt=F("true"))))
        | Q(sign="<", lsl__gte=F("true"))
        | Q(sign=">", usl__lte=F("true"))
    )
    conforms = (
        (Q(sign="") & above_lsl & below_usl)
        | (Q(sign="<", lsl__isnull=True) & below_usl)
        | (Q(sign=">", usl__isnull=True) & above_lsl)
    )
    again = Case(
        When(violates, then=WORSE.index(Verdict.VIOLATES)),
        When(conforms, then=WORSE.index(Verdict.CONFORMS)),
        default=unknown,
        output_field=IntegerField(),
    )
    judged = Judgement.objects.filter(measurement_id=OuterRef("id")).annotate(
        true=ExpressionWrapper(OuterRef("value") - Value(error), output_field=DecimalField()),
        sign=ExpressionWrapper(OuterRef("qualifier"), output_field=CharField()),
        again=again,
    )
    return Coalesce(Subquery(judged.order_by("-again").values("again")[:1]), unknown)


def _open_in(
    zone_id: int, air: QuerySet[Measurement], rank: Coalesce | Value, first: datetime, last: datetime
) -> Iterator[tuple[int, Counter[Verdict]]]:
    """Lots that lay open to the air of these readings, of which the first and last instant are given; each with its
    readings. One reading violates for those open at its time.

    What was read shortly before and after tells of the air too: as it is for what conforms, else it leaves a doubt.
    """
    intervals = OpenInterval.objects.filter(
        Q(closed_at__isnull=True) | Q(closed_at__gte=first - SERIES_MARGIN),
        zone=zone_id,
        opened_at__lte=last + SERIES_MARGIN,
    ).order_by("opened_at")
    spans = [
        (lot_id, opened_at, (last if closed_at is None else closed_at) + TICK)
        for lot_id, opened_at, closed_at in intervals.values_list("lot_id", "opened_at", "closed_at")
    ]
    if not spans:
        return
    # The database counts the readings between any two instants at which something changes, so that no more rows come
    # than three for each of these, however often the sensor reads.
    edges = sorted(
        {at for _, start, end in spans for at in (start - SERIES_MARGIN, start, end, end + SERIES_MARGIN)}
    )
    place = {at: number + 1 for number, at in enumerate(edges)}
    between = Func(
        F("measured_at"),
        Value(edges, output_field=ArrayField(DateTimeField())),
        function="width_bucket",
        output_field=IntegerField(),
    )
    numbers = {verdict: [0] * (len(edges) + 1) for verdict in WORSE}
    rows = air.annotate(between=between, rank=rank).values_list("between", "rank")
    for number, worst, n in rows.annotate(n=Count("id")):
        numbers[WORSE[worst]][number] = n
    before = {verdict: [0, *accumulate(found)] for verdict, found in numbers.items()}

    def counted(wanted: Verdict, start: datetime, end: datetime) -> int:
        return before[wanted][place[end]] - before[wanted][place[start]]

    for lot_id, start, end in spans:
        around = start - SERIES_MARGIN, end + SERIES_MARGIN
        violating = counted(Verdict.VIOLATES, start, end)
        found = Counter(
            {
                Verdict.VIOLATES: violating,
                Verdict.CONFORMS: counted(Verdict.CONFORMS, *around),
                Verdict.UNDETERMINED: counted(Verdict.UNDETERMINED, *around)
                + counted(Verdict.VIOLATES, *around)
                - violating,
            }
        )
        if found.total():
            yield lot_id, found
