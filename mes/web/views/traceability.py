"""The traceability matrix with its gaps, the baseline, and readiness audits."""

from __future__ import annotations

import secrets

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mes.documents.matrix_xlsx import matrix_xlsx
from mes.web.site import SiteRequest, site_page
from quality.actions.requirements import (
    WORDING,
    RequirementRefused,
    approve_baseline,
    audit_readiness,
    recheck,
    revise_requirement,
    write_requirement,
)
from quality.actions.sign import SignatureRefused
from quality.models import Baseline, ReadinessAudit, Requirement, SourceType, SpecificationLine
from quality.permissions import Action, may
from quality.safety_chain import safety_gaps
from quality.traceability import Matrix, MatrixRow, matrix

AUDITS_LISTED = 5
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_http_methods(["GET", "HEAD", "POST"])
@site_page()
def traceability(request: SiteRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request)
    try:
        if request.POST.get("action") == "audit":
            audit = audit_readiness(
                request.site, seed=secrets.randbelow(2**31), user=request.user, now=request.now
            )
            messages.success(request, f"Audited {', '.join(audit.findings)} (seed {audit.seed}).")
        else:
            baseline = approve_baseline(
                request.site, user=request.user, password=request.POST.get("password", ""), now=request.now
            )
            messages.success(request, f"Baseline {baseline.number} is approved and signed.")
    except (RequirementRefused, SignatureRefused) as refusal:
        return _page(request, error=str(refusal), status=422)
    return redirect("web:traceability")


@require_safe
@site_page()
def workbook(request: SiteRequest) -> HttpResponse:
    """The matrix as xlsx, filtered as the page is."""
    found = _filtered(request, matrix(request.site, at=request.site_now))
    title = f"Traceability of {request.site.code}, {request.site_now:%Y-%m-%d %H:%M}"
    answer = HttpResponse(matrix_xlsx(found, title=title), content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="traceability-{request.site.code}.xlsx"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(Action.EDIT_MASTERS)
def write(request: SiteRequest) -> HttpResponse:
    """The form of a new requirement."""
    error = ""
    if request.method == "POST":
        try:
            made = write_requirement(
                request.POST.get("code", ""),
                request.POST.get("kind", ""),
                request.POST.get("title", ""),
                {name: request.POST.get(name, "") for name in WORDING},
                site=request.site,
                user=request.user,
                now=request.now,
            )
        except RequirementRefused as refusal:
            error = str(refusal)
        else:
            messages.success(request, f"{made.code} is written. Next: derive a specification from it.")
            return redirect("web:requirement", made.code)
    context = {
        "nav_active": "requirements",
        "kinds": Requirement.Kind.choices,
        "sources": SourceType.choices,
        "entered": request.POST,
        "error": error,
    }
    return render(request, "web/requirements/write.html", context, status=422 if error else 200)


@require_POST
@site_page(Action.EDIT_MASTERS)
def revise(request: SiteRequest, code: str) -> HttpResponse:
    """Issue the next revision of a requirement."""
    found = get_object_or_404(Requirement, code=code)
    wording = {name: request.POST.get(name, "") for name in WORDING}
    reason = request.POST.get("change_reason", "")
    try:
        made = revise_requirement(
            found, wording, change_reason=reason, site=request.site, user=request.user, now=request.now
        )
    except RequirementRefused as refusal:
        messages.error(request, f"Not revised. {str(refusal).capitalize()}.")
    else:
        messages.success(
            request, f"{code} is at revision {made.number}. What follows from it is suspect now."
        )
    return redirect("web:requirement", code)


@require_POST
@site_page(Action.RECHECK)
def recheck_line(request: SiteRequest, code: str, line: int) -> HttpResponse:
    """Sign that a specification line still follows from the revised requirement."""
    found = get_object_or_404(
        SpecificationLine.objects.select_related("requirement"), pk=line, requirement__code=code
    )
    revision = found.requirement.revisions.order_by("-number").first()
    if revision is None:
        raise Http404
    try:
        recheck(
            revision,
            found,
            statement=request.POST.get("statement", ""),
            site=request.site,
            user=request.user,
            password=request.POST.get("password", ""),
            now=request.now,
        )
    except (RequirementRefused, SignatureRefused) as refusal:
        messages.error(request, f"Not signed. {str(refusal).capitalize()}.")
    else:
        messages.success(request, "Re-checked and signed.")
    return redirect("web:traceability")


def _filtered(request: SiteRequest, found: Matrix) -> Matrix:
    kind, words = request.GET.get("kind", ""), request.GET.get("q", "").lower().split()
    only_gaps = request.GET.get("gaps") == "1"
    gapped = {gap.requirement for gap in found.gaps}

    def wanted(row: MatrixRow) -> bool:
        names = " ".join(link.line.specification.characteristic.name for link in row.links)
        text = f"{row.requirement.code} {row.requirement.title} {names}".lower()
        return (
            (not kind or row.requirement.kind == kind)
            and all(word in text for word in words)
            and (not only_gaps or row.requirement.code in gapped)
        )

    return Matrix(tuple(row for row in found.rows if wanted(row)), found.gaps)


def _page(request: SiteRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    found = matrix(request.site, at=request.site_now)
    shown = _filtered(request, found)
    field, _, words = error.partition(": ")
    context = {
        "nav_active": "traceability",
        "rows": shown.rows,
        "all_rows": len(found.rows),
        "gaps": found.gaps,
        "safety_gaps": safety_gaps(request.site),
        "kinds": Requirement.Kind.choices,
        "sources": SourceType.choices,
        "chosen": {name: request.GET.get(name, "") for name in ("kind", "q", "gaps")},
        "query": request.GET.urlencode(),
        "baselines": Baseline.objects.filter(site=request.site)
        .select_related("signature")
        .order_by("-number")[:5],
        "audits": ReadinessAudit.objects.filter(site=request.site)
        .select_related("run_by")
        .order_by("-id")[:AUDITS_LISTED],
        "may_approve": may(request.user, request.site, Action.APPROVE_BASELINE),
        "may_audit": may(request.user, request.site, Action.AUDIT),
        "may_recheck": may(request.user, request.site, Action.RECHECK),
        "error": words or field,
    }
    return render(request, "web/requirements/matrix.html", context, status=status)
