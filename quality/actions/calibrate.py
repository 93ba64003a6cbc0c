"""Record a calibration; a gauge found wrong puts every reading since its last good calibration in question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.place_hold import HeldExtent, place_hold
from lots.clock import FUTURE_TOLERANCE, site_time
from lots.models import Calibration, Gauge, Hold, Lot, User
from quality.doubt import lots_in_doubt
from quality.permissions import Action, require


class CalibrationRefused(Exception):
    """The calibration cannot be recorded so; the message names the field and the fix."""


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
