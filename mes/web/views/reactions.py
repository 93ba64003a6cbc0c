"""Reactions of the control plan: what fired, what is stopped or tightened, and how that ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from mes.web.site import SiteRequest, site_page
from quality.actions.end_reaction import EndingRefused, end_tightening, lift_stop
from quality.actions.sign import SignatureRefused
from quality.actions.switch_sampling import ResumptionRefused, resume_sampling
from quality.lot_sampling import sampled_streams
from quality.models import ControlPlanLine, StreamStop, Tightening
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
            "sampled": sampled_streams(request.site),
            "may_resume": may(request.user, request.site, Action.RESUME_SAMPLING),
            "may_end": may(request.user, request.site, Action.END_TIGHTENING),
        },
    )


@require_POST
@site_page(Action.LIFT_STOP)
def lift(request: SiteRequest, key: int) -> HttpResponse:
    stop = get_object_or_404(StreamStop, pk=key, site=request.site)
    done = "Lifted: lots may start again. What the stop held stays held."
    return _signed(request, partial(lift_stop, stop), done=done, refused="Not lifted.")


@require_POST
@site_page(Action.END_TIGHTENING)
def end(request: SiteRequest, key: int) -> HttpResponse:
    tightening = get_object_or_404(Tightening, pk=key, site=request.site)
    done = "Ended: lots that start from now on owe the planned samples."
    return _signed(request, partial(end_tightening, tightening), done=done, refused="Not ended.")


@require_POST
@site_page(Action.RESUME_SAMPLING)
def resume(request: SiteRequest, key: int) -> HttpResponse:
    """Lots of a stream whose acceptance sampling was discontinued may be offered again."""
    line = get_object_or_404(
        ControlPlanLine.objects.select_related("revision__plan__site"),
        pk=key,
        revision__plan__site=request.site,
    )
    done = "Resumed: the next lot is inspected tightened."
    return _signed(request, partial(resume_sampling, line), done=done, refused="Not resumed.")


def _signed(request: SiteRequest, action: Callable[..., object], *, done: str, refused: str) -> HttpResponse:
    """Do it with the reason and password of the form, and say so or why not."""
    try:
        action(
            reason=request.POST.get("reason", ""),
            user=request.user,
            password=request.POST.get("password", ""),
            now=request.now,
        )
    except (EndingRefused, ResumptionRefused, SignatureRefused) as refusal:
        text = str(refusal).partition(": ")[2] or str(refusal)
        messages.error(request, f"{refused} {text[:1].upper()}{text[1:]}.")
    else:
        messages.success(request, done)
    return redirect("web:reactions")
