"""Record a calibration; a gauge found wrong puts every reading since its last good calibration in question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.place_hold import HeldExtent, place_hold
from lots.clock import FUTURE_TOLERANCE, site_time
from lots.models import Calibration, Gauge, Hold, HoldLot, Lot, Measurement, User
from lots.queries import current_measurements
from quality.models import Judgement
from quality.permissions import Action, require
from quality.specifications import compare

Verdict = Judgement.Verdict


class CalibrationRefused(Exception):
    """The calibration cannot be recorded so; the message names the field and the fix."""


@dataclass(frozen=True)
class Doubt:
    """A lot whose readings a wrong gauge took. Counts of readings: those that violate once the error is taken off,
    those that conform then, and those of which nothing can be said (error unknown, or not judged themselves)."""

    lot: Lot
    violating: int
    conforming: int
    undetermined: int
    held: bool

    @property
    def proposed(self) -> bool:
        """Whether the lot should be held: unless every reading still conforms."""
        return bool(self.violating or self.undetermined)


@transaction.atomic
def record_calibration(
    gauge: Gauge,
    *,
    calibrated_at: datetime,
    due_at: datetime,
    passed: bool,
    certificate: str,
    as_found_error: Decimal | None,
    user: User,
    now: datetime,
) -> tuple[Calibration, Hold | None]:
    """Record it, and hold at once what surely violates now that the gauge is known to be wrong.

    Instants are on the site clock. The other lots in doubt are proposed (`lots_in_doubt`).
    """
    act_as(user)
    require(user, gauge.site, Action.CALIBRATE)
    site_now = site_time(gauge.site, now)
    if not certificate.strip():
        raise CalibrationRefused("certificate: name the certificate or protocol")
    if calibrated_at > site_now + FUTURE_TOLERANCE:
        raise CalibrationRefused("calibrated_at: lies in the future")
    if due_at <= calibrated_at:
        raise CalibrationRefused("due_at: must lie after the calibration")
    if passed and as_found_error is not None:
        raise CalibrationRefused("as_found_error: belongs to a gauge that was found wrong")
    calibration = Calibration.objects.create(
        gauge=gauge,
        calibrated_at=calibrated_at,
        due_at=due_at,
        passed=passed,
        certificate=certificate.strip()[:100],
        as_found_error=as_found_error,
        recorded_by=user,
    )
    if passed:
        return calibration, None
    surely = [doubt.lot for doubt in lots_in_doubt(calibration) if doubt.violating]
    return calibration, _hold(calibration, surely, site_now, None) if surely else None


def lots_in_doubt(calibration: Calibration) -> list[Doubt]:
    """Lots with current readings of the gauge between its last good calibration and this one, by their first reading.

    Readings are judged again by the limits that judged them, with the error taken off.
    """
    gauge = calibration.gauge
    good = gauge.calibrations.filter(passed=True, calibrated_at__lt=calibration.calibrated_at)
    since = good.order_by("-calibrated_at").values_list("calibrated_at", flat=True).first()
    rows = current_measurements(
        Measurement.objects.filter(
            gauge=gauge, lot_id__isnull=False, measured_at__lte=calibration.calibrated_at
        )
    )
    if since is not None:
        rows = rows.filter(measured_at__gte=since)
    readings = list(rows.order_by("measured_at").values_list("id", "lot_id", "value", "qualifier"))
    judged = {
        judgement.measurement_id: judgement
        for judgement in Judgement.objects.filter(measurement_id__in=[row[0] for row in readings])
    }
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, lot_id, value, qualifier in readings:
        verdict = _again(judged.get(key), value, qualifier, calibration.as_found_error)
        counts[lot_id or 0][verdict] += 1
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


@transaction.atomic
def hold_in_doubt(
    calibration: Calibration, lots: Sequence[Lot], *, reason: str, user: User, now: datetime
) -> Hold:
    """Hold lots that the gauge put in doubt, with everything made from them."""
    act_as(user)
    site = calibration.gauge.site
    require(user, site, Action.PLACE_HOLD)
    if not lots:
        raise CalibrationRefused("lots: tick at least one lot of the table")
    doubted = {doubt.lot.pk for doubt in lots_in_doubt(calibration)}
    others = [lot.code for lot in lots if lot.pk not in doubted]
    if others:
        raise CalibrationRefused(
            f"lots: {calibration.gauge.code} did not measure {', '.join(others)} meanwhile"
        )
    return _hold(calibration, lots, site_time(site, now), user, reason)


def _again(judgement: Judgement | None, value: Decimal, qualifier: str, error: Decimal | None) -> Verdict:
    if judgement is None or error is None:
        return Verdict.UNDETERMINED
    return compare(value - error, qualifier, judgement.lsl, judgement.usl)


def _hold(
    calibration: Calibration, lots: Sequence[Lot], placed_at: datetime, user: User | None, reason: str = ""
) -> Hold:
    error = calibration.as_found_error
    found = "its error is not known" if error is None else f"it read {error.normalize():+f} off"
    return place_hold(
        site=calibration.gauge.site,
        source=Hold.Source.CALIBRATION,
        source_id=calibration.pk,
        reason=f"{calibration.gauge.code} was found out of calibration: {found}"
        + (f". {reason.strip()}" if reason.strip() else ""),
        extents=[HeldExtent(lot.pk) for lot in lots],
        placed_at=placed_at,
        placed_by=user,
    )
