"""Deviations: asked for on the page of a lot, signed by two people, and expired when their time is over."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lots.models import Characteristic, Lot
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at
from quality.actions.deviate import DeviationRefused, request_deviation, sign_deviation
from quality.actions.sign import SignatureRefused
from quality.deviations import deviations_of
from quality.models import Deviation, GateCode
from quality.permissions import Action, may

LISTED = 100


@require_safe
@site_page()
def deviations(request: SiteRequest) -> HttpResponse:
    """Deviations of the site, newest first, with who has signed and whether each permits anything now."""
    rows = deviations_of(request.site, at=request.site_now)[:LISTED]
    return render(
        request,
        "web/deviations/list.html",
        {
            "nav_active": "deviations",
            "waiting": [row for row in rows if row.state == "waiting"],
            "others": [row for row in rows if row.state != "waiting"],
            "may_sign": may(request.user, request.site, Action.SIGN_DEVIATION),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(Action.REQUEST_DEVIATION)
def ask(request: SiteRequest, code: str, gate: str, characteristic: str) -> HttpResponse:
    """Ask that the lot may pass one check of one gate without it."""
    lot = lot_at(request, code)
    check = get_object_or_404(Characteristic, code=characteristic)
    error = ""
    if request.method == "POST":
        try:
            _ask(request, lot, gate, check)
        except DeviationRefused as refusal:
            error = str(refusal)
        else:
            messages.success(request, "Asked for. It permits nothing until two other people have signed.")
            return redirect("web:deviations")
    context = {
        "nav_active": "lots",
        "lot": lot,
        "gate": GateCode(gate).label if gate in GateCode.values else gate,
        "check": check,
        "error": error,
        "values": request.POST,
    }
    return render(request, "web/deviations/ask.html", context, status=422 if error else 200)


@require_POST
@site_page(Action.SIGN_DEVIATION)
def sign(request: SiteRequest, key: int) -> HttpResponse:
    found = get_object_or_404(
        Deviation.objects.select_related("lot", "site", "characteristic", "requested_by"),
        pk=key,
        site=request.site,
    )
    try:
        sign_deviation(found, user=request.user, password=request.POST.get("password", ""), now=request.now)
    except (DeviationRefused, SignatureRefused) as refusal:
        text = str(refusal).partition(": ")[2] or str(refusal)
        messages.error(request, f"Not signed. {text[:1].upper()}{text[1:]}.")
    else:
        count = found.signatures.count()
        words = "It is in force until it expires." if count == 2 else "One more person must sign."
        messages.success(request, f"Signed. {words}")
    return redirect("web:deviations")


def _ask(request: SiteRequest, lot: Lot, gate: str, check: Characteristic) -> Deviation:
    try:
        expires_at = datetime.fromisoformat(request.POST.get("expires_at", ""))
    except ValueError:
        raise DeviationRefused("expires_at: give date and time") from None
    if expires_at.tzinfo is None:
        expires_at = expires_at.replace(tzinfo=request.site_now.tzinfo)
    return request_deviation(
        lot,
        gate,
        check,
        reason=request.POST.get("reason", ""),
        expires_at=expires_at,
        user=request.user,
        now=request.now,
    )
