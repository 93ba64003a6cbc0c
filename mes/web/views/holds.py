"""A hold: what, why, how far it reaches, and the decision that ends it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, F, Max
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from lots.models import Hold, HoldLot, Lot, RouteStep, User
from mes.web.forms.disposition import read_disposition
from mes.web.links import blocker_rows
from mes.web.site import SiteRequest, site_page
from quality.actions.contain_late import window_from_now
from quality.actions.dispose import DispositionRefused, dispose
from quality.actions.sign import SignatureRefused
from quality.containment import recount
from quality.evidence import Evidence, evidence_of, holds_of_site, neighbours, people_who_may, recorded_any
from quality.gates import standing
from quality.models import Disposition
from quality.permissions import Action, NotPermitted, may
from quality.queries import lines_of_chart
from spc.engine.special_rules import rule_named

MEMBERS_LISTED = 200
# Gates ask many questions of a lot: answered for so many lots after signing.
LOTS_EXPLAINED = 5
PEOPLE_NAMED = 8
DECISIONS = (
    (Disposition.Decision.RELEASE, "It conforms, or the reason was wrong. It may move on."),
    (Disposition.Decision.REWORK, "Repeat from a step; later steps count again only after that."),
    (Disposition.Decision.REGRADE, "Another grade. It may move on."),
    (Disposition.Decision.SCRAP, "It never moves again."),
    (Disposition.Decision.CONCESSION, "Use it although it does not conform: so much, and until then."),
)


@require_http_methods(["GET", "POST"])
@site_page(posts=(Action.DISPOSE,))
def hold(request: SiteRequest, key: int) -> HttpResponse:
    found = get_object_or_404(holds_of_site(request.site).select_related("placed_by"), pk=key)
    if request.method == "GET":
        return _page(request, found)
    try:
        posted = read_disposition(request.POST, found)
        disposition = dispose(
            posted.members,
            posted.ruling,
            site=request.site,
            user=request.user,
            password=request.POST.get("password", ""),
            now=request.now,
        )
    except (DispositionRefused, SignatureRefused, NotPermitted) as refused:
        return _page(request, found, error=str(refused), status=422)
    lots = len(posted.members)
    messages.success(
        request,
        f"Signed: {disposition.get_decision_display().lower()} of {lots} lot{'s' if lots != 1 else ''}.",
    )
    return redirect(f"{reverse('web:hold', args=[found.pk])}?signed={disposition.pk}")


@require_GET
@site_page()
def hold_recount(request: SiteRequest, key: int) -> HttpResponse:
    """The independent recount, loaded after the page: it walks every link below the hold."""
    found = get_object_or_404(Hold, pk=key, site=request.site)
    result = recount(found)
    named = dict(
        Lot.objects.filter(pk__in=[*sorted(result.missing)[:20], *sorted(result.beyond)[:20]]).values_list(
            "pk", "code"
        )
    )
    return render(
        request,
        "web/holds/recount.html",
        {
            "held": len(result.held),
            "reached": len(result.reached & result.held),
            "agrees": result.agrees,
            "missing": [named[key] for key in sorted(result.missing)[:20]],
            "missing_count": len(result.missing),
            "beyond": [named[key] for key in sorted(result.beyond)[:20]],
            "beyond_count": len(result.beyond),
        },
    )


def _page(request: SiteRequest, found: Hold, *, error: str = "", status: int = 200) -> HttpResponse:
    evidence = evidence_of(found)
    before, after = neighbours(found, evidence)
    members = list(
        found.members.select_related("lot__material", "inherited_from").order_by(
            F("inherited_from_id").asc(nulls_first=True), "id"
        )[: MEMBERS_LISTED + 1]
    )
    still_open = found.members.filter(disposition_id__isnull=True)
    ticked = set(request.POST.getlist("member"))
    field, _, words = error.partition(": ")
    return render(
        request,
        "web/holds/hold.html",
        {
            "nav_active": "review",
            "hold": found,
            "evidence": evidence,
            "window_from": window_from_now(getattr(evidence.signal, "firing", None)),
            "values": [(d, evidence.values.get(d.judgement.measurement_id)) for d in evidence.defects],
            "rule": rule_named(evidence.signal.rule).label if evidence.signal else "",
            "chart_lines": (
                lines_of_chart(evidence.signal.chart, at=request.site_now) if evidence.signal else []
            ),
            "cases": list(found.nonconformances.order_by("id")),
            "may_case": may(request.user, request.site, Action.WORK_CASE),
            "direct": found.members.filter(inherited_from__isnull=True).count(),
            "members": members[:MEMBERS_LISTED],
            "more_members": len(members) > MEMBERS_LISTED,
            "open_members": still_open.count(),
            "seen_to": still_open.aggregate(key=Max("pk"))["key"],
            "before": before,
            "after": after,
            "people": [
                user.printed_name for user in people_who_may(request.site, Action.DISPOSE)[:PEOPLE_NAMED]
            ],
            "may_dispose": may(request.user, request.site, Action.DISPOSE),
            "obstacle": _obstacle(request.user, found, evidence),
            "decisions": DECISIONS,
            "rework_steps": _rework_steps(members),
            "dispositions": _dispositions(found),
            "signed": _signed(request, found),
            "error": error,
            "error_field": field if words else "",
            "entered": request.POST,
            "ticked": ticked,
        },
        status=status,
    )


def _obstacle(user: User, found: Hold, evidence: Evidence) -> str:
    """Why this person must leave the decision to another, before they fill in the form."""
    if found.placed_by_id == user.pk:
        return "You placed this hold yourself: another quality engineer must decide."
    if recorded_any(user, evidence.values.values()):
        return "You recorded the value yourself: another quality engineer must decide."
    return ""


def _rework_steps(members: list[HoldLot]) -> list[RouteStep]:
    lots = [member.lot for member in members]
    return list(
        RouteStep.objects.filter(
            route__product_revision__in={lot.product_revision_id for lot in lots if lot.product_revision_id},
            step__material_kind__in={lot.material.kind for lot in lots},
        )
        .select_related("step", "route__product_revision__product")
        .order_by("route", "sequence")
    )


def _dispositions(found: Hold) -> list[Disposition]:
    keys = found.members.filter(disposition_id__isnull=False).values("disposition_id")
    return list(
        Disposition.objects.filter(pk__in=keys)
        .select_related("signature", "rework_from__step", "decided_by")
        .annotate(lots=Count("items__lot", distinct=True))
        .order_by("-decided_at")
    )


def _signed(request: SiteRequest, found: Hold) -> dict[str, Any] | None:
    """What the lots of a decision just signed may do now."""
    key = request.GET.get("signed", "")
    if not key.isdecimal():
        return None
    lots = Lot.objects.filter(disposition_items__disposition=int(key), hold_members__hold=found).distinct()
    explained = [
        _next_move(request, lot)
        for lot in lots.select_related("site", "material", "work_order").order_by("pk")[:LOTS_EXPLAINED]
    ]
    return {"lots": explained, "more": max(0, lots.count() - len(explained))} if explained else None


def _next_move(request: SiteRequest, lot: Lot) -> dict[str, Any]:
    if lot.state != Lot.State.ACTIVE:  # the words say all
        words = f"{lot.get_state_display()}: it moves no more."
        return {"lot": lot, "words": words, "moves": False, "blockers": []}
    step, blockers = standing(lot, now=request.now)
    words = f"Next: {step.step.name}" if step is not None else "All its steps are done."
    return {"lot": lot, "words": words, "moves": True, "blockers": blocker_rows(lot, blockers)}
