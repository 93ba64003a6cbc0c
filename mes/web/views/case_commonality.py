"""What the bad lots of a case have in common: run the comparison, read it, and cite it as evidence."""

from __future__ import annotations

import re
import secrets

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from mes.web.site import SiteRequest, site_page
from quality.actions.compare_case import compare_case
from quality.actions.open_case import CaseRefused
from quality.case_lots import materials_of_case
from quality.cases import Kind
from quality.models import CaseEntry, Nonconformance
from quality.permissions import Action, may

FOUND_AT = 0.05
SHOWN = 40


@require_http_methods(["GET", "HEAD", "POST"])
@site_page()
def case_commonality(request: SiteRequest, key: int) -> HttpResponse:
    case = get_object_or_404(
        Nonconformance.objects.select_related("site", "lot__material", "hold"), pk=key, site=request.site
    )
    if request.method != "POST":
        return _page(request, case)
    codes = [code for code in re.split(r"[\s,;]+", request.POST.get("bad", "")) if code]
    try:
        entry = compare_case(
            case,
            material=request.POST.get("material", ""),
            bad_codes=codes,
            seed=secrets.randbelow(2**31),
            user=request.user,
            now=request.now,
        )
    except CaseRefused as refusal:
        return _page(request, case, error=str(refusal), status=422)
    messages.success(request, "Compared. The result is kept with the case.")
    return redirect(f"{reverse('web:case_commonality', args=[case.pk])}?run={entry.pk}")


def _page(request: SiteRequest, case: Nonconformance, *, error: str = "", status: int = 200) -> HttpResponse:
    runs = list(
        CaseEntry.objects.filter(case=case, kind=Kind.COMMONALITY).select_related("entered_by").order_by("id")
    )
    chosen = request.GET.get("run", "")
    run = next((entry for entry in runs if str(entry.pk) == chosen), runs[-1] if runs else None)
    findings = run.content["findings"] if run is not None else []
    found = [finding for finding in findings if finding["q"] <= FOUND_AT]
    context = {
        "nav_active": "cases",
        "case": case,
        "runs": runs,
        "run": run,
        "found": found,
        "others": findings[len(found) : SHOWN],
        "too_few": run is not None and bool(findings) and run.content["smallest_p"] > FOUND_AT,
        "confounded": [finding for finding in found if finding["coincides"] or finding["overlaps"]],
        "materials": materials_of_case(case),
        "may_work": case.state == Nonconformance.State.OPEN
        and may(request.user, request.site, Action.WORK_CASE),
        "error": error,
        "entered": request.POST,
    }
    return render(request, "web/cases/case_commonality.html", context, status=status)
