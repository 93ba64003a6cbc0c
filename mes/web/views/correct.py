"""Correct a recorded value, or withdraw it: the old one stays as evidence, with who, when and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from lots.actions.correct import Correction, CorrectionRefused, measurement_at, old_lot_code
from lots.actions.ensure_source import ensure_personal_source
from lots.actions.record_submission import IdempotencyConflict
from lots.envelope import InvalidSubmission
from lots.fields import new_uuid7
from lots.models import Gauge, Measurement, Supersession
from mes import pipeline
from mes.web.forms.readings import split_qualifier
from mes.web.site import SiteRequest, site_page
from quality.models import Judgement
from quality.permissions import Action

LOCAL_FORMAT = "%Y-%m-%dT%H:%M:%S"


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(Action.CORRECT)
def correct(request: SiteRequest, submission: UUID, sequence: int) -> HttpResponse:
    """The value with its judgement, and a form for what should stand in its place."""
    row = measurement_at(str(submission), sequence, request.site.pk)
    if row is None:
        raise Http404
    if request.method != "POST":
        return _form(request, row)
    try:
        answer = pipeline.correct(
            _correction(request, row),
            key=request.POST.get("key", ""),
            source=ensure_personal_source(request.user, request.site),
            user=request.user,
            now=request.now,
        )
    except (CorrectionRefused, InvalidSubmission, IdempotencyConflict) as refusal:
        return _form(request, row, error=_sentence(refusal), status=422)
    _tell(request, answer.body)
    return redirect(_back(row))


def _correction(request: SiteRequest, row: Measurement) -> Correction:
    withdrawn = request.POST.get("action") == "withdraw"
    qualifier, number = split_qualifier(request.POST.get("value", ""))
    size = request.POST.get("sample_size", "").strip()
    if size and not size.isdecimal():
        raise CorrectionRefused("sample size: send a whole number")
    return Correction(
        old=row,
        reason=request.POST.get("reason", ""),
        value=None if withdrawn else number,
        measured_at=_instant(request, row),
        gauge=request.POST.get("gauge"),
        sample_size=int(size) if size else None,
        qualifier=qualifier,
    )


def _instant(request: SiteRequest, row: Measurement) -> datetime | None:
    """The instant as typed, on the site's clock face; None where it was left as it stands."""
    text = request.POST.get("measured_at", "").strip()
    zone = ZoneInfo(request.site.time_zone)
    if not text or text == row.measured_at.astimezone(zone).strftime(LOCAL_FORMAT):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        raise CorrectionRefused("measured: send date and time, such as 2026-03-01T08:30:00") from None


def _form(request: SiteRequest, row: Measurement, *, error: str = "", status: int = 200) -> HttpResponse:
    zone = ZoneInfo(request.site.time_zone)
    kind = row.characteristic.gauge_kind
    gauges = Gauge.objects.filter(site=request.site, kind=kind, retired_at__isnull=True) if kind else []
    posted: dict[str, Any] = request.POST if request.method == "POST" else {}
    context = {
        "nav_active": "lots",
        "row": row,
        "lot_code": old_lot_code(row),
        "back_url": _back(row),
        "superseded": Supersession.objects.filter(old_id=row.id).select_related("superseded_by").first(),
        "judgement": Judgement.objects.filter(measurement_id=row.id, lot_id=row.lot_id)
        .select_related("line__requirement")
        .first(),
        "gauges": gauges,
        "gauge": posted.get("gauge", row.gauge.code if row.gauge else ""),
        "value": posted.get("value", f"{row.qualifier}{row.entered_text}"),
        "measured_at": posted.get("measured_at", row.measured_at.astimezone(zone).strftime(LOCAL_FORMAT)),
        "sample_size": posted.get("sample_size", row.sample_size or ""),
        "reason": posted.get("reason", ""),
        "key": posted.get("key", str(new_uuid7())),
        "error": error,
    }
    return render(request, "web/lots/correct.html", context, status=status)


def _back(row: Measurement) -> str:
    code = old_lot_code(row)
    return reverse("web:lot", args=[code]) if code else reverse("web:charts")


def _sentence(refusal: Exception) -> str:
    text = str(refusal)
    if isinstance(refusal, InvalidSubmission):  # of one reading: its number says nothing here
        text = "; ".join(f"{problem.field}: {problem.message}" for problem in refusal.problems)
    return f"{text[:1].upper()}{text[1:]}."


def _tell(request: SiteRequest, body: dict[str, Any]) -> None:
    derived = body["superseded"] - 1
    words = f" {derived} computed value{'s' if derived != 1 else ''} followed." if derived > 0 else ""
    messages.success(
        request, f"Corrected; the old value stays on record.{words} Holds stay until disposed of."
    )
    for violation in body["violations"]:
        messages.error(request, violation["message"])
