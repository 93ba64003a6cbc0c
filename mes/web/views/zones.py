"""Dry rooms: the shift checklist with large buttons, and the rule that asks for it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from lots.models import ProcessStep
from lots.science.humidity_events import ChecklistItem
from mes.web.site import SiteRequest, site_page
from quality.actions.shift_check import ShiftCheckRefused, answer_checklist, set_zone_rule
from quality.models import ShiftCheck, ZoneRule
from quality.permissions import Action, may
from quality.shift_checks import WORDS, ZoneStanding, standing_of_zones

CHECKS_SHOWN = 10


@require_safe
@site_page()
def zones(request: SiteRequest) -> HttpResponse:
    """The site's dry rooms and whether work may start in them."""
    return render(
        request,
        "web/zones/list.html",
        {"nav_active": "zones", "states": standing_of_zones(request.site, now=request.now)},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@site_page()
def zone(request: SiteRequest, key: int) -> HttpResponse:
    state = next((s for s in standing_of_zones(request.site, now=request.now) if s.zone.pk == key), None)
    if state is None:
        raise Http404("no such zone in use at this site")
    if request.method != "POST":
        return _page(request, state)
    try:
        words = _set_rule(request, state) if request.POST.get("action") == "rule" else _answer(request, state)
    except ShiftCheckRefused as refusal:
        return _page(request, state, error=str(refusal), status=422)
    messages.success(request, words)
    return redirect("web:zone", key)


def _answer(request: SiteRequest, state: ZoneStanding) -> str:
    given = {item: request.POST.get(item.value) for item in ChecklistItem}
    check = answer_checklist(
        state.zone,
        {item: value == "1" for item, value in given.items() if value in {"0", "1"}},
        remarks=request.POST.get("remarks", ""),
        user=request.user,
        now=request.now,
    )
    if check.passed:
        return f"Recorded. {state.zone.name} has passed its checklist for shift {check.shift}."
    return f"Recorded. Nothing starts in {state.zone.name} until what failed is put right and checked again."


def _set_rule(request: SiteRequest, state: ZoneStanding) -> str:
    text = request.POST.get("hours", "").strip()
    if text and not (text.isascii() and text.isdecimal()):
        raise ShiftCheckRefused(f"hours: {text!r} is not a whole number")
    rule = set_zone_rule(
        state.zone,
        request.POST.getlist("steps"),
        hours=int(text) if text else None,
        reason=request.POST.get("reason", ""),
        user=request.user,
        now=request.now,
    )
    if not rule.steps:
        return f"{state.zone.name} asks for no checklist any more."
    return f"From now on {len(rule.steps)} steps start in {state.zone.name} behind a passed checklist."


def _page(request: SiteRequest, state: ZoneStanding, *, error: str = "", status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "nav_active": "zones",
        "state": state,
        "items": [
            (item.value, words, request.POST.get(item.value, "") if error else "")
            for item, words in WORDS.items()
        ],
        "checks": ShiftCheck.objects.filter(zone=state.zone)
        .select_related("checked_by")
        .order_by("-checked_at", "-pk")[:CHECKS_SHOWN],
        "rules": ZoneRule.objects.filter(zone=state.zone).select_related("set_by").order_by("-pk")[:5],
        "steps": ProcessStep.objects.order_by("sequence"),
        "may_check": may(request.user, request.site, Action.CHECK_SHIFT),
        "may_set_rule": may(request.user, request.site, Action.EDIT_MASTERS),
        "error": error,
        "entered": request.POST if error else {},
    }
    return render(request, "web/zones/zone.html", context, status=status)
