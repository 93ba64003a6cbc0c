"""Receiving: choose the material, scan, answer three checks; the list says what is good and for how long."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lots.clock import local_words
from lots.models import MaterialDefinition, Receipt
from lots.queries import active_holds
from mes.web.forms.delivery import CHECKS, delivery_of, items_in, whole
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at
from quality.actions.receive import DELIVERED, ReceiptRefused, open_lot, receive, set_incoming_rule
from quality.actions.taking import ProductionRefused
from quality.models import IncomingRule
from quality.permissions import Action, may
from quality.shelf_life import items_of, lives_of, rule_of

SHOWN = 50


@require_safe
@site_page()
def receiving(request: SiteRequest) -> HttpResponse:
    """What is delivered here, and the latest deliveries with their state."""
    wanted = request.GET.get("q", "").strip()[:48]
    rows = Receipt.objects.filter(lot__site=request.site)
    if wanted:
        rows = rows.filter(lot__code__icontains=wanted) | rows.filter(supplier_lot__icontains=wanted)
    receipts = list(rows.select_related("lot__material", "lot__site", "received_by").order_by("-pk")[:SHOWN])
    lots = [receipt.lot for receipt in receipts]
    lives = lives_of(lots, now=request.now)
    held = set(active_holds(lot.pk for lot in lots).values_list("lot_id", flat=True))
    return render(
        request,
        "web/receiving/list.html",
        {
            "nav_active": "receiving",
            "materials": _materials(),
            "rows": [(receipt, lives[receipt.lot_id], receipt.lot_id in held) for receipt in receipts],
            "wanted": wanted,
            "may_receive": may(request.user, request.site, Action.RECEIVE),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(Action.RECEIVE)
def delivery(request: SiteRequest, material: str) -> HttpResponse:
    """The form of one material; a delivery that fails its inspection is received and held."""
    found = get_object_or_404(_materials(), code=material)
    if request.method != "POST":
        return _form(request, found)
    rule = rule_of(found.pk)
    items = items_of(rule.pk) if rule is not None else ()
    try:
        wanted = delivery_of(request.POST, items, request.site)
        receipt = receive(wanted, site=request.site, user=request.user, now=request.now)
    except (ReceiptRefused, ProductionRefused) as refusal:
        return _form(request, found, error=str(refusal))
    hold = active_holds([receipt.lot_id]).first()
    if hold is not None:
        messages.warning(request, f"{receipt.lot.code} is received and held: {hold.hold.reason}.")
    else:
        messages.success(request, f"{receipt.lot.code} is received.")
    return redirect("web:receiving")


@require_POST
@site_page(Action.RECEIVE)
def opened(request: SiteRequest, code: str) -> HttpResponse:
    """The container was opened: its life after opening begins."""
    lot = lot_at(request, code)
    try:
        opening = open_lot(lot, user=request.user, now=request.now)
    except ReceiptRefused as refusal:
        messages.error(request, str(refusal).partition(": ")[2])
    else:
        until = f" It is good until {local_words(lot.site, opening.use_by)}." if opening.use_by else ""
        messages.success(request, f"{lot.code} is opened.{until}")
    return redirect("web:receiving")


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(posts=(Action.EDIT_MASTERS,))
def rule(request: SiteRequest, material: str) -> HttpResponse:
    """Shelf life and incoming inspection of a material, with its earlier rules."""
    found = get_object_or_404(_materials(), code=material)
    error = ""
    if request.method == "POST":
        try:
            warn = whole(request.POST, "warn_before_h")
            set_incoming_rule(
                found,
                items_in(request.POST.get("items", "")),
                shelf_life_d=whole(request.POST, "shelf_life_d"),
                open_life_h=whole(request.POST, "open_life_h"),
                warn_before_h=168 if warn is None else warn,
                reason=request.POST.get("reason", ""),
                site=request.site,
                user=request.user,
                now=request.now,
            )
        except ReceiptRefused as refusal:
            error = str(refusal)
        else:
            messages.success(request, f"From now on deliveries of {found.code} are inspected so.")
            return redirect("web:receiving_rule", found.code)
    current = rule_of(found.pk)
    return render(
        request,
        "web/receiving/rule.html",
        {
            "nav_active": "receiving",
            "material": found,
            "rules": IncomingRule.objects.filter(material=found)
            .select_related("set_by")
            .prefetch_related("items")
            .order_by("-pk")[:10],
            "current": current,
            "items": items_of(current.pk) if current is not None else (),
            "may_set_rule": may(request.user, request.site, Action.EDIT_MASTERS),
            "error": error,
            "entered": request.POST if error else {},
        },
        status=422 if error else 200,
    )


def _materials() -> Any:
    return MaterialDefinition.objects.filter(kind__in=DELIVERED, retired_at__isnull=True).order_by("code")


def _form(request: SiteRequest, material: MaterialDefinition, *, error: str = "") -> HttpResponse:
    current = rule_of(material.pk)
    items = items_of(current.pk) if current is not None else ()
    suppliers = Receipt.objects.filter(lot__site=request.site, lot__material=material)
    return render(
        request,
        "web/receiving/delivery.html",
        {
            "nav_active": "receiving",
            "material": material,
            "rule": current,
            "items": [(item, request.POST.get(f"item-{item.pk}", "")) for item in items],
            "checks": [(name, words, request.POST.get(name, "")) for name, words in CHECKS],
            "suppliers": list(
                suppliers.order_by("supplier").values_list("supplier", flat=True).distinct()[:20]
            ),
            "error": error,
            "entered": request.POST,
        },
        status=422 if error else 200,
    )
