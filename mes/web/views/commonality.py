"""What the bad lots have in common: compared with the good ones, factor by factor."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lots.models import Characteristic
from mes.web.site import SiteRequest, site_page
from quality.commonality import Comparison, compare_by_rank, compare_by_specification

SHOWN = 40
FOUND_AT = 0.05


@require_safe
@site_page()
def commonality(request: SiteRequest) -> HttpResponse:
    """Choose a characteristic of the lots to be compared; everything upstream of them is looked at."""
    offered = (
        Characteristic.objects.filter(specifications__isnull=False, subject_kind="lot")
        .select_related("step")
        .distinct()
        .order_by("step__sequence", "code")
    )
    code = request.GET.get("characteristic", "")
    chosen = next((row for row in offered if row.code == code), None)
    days = _number(request.GET.get("days", ""), 30, 3_650)
    share = _number(request.GET.get("share", ""), 10, 50)
    how = request.GET.get("how", "specification")
    comparison: Comparison | None = None
    if chosen is not None:
        since = request.now - timedelta(days=days)
        comparison = (
            compare_by_specification(chosen, request.site, since=since)
            if how == "specification"
            else compare_by_rank(chosen, request.site, since=since, share_pct=share, highest=how == "highest")
        )
    findings = comparison.findings if comparison else ()
    found = [finding for finding in findings if finding.q <= FOUND_AT]
    context = {
        "nav_active": "cases",
        "offered": offered,
        "chosen": chosen,
        "how": how,
        "days": days,
        "share": share,
        "comparison": comparison,
        "found": found,
        "others": findings[len(found) : SHOWN],
        "tested": len(findings),
    }
    return render(request, "web/cases/commonality.html", context)


def _number(text: str, otherwise: int, largest: int) -> int:
    return min(int(text), largest) if text.isdecimal() and int(text) > 0 else otherwise
