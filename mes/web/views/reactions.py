"""Reactions of the control plan: what fired, what is stopped or tightened, and how that ends."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from mes.web.site import SiteRequest, site_page
from quality.actions.sign import SignatureRefused
from quality.actions.stop import StopRefused, lift_stop
from quality.actions.tighten import TighteningRefused, end_tightening
from quality.models import StreamStop, Tightening
from quality.permissions import Action, may
from quality.reactions import firings_of, stops_of, tightened_now
from spc.engine.special_rules import rule_named
from spc.models import Signal

PAGE = 50
LIFTED_LISTED = 10


@require_safe
@site_page()
def reactions(request: SiteRequest) -> HttpResponse:
    """Stops and tightenings in force, and the log, newest first; `before` pages back."""
    chosen, before = request.GET.get("reaction", ""), request.GET.get("before", "")
    rows = firings_of(request.site)
    if chosen in Signal.Reaction.values:
        rows = rows.filter(reaction=chosen)
    if before.isdecimal():
        rows = rows.filter(pk__lt=int(before))
    fired = list(rows[: PAGE + 1])
    stops = stops_of(request.site)
    return render(
        request,
        "web/reactions/list.html",
        {
            "nav_active": "reactions",
            "stops": stops.filter(lifted_at__isnull=True),
            "lifted": stops.filter(lifted_at__isnull=False).order_by("-lifted_at")[:LIFTED_LISTED],
            "tightened": tightened_now(request.site),
            "fired": [(firing, rule_named(firing.signal.rule).label) for firing in fired[:PAGE]],
            "older": fired[PAGE - 1].pk if len(fired) > PAGE else None,
            "chosen": chosen,
            "kinds": Signal.Reaction.choices,
            "may_lift": may(request.user, request.site, Action.LIFT_STOP),
            "may_end": may(request.user, request.site, Action.END_TIGHTENING),
        },
    )


@require_POST
@site_page(Action.LIFT_STOP)
def lift(request: SiteRequest, key: int) -> HttpResponse:
    stop = get_object_or_404(StreamStop, pk=key, site=request.site)
    try:
        lift_stop(
            stop,
            reason=request.POST.get("reason", ""),
            user=request.user,
            password=request.POST.get("password", ""),
            now=request.now,
        )
    except (StopRefused, SignatureRefused) as refusal:
        messages.error(request, f"Not lifted. {_words(refusal)}")
    else:
        messages.success(request, "Lifted: lots may start again. What the stop held stays held.")
    return redirect("web:reactions")


@require_POST
@site_page(Action.END_TIGHTENING)
def end(request: SiteRequest, key: int) -> HttpResponse:
    tightening = get_object_or_404(Tightening, pk=key, site=request.site)
    try:
        end_tightening(
            tightening,
            reason=request.POST.get("reason", ""),
            user=request.user,
            password=request.POST.get("password", ""),
            now=request.now,
        )
    except (TighteningRefused, SignatureRefused) as refusal:
        messages.error(request, f"Not ended. {_words(refusal)}")
    else:
        messages.success(request, "Ended: lots that start from now on owe the planned samples.")
    return redirect("web:reactions")


def _words(refusal: Exception) -> str:
    text = str(refusal).partition(": ")[2] or str(refusal)
    return f"{text[:1].upper()}{text[1:]}."
