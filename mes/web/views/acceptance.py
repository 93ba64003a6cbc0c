"""Acceptance of a cell lot: the risks of a sample size, the frozen plan, the results, the decision."""

from __future__ import annotations

import secrets
from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from lots.models import Lot
from mes.web.plot import plot
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at
from quality.acceptance import BAD, GOOD, Rules, operating
from quality.actions.accept_lot import (
    AcceptanceRefused,
    decide_lot,
    freeze_plan,
    outlook_of,
    results_of,
    schemes_in,
)
from quality.actions.sign import SignatureRefused
from quality.lot_sampling import schemes_of
from quality.models import AcceptancePlan
from quality.permissions import Action, may
from quality.release_view import members_of
from quality.sample_verdict import judge_schemes

DEFAULTS = {
    "capacity_min_ah": "19.2",
    "efficiency_min_pct": "99",
    "resistance_max_mohm": "2.4",
    "share_pct": "90",
    "outliers_max": "1",
}


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(posts=(Action.ACCEPT_LOT,))
def acceptance(request: SiteRequest, code: str) -> HttpResponse:
    lot = lot_at(request, code)
    plan = AcceptancePlan.objects.filter(lot=lot).select_related("lot__site", "frozen_by").first()
    if request.method != "POST":
        return _page(request, lot, plan)
    try:
        if request.POST.get("action") == "decide" and plan is not None:
            done = decide_lot(
                plan, user=request.user, password=request.POST.get("password", ""), now=request.now
            )
            messages.success(
                request, f"Signed: the lot is {'accepted' if done.accepted else 'rejected and held'}."
            )
        else:
            size = request.POST.get("sample_size", "")
            made = freeze_plan(
                lot,
                _rules(request),
                sample_size=int(size) if size.isdecimal() else 0,
                seed=secrets.randbelow(2**31),
                user=request.user,
                now=request.now,
            )
            messages.success(request, f"Frozen: {made.sample_size} cells, seed {made.seed}.")
    except (AcceptanceRefused, SignatureRefused) as refusal:
        return _page(request, lot, plan, error=str(refusal), status=422)
    return redirect("web:lot_acceptance", lot.code)


def _rules(request: SiteRequest) -> Rules:
    numbers = {}
    for name in ("capacity_min_ah", "efficiency_min_pct", "resistance_max_mohm", "share_pct"):
        try:
            numbers[name] = Decimal(request.POST.get(name, "").strip())
        except InvalidOperation:
            raise AcceptanceRefused(f"{name}: give a number") from None
        if not numbers[name].is_finite():
            raise AcceptanceRefused(f"{name}: give a finite number")
    outliers = request.POST.get("outliers_max", "").strip()
    if not outliers.isdecimal():
        raise AcceptanceRefused("outliers_max: give a whole number from 0")
    return Rules(**numbers, outliers_max=int(outliers))


def _page(
    request: SiteRequest, lot: Lot, plan: AcceptancePlan | None, *, error: str = "", status: int = 200
) -> HttpResponse:
    cells = members_of(lot)[1:]
    asked = request.POST.get("sample_size") or request.GET.get("sample_size", "")
    schemes = schemes_in(plan) if plan else schemes_of(lot, cells, now=request.now)
    needed = max((scheme.n for scheme in schemes), default=0)
    size = int(asked) if asked.isdecimal() and int(asked) > 0 else max(needed, min(10, max(1, len(cells))))
    rules = Rules.from_content(plan.rules) if plan else None
    size = plan.sample_size if plan else min(size, max(1, len(cells)))
    risks = operating(size, rules or Rules(Decimal(0), Decimal(0), Decimal(0)))
    results = results_of(plan) if plan else []
    sampled = judge_schemes(schemes) if plan else []
    decided = getattr(plan, "decision", None) if plan else None
    context = {
        "nav_active": "lots",
        "lot": lot,
        "cells": cells,
        "plan": plan,
        "decision": decided,
        "rules": rules,
        "results": results,
        "outlook": outlook_of(results, rules, sampled) if rules else None,
        "schemes": schemes,
        "needed": needed,
        "blocked": next((f"{each.name}: {each.problem}" for each in schemes if each.problem), ""),
        "sampled": sampled,
        "switched": decided.sampling_events.select_related("characteristic") if decided else [],
        "size": size,
        "risks": risks,
        "good_pct": GOOD * 100,
        "bad_pct": BAD * 100,
        "producer_pct": risks.producer_risk * 100,
        "consumer_pct": risks.consumer_risk * 100,
        "plot": plot(
            [100 * share for share in risks.fraction],
            [("this sample", "plan-line--single", [100 * value for value in risks.accepted])],
            y_top=100.0,
        ),
        "entered": {name: request.POST.get(name, value) for name, value in DEFAULTS.items()},
        "may_accept": may(request.user, request.site, Action.ACCEPT_LOT),
        "error": error,
    }
    return render(request, "web/lots/acceptance.html", context, status=status)
