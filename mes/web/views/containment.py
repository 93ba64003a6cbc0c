"""The containment sheet of a hold, and the forms by which a quality engineer widens or narrows it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from lots.actions.place_hold import HeldExtent
from lots.models import Hold, HoldLot, Lot
from mes.web.site import SiteRequest, site_page
from quality.actions.contain import ContainmentRefused, narrow, widen
from quality.actions.contain_late import window_from_now
from quality.actions.dispose import DispositionRefused
from quality.actions.sign import SignatureRefused
from quality.containment_sheet import containment_sheet
from quality.models import ContainmentChange
from quality.permissions import Action, NotPermitted, may
from spc.models import SubgroupMember
from spc.queries import current_points

DIRECT_OFFERED = 200


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(posts=(Action.CONTAIN,))
def containment(request: SiteRequest, key: int) -> HttpResponse:
    hold = get_object_or_404(Hold.objects.select_related("site", "placed_by"), pk=key, site=request.site)
    if request.method != "POST":
        return _page(request, hold)
    try:
        change = _narrow(request, hold) if request.POST.get("action") == "narrow" else _widen(request, hold)
    except (ContainmentRefused, DispositionRefused, SignatureRefused, NotPermitted) as refused:
        return _page(request, hold, error=str(refused), status=422)
    narrowed = change.kind == ContainmentChange.Kind.NARROWED
    words = f"{change.lots_closed} lots or stretches let go" if narrowed else f"{change.lots_added} more held"
    messages.success(request, f"{change.get_kind_display()}: {change.what} ({words}).")
    return redirect("web:containment", hold.pk)


def _widen(request: SiteRequest, hold: Hold) -> ContainmentChange:
    sequence = request.POST.get("from_point", "").strip()
    extents = _from_point(request, hold, sequence) if sequence else [_named_extent(request)]
    return widen(hold, extents, reason=request.POST.get("reason", ""), user=request.user, now=request.now)


def _narrow(request: SiteRequest, hold: Hold) -> ContainmentChange:
    lot = Lot.objects.filter(site=request.site, code=request.POST.get("lot", "")).first()
    if lot is None:
        raise ContainmentRefused("lot: choose one that is held directly")
    return narrow(
        hold,
        lot,
        _interval(request),
        reason=request.POST.get("reason", ""),
        user=request.user,
        password=request.POST.get("password", ""),
        now=request.now,
    )


def _named_extent(request: SiteRequest) -> HeldExtent:
    code = request.POST.get("lot", "").strip()
    lot = Lot.objects.filter(site=request.site, code__iexact=code).first()
    if lot is None:
        raise ContainmentRefused(f"lots: there is no lot {code[:48]!r} at {request.site.code}")
    interval = _interval(request)
    return HeldExtent(lot.pk, *interval) if interval else HeldExtent(lot.pk)


def _from_point(request: SiteRequest, hold: Hold, text: str) -> list[HeldExtent]:
    """Lots of the hold's chart from a point on (numbered from 1) to where the window began."""
    firing = hold.firings.select_related("signal__point").first()
    began = window_from_now(firing)
    if firing is None or began is None:
        raise ContainmentRefused("from_point: this hold has no chart, or its chart has changed; name a lot")
    if not text.isdecimal() or not 1 <= int(text) <= began:
        raise ContainmentRefused(f"from_point: a number from 1 to {began}")
    points = current_points(firing.signal.chart_id).filter(sequence__gte=int(text) - 1, sequence__lt=began)
    lots = SubgroupMember.objects.filter(subgroup__points__in=points, lot_id__isnull=False)
    keys = {key for key in lots.values_list("lot_id", flat=True) if key is not None}
    return [HeldExtent(key) for key in sorted(keys)]


def _interval(request: SiteRequest) -> tuple[int, int] | None:
    texts = [request.POST.get(name, "").strip() for name in ("from_m", "to_m")]
    if not any(texts):
        return None
    try:
        start, end = (int(Decimal(text) * 1000) for text in texts)
    except (InvalidOperation, OverflowError, ValueError):
        raise ContainmentRefused("metres: give both ends as numbers, such as 120 and 132.5") from None
    if not 0 <= start < end:
        raise ContainmentRefused("metres: the end must lie behind the start")
    return start, end


def _direct(hold: Hold) -> list[tuple[Lot, list[HoldLot]]]:
    """Lots held directly, each once with all its stretches: narrowing leaves one stretch of the whole lot."""
    members = (
        HoldLot.objects.filter(hold=hold, inherited_from__isnull=True, disposition_id__isnull=True)
        .select_related("lot")
        .order_by("id")[:DIRECT_OFFERED]
    )
    lots: dict[int, tuple[Lot, list[HoldLot]]] = {}
    for member in members:
        lots.setdefault(member.lot_id, (member.lot, []))[1].append(member)
    return list(lots.values())


def _page(request: SiteRequest, hold: Hold, *, error: str = "", status: int = 200) -> HttpResponse:
    sheet = containment_sheet(hold)
    field, _, words = error.partition(": ")
    return render(
        request,
        "web/holds/containment.html",
        {
            "nav_active": "review",
            "hold": hold,
            "sheet": sheet,
            "window_from": window_from_now(sheet.firing),
            "covered": len(sheet.recount.reached & sheet.recount.held),
            "reached": len(sheet.recount.reached),
            "direct": _direct(hold),
            "may_contain": may(request.user, request.site, Action.CONTAIN),
            "error": words or field,
            "entered": request.POST,
        },
        status=status,
    )
