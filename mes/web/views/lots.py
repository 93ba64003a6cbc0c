"""Lots: the list, the page of one, its genealogy, its label, and stopping it by hand."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from lots.actions.place_hold import HeldExtent
from lots.audit_export import export_audit
from lots.models import HoldLot, Lot, LotAlias, MaterialDefinition, StepExecution
from lots.queries import active_holds
from mes.web.genealogy import genealogy_document
from mes.web.history import history_of
from mes.web.label import label_svg
from mes.web.links import blocker_rows
from mes.web.lot_page import cases_of, charts_of, exposure_of, holds_of, links_of, progress_of, values_of
from mes.web.ruler import ruler_of
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at
from mes.web.waiting import lots_in_line
from quality.actions.hold import HoldRefused, hold_by_hand
from quality.fill_check import fill_check
from quality.gates import whole_standing
from quality.permissions import Action, may
from quality.spikes import spike_behind

PAGE = 50
STATES = [("", "Any state"), ("held", "Held"), ("waiting", "Waiting for a step"), *Lot.State.choices]


@require_safe
@site_page()
def index(request: SiteRequest) -> HttpResponse:
    """Lots, newest first; the next page begins below the last key, so that new lots move nothing."""
    asked: dict[str, str] = {
        name: str(request.GET.get(name, "")).strip() for name in ("q", "state", "material")
    }
    rows = _filtered(request, **asked)
    before = request.GET.get("before", "")
    if before.isdecimal():
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.select_related("material").order_by("-pk")[: PAGE + 1])
    lots = found[:PAGE]
    running = {
        run.lot_id: run
        for run in StepExecution.objects.filter(lot__in=lots, finished_at__isnull=True).select_related(
            "route_step__step"
        )
    }
    held = set(active_holds(lot.pk for lot in lots).values_list("lot_id", flat=True))
    kept = {name: value for name, value in asked.items() if value}
    return render(
        request,
        "web/lots/index.html",
        {
            "nav_active": "lots",
            "rows": [(lot, lot.pk in held, running.get(lot.pk)) for lot in lots],
            "asked": asked,
            "states": STATES,
            "materials": MaterialDefinition.objects.order_by("code"),
            "next_url": f"?{urlencode({**kept, 'before': str(lots[-1].pk)})}" if len(found) > PAGE else "",
            "first_url": f"?{urlencode(kept)}" if before else "",
        },
    )


def _filtered(request: SiteRequest, *, q: str, state: str, material: str) -> QuerySet[Lot]:
    rows = lots_in_line(request.site) if state == "waiting" else Lot.objects.filter(site=request.site)
    if state == "held":
        rows = rows.filter(Exists(HoldLot.objects.filter(lot=OuterRef("pk"), disposition_id__isnull=True)))
    elif state in Lot.State.values:
        rows = rows.filter(state=state)
    if material:
        rows = rows.filter(material__code=material)
    if q:
        named = LotAlias.objects.filter(lot=OuterRef("pk"), alias__icontains=q)
        rows = rows.filter(Q(code__icontains=q) | Exists(named))
    return rows


@require_safe
@site_page()
def detail(request: SiteRequest, code: str) -> HttpResponse:
    lot = lot_at(request, code)
    before = request.GET.get("before", "")
    events, older = history_of(lot, before=int(before) if before.isdecimal() else None)
    stands = whole_standing(lot, now=request.now)
    progress = progress_of(lot)
    running = next((entry for entry in progress if entry.is_running), None)
    values, truncated = values_of(lot)
    parents, children, more_links = links_of(lot)
    holds = holds_of(lot)
    context: dict[str, Any] = {
        "nav_active": "lots",
        "lot": lot,
        "step": stands.step,
        "gates": stands.gates,
        "spike": spike_behind([lot]).get(lot.pk),
        "may_ask": may(request.user, request.site, Action.REQUEST_DEVIATION),
        "running": running,
        "blockers": blocker_rows(lot, stands.blockers),
        "progress": progress,
        "values": values,
        "values_truncated": truncated,
        "ruler": ruler_of(lot),
        "parents": parents,
        "children": children,
        "more_links": more_links,
        "may_correct_inputs": may(request.user, request.site, Action.CORRECT_INPUT),
        "holds": holds,
        "active_holds": sum(entry.member.disposition_id is None for entry in holds),
        "cases": cases_of(lot),
        "may_case": may(request.user, request.site, Action.WORK_CASE),
        "exposure": exposure_of(lot, site_now=request.site_now),
        "charts": charts_of(lot),
        "fill": fill_check(lot) if lot.material.kind == MaterialDefinition.Kind.CELL else None,
        "events": events,
        "older_url": f"?before={older}#history" if older else "",
        "aliases": lot.aliases.all(),
        "may_correct": may(request.user, request.site, Action.CORRECT),
        "may_hold": may(request.user, request.site, Action.PLACE_HOLD),
        "hold_url": reverse("web:lot_hold", args=[lot.code]),
        "back": "lot",
    }
    return render(request, "web/lots/detail.html", context)


@require_safe
@site_page()
def genealogy(request: SiteRequest, code: str) -> JsonResponse:
    return JsonResponse(genealogy_document(lot_at(request, code)))


@require_safe
@site_page()
def audit(request: SiteRequest, code: str) -> HttpResponse:
    """The lot's audit trail as a zip, with a verifier that runs offline."""
    lot = lot_at(request, code)
    answer = HttpResponse(export_audit(lot), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{lot.code}-audit.zip"'
    return answer


@require_safe
@site_page()
def label(request: SiteRequest, code: str) -> HttpResponse:
    return HttpResponse(label_svg(lot_at(request, code)), content_type="image/svg+xml")


@require_POST
@site_page(Action.PLACE_HOLD)
def hold(request: SiteRequest, code: str) -> HttpResponse:
    """Stop the lot, or an interval of a roll, and everything made from it."""
    lot = lot_at(request, code)
    back = redirect("web:station_lot" if request.POST.get("back") == "station" else "web:lot", lot.code)
    try:
        extent = _extent(lot, request.POST.get("from_m", "").strip(), request.POST.get("to_m", "").strip())
        placed = hold_by_hand(
            [extent],
            site=request.site,
            reason=request.POST.get("reason", "")[:500],
            user=request.user,
            now=request.now,
        )
    except HoldRefused as refusal:
        messages.error(request, f"Not held. {str(refusal).capitalize()}.")
        return back
    others = placed.members.count() - 1
    made = f" So {'is the lot' if others == 1 else f'are the {others} lots'} made from it." if others else ""
    messages.warning(request, f"{lot.code} is held: it must not move until a quality engineer decides.{made}")
    return back


def _extent(lot: Lot, from_m: str, to_m: str) -> HeldExtent:
    if not from_m and not to_m:
        return HeldExtent(lot.pk)
    try:
        start, end = (int(Decimal(text) * 1000) for text in (from_m, to_m))
    except (InvalidOperation, OverflowError, ValueError):
        raise HoldRefused("metres: give both ends as numbers, such as 120 and 132.5") from None
    if not 0 <= start < end or (lot.length_mm is not None and end > lot.length_mm):
        length = f"; the roll is {lot.length_mm / 1000:g} m long" if lot.length_mm is not None else ""
        raise HoldRefused(f"metres: the end must lie behind the start, on the roll{length}")
    return HeldExtent(lot.pk, start, end)
