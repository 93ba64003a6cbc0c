"""Gauges, their calibrations, and what a gauge that was found wrong put in doubt."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from lots.actions.validate import calibrated_at
from lots.models import Calibration, Gauge, Lot
from mes.web.site import SiteRequest, site_page
from quality.actions.calibrate import CalibrationRefused, hold_in_doubt, record_calibration
from quality.doubt import lots_in_doubt
from quality.gauge_studies import latest_verdicts, studies_of_site
from quality.permissions import Action, may, require

STUDIES_SHOWN = 5


@require_safe
@site_page()
def gauges(request: SiteRequest) -> HttpResponse:
    """Every gauge of the site with the state of its calibration."""
    rows = (
        Gauge.objects.filter(site=request.site, retired_at__isnull=True)
        .select_related("zone")
        .prefetch_related("calibrations")
        .order_by("kind", "code")
    )
    verdicts = latest_verdicts(rows)
    return render(
        request,
        "web/gauges/list.html",
        {
            "nav_active": "gauges",
            "rows": [{**_state(gauge, request.site_now), "study": verdicts.get(gauge.pk)} for gauge in rows],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@site_page()
def gauge(request: SiteRequest, key: int) -> HttpResponse:
    found = get_object_or_404(Gauge.objects.select_related("site", "zone"), pk=key, site=request.site)
    if request.method != "POST":
        return _page(request, found)
    try:
        words = _hold(request, found) if request.POST.get("action") == "hold" else _calibrate(request, found)
    except CalibrationRefused as refusal:
        return _page(request, found, error=str(refusal), status=422)
    messages.success(request, words)
    return redirect("web:gauge", found.pk)


def _state(gauge: Gauge, site_now: datetime) -> dict[str, Any]:
    rows = list(gauge.calibrations.all())
    latest = max(rows, key=lambda row: (row.calibrated_at, row.pk), default=None)
    return {"gauge": gauge, "latest": latest, "valid": calibrated_at(rows, site_now)}


def _calibrate(request: SiteRequest, found: Gauge) -> str:
    require(request.user, request.site, Action.CALIBRATE)
    passed = request.POST.get("result") == "passed"
    calibration, hold = record_calibration(
        found,
        calibrated_at=_instant(request, "calibrated_at"),
        due_at=_instant(request, "due_at"),
        passed=passed,
        certificate=request.POST.get("certificate", ""),
        as_found_error=None if passed else _error(request),
        user=request.user,
        now=request.now,
    )
    if passed:
        return f"Recorded. {found.code} is in calibration until {request.POST['due_at'].replace('T', ' ')}."
    doubts = lots_in_doubt(calibration)
    held = f" {hold.members.count()} were held at once." if hold is not None else ""
    return f"Recorded. {found.code} must not be used. {len(doubts)} lots are in doubt.{held}"


def _hold(request: SiteRequest, found: Gauge) -> str:
    key = request.POST.get("calibration", "")
    calibration = get_object_or_404(Calibration, pk=int(key) if key.isdecimal() else 0, gauge=found)
    codes = request.POST.getlist("lot")
    lots = list(Lot.objects.filter(site=request.site, code__in=codes))
    hold = hold_in_doubt(
        calibration, lots, reason=request.POST.get("reason", ""), user=request.user, now=request.now
    )
    return f"Held: {len(lots)} lots and what was made from them, {hold.members.count()} in all."


def _instant(request: SiteRequest, name: str) -> datetime:
    try:
        return timezone.make_aware(datetime.fromisoformat(request.POST.get(name, "")))
    except ValueError:
        raise CalibrationRefused(f"{name}: give date and time, such as 2026-03-01T08:30") from None


def _error(request: SiteRequest) -> Decimal | None:
    text = request.POST.get("as_found_error", "").strip()
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise CalibrationRefused(f"as_found_error: {text!r} is not a number") from None
    if not value.is_finite() or abs(value) >= Decimal("1e10"):
        raise CalibrationRefused("as_found_error: is not a finite number below 1e10")
    return value


def _page(request: SiteRequest, found: Gauge, *, error: str = "", status: int = 200) -> HttpResponse:
    rows = list(found.calibrations.select_related("recorded_by").order_by("-calibrated_at", "-pk"))
    failed = next((row for row in rows if not row.passed), None)
    field, _, words = error.partition(": ")
    context = {
        "nav_active": "gauges",
        "gauge": found,
        "calibrations": rows,
        "state": _state(found, request.site_now),
        "failed": failed,
        "doubts": lots_in_doubt(failed) if failed is not None else [],
        "studies": studies_of_site(request.site).filter(gauge=found)[:STUDIES_SHOWN],
        "may_plan_study": may(request.user, request.site, Action.PLAN_STUDY),
        "may_calibrate": may(request.user, request.site, Action.CALIBRATE),
        "may_hold": may(request.user, request.site, Action.PLACE_HOLD),
        "error": words or field,
        "entered": request.POST,
    }
    return render(request, "web/gauges/gauge.html", context, status=status)
