"""A failure investigation, guided: the page says what to do next and offers the form for it."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from mes.web.site import SiteRequest, site_page
from quality.actions.investigate import (
    choose_branch,
    diagnose,
    link_control,
    observe,
    plan_retest,
    report_retest,
    sign_integrity,
    state_signature,
)
from quality.actions.open_case import CaseRefused
from quality.actions.sign import SignatureRefused, verify
from quality.cases import case_view
from quality.investigation import BRANCHES, CHECKS, EVIDENCE, Outcome, propose_signature
from quality.models import CaseEntry, Nonconformance
from quality.permissions import Action, may

CHANGES = 2


def case_of_site(request: SiteRequest, key: int) -> Nonconformance:
    """The case with what it was opened from, or 404."""
    rows = Nonconformance.objects.select_related(
        "site",
        "hold",
        "lot__material",
        "signal__point__subgroup",
        "signal__chart__stream__plan__characteristic",
        "defect__judgement",
        "defect__characteristic",
        "defect__lot",
    )
    return get_object_or_404(rows, pk=key, site=request.site)


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(posts=(Action.WORK_CASE,))
def investigation(request: SiteRequest, key: int) -> HttpResponse:
    case = case_of_site(request, key)
    if request.method != "POST":
        return _page(request, case)
    write = WRITERS.get(request.POST.get("kind", ""))
    try:
        if write is None:
            raise CaseRefused("kind: there is no such step")
        entry = write(request, case)
    except (CaseRefused, SignatureRefused) as refusal:
        return _page(request, case, error=str(refusal), status=422)
    messages.success(request, f"Recorded: {entry.get_kind_display().lower()}.")
    return redirect("web:investigation", case.pk)


def _signature(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    return state_signature(
        case,
        statement=request.POST.get("statement", ""),
        good=request.POST.getlist("good"),
        bad=request.POST.get("bad", "").strip(),
        characteristic=request.POST.get("characteristic", "").strip(),
        user=request.user,
        now=request.now,
    )


def _integrity(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    checks = {
        name: (request.POST.get(f"ok-{name}") == "yes", request.POST.get(f"found-{name}", ""))
        for name in CHECKS
    }
    password = request.POST.get("password", "")
    return sign_integrity(case, checks, user=request.user, password=password, now=request.now)


def _observation(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    part, found = request.POST.get("part", ""), request.POST.get("found", "")
    reference = request.POST.get("reference", "")
    return observe(case, part=part, found=found, reference=reference, user=request.user, now=request.now)


def _branch(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    branch, because = request.POST.get("branch", ""), request.POST.get("because", "")
    against = request.POST.get("against", "")
    return choose_branch(
        case, branch=branch, because=because, against=against, user=request.user, now=request.now
    )


def _retest(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    rows = [request.POST.getlist(name) for name in ("variable", "before", "after")]
    return plan_retest(
        case,
        lot=request.POST.get("lot", "").strip(),
        changes=list(zip(*rows, strict=False)),
        kept=request.POST.get("kept", ""),
        expected=request.POST.get("expected", ""),
        falsifier=request.POST.get("falsifier", ""),
        reason=request.POST.get("reason", ""),
        user=request.user,
        password=request.POST.get("password", ""),
        now=request.now,
    )


def _retest_result(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    outcome, found = request.POST.get("outcome", ""), request.POST.get("found", "")
    return report_retest(case, outcome=outcome, found=found, user=request.user, now=request.now)


def _diagnosis(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    return diagnose(case, statement=request.POST.get("statement", ""), user=request.user, now=request.now)


def _control_link(request: SiteRequest, case: Nonconformance) -> CaseEntry:
    return link_control(case, action=request.POST.get("action", ""), user=request.user, now=request.now)


WRITERS: dict[str, Callable[[SiteRequest, Nonconformance], CaseEntry]] = {
    "signature": _signature,
    "integrity": _integrity,
    "observation": _observation,
    "branch": _branch,
    "retest": _retest,
    "retest_result": _retest_result,
    "diagnosis": _diagnosis,
    "control_link": _control_link,
}


def _page(request: SiteRequest, case: Nonconformance, *, error: str = "", status: int = 200) -> HttpResponse:
    view = case_view(case)
    found = view.investigation
    signed = found.integrity
    context = {
        "nav_active": "cases",
        "case": case,
        "view": view,
        "found": found,
        "next": found.next,
        "proposal": propose_signature(case),
        "checks": [
            (name, words, signed.content["checks"][name] if signed is not None else None)
            for name, words in CHECKS.items()
        ],
        "genuine": signed is None
        or (signed.signature is not None and verify(signed.signature, signed.content)),
        "parts": [(part, words, found.observations.get(part)) for part, words in EVIDENCE.items()],
        "branches": [(branch.value, *words) for branch, words in BRANCHES.items()],
        "outcomes": list(Outcome),
        "change_rows": range(CHANGES),
        "may_work": case.state == Nonconformance.State.OPEN
        and may(request.user, request.site, Action.WORK_CASE),
        "error": error,
        "entered": request.POST,
    }
    return render(request, "web/cases/investigation.html", context, status=status)
