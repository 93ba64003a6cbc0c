"""How long a lot is good: asked to be extended with the values of a re-test, signed by another person."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from lots.models import Lot
from mes.web.forms.delivery import retest_in
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at
from quality.actions.extend_life import approve_extension, request_extension
from quality.actions.receive import ReceiptRefused
from quality.actions.sign import SignatureRefused
from quality.models import ShelfLifeExtension
from quality.permissions import Action, may, require
from quality.shelf_life import items_of, lives_of, rule_of

SHOWN = 20


@require_http_methods(["GET", "HEAD", "POST"])
@site_page()
def shelf_life(request: SiteRequest, code: str) -> HttpResponse:
    """The lot's life with its extensions, and the form that asks for another one."""
    lot, error = lot_at(request, code), ""
    rule = rule_of(lot.material_id)
    items = items_of(rule.pk) if rule is not None else ()
    if request.method == "POST":
        require(request.user, request.site, Action.EXTEND_LIFE)
        try:
            request_extension(
                lot,
                retest_in(request.POST, items),
                ends_at=_end(request),
                reason=request.POST.get("reason", ""),
                user=request.user,
                now=request.now,
            )
        except ReceiptRefused as refusal:
            error = str(refusal)
        else:
            messages.success(request, "Asked for. Nothing changes until another person has signed.")
            return redirect("web:shelf_life", lot.code)
    rows = ShelfLifeExtension.objects.filter(lot=lot).order_by("-pk")
    return render(
        request,
        "web/receiving/shelf_life.html",
        {
            "nav_active": "receiving",
            "lot": lot,
            "life": lives_of([lot], now=request.now)[lot.pk],
            "rows": rows.select_related("requested_by", "approval__signature").prefetch_related("values")[
                :SHOWN
            ],
            "items": [(item, request.POST.get(f"item-{item.pk}", "")) for item in items],
            "may_ask": may(request.user, request.site, Action.EXTEND_LIFE),
            "may_sign": may(request.user, request.site, Action.APPROVE_EXTENSION),
            "error": error,
            "entered": request.POST,
        },
        status=422 if error else 200,
    )


@require_POST
@site_page(Action.APPROVE_EXTENSION)
def sign(request: SiteRequest, code: str, key: int) -> HttpResponse:
    lot: Lot = lot_at(request, code)
    found = get_object_or_404(
        ShelfLifeExtension.objects.select_related("lot__site", "requested_by"), pk=key, lot=lot
    )
    try:
        approve_extension(
            found, user=request.user, password=request.POST.get("password", ""), now=request.now
        )
    except (ReceiptRefused, SignatureRefused) as refusal:
        text = str(refusal).partition(": ")[2] or str(refusal)
        messages.error(request, f"Not signed. {text[:1].upper()}{text[1:]}.")
    else:
        messages.success(request, f"Signed. {lot.code} is good until {found.ends_at:%Y-%m-%d %H:%M} (UTC).")
    return redirect("web:shelf_life", lot.code)


def _end(request: SiteRequest) -> datetime:
    """The end of the day that was chosen, on the site's calendar."""
    try:
        day = datetime.fromisoformat(request.POST.get("ends_date", "")).date()
    except ValueError:
        raise ReceiptRefused("ends_at: give a date") from None
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(request.site.time_zone))
