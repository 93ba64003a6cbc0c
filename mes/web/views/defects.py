"""The lots behind a bar of a Pareto: its defects, each with its lot, its hold and its case."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from mes.web.site import SiteRequest, site_page
from quality.models import Nonconformance
from quality.pareto import FACTORS, ClassedDefect, classed_defects
from quality.permissions import Action, may

LISTED = 200
LONGEST_DAYS = 3_660


def since_of(request: SiteRequest) -> tuple[str, datetime | None]:
    """The days asked for and the instant that they reach back to; None for all that there is."""
    days = request.GET.get("days", "30")
    if days.isdecimal() and 0 < int(days) < LONGEST_DAYS:
        return days, request.site_now - timedelta(days=int(days))
    return days, None


@require_safe
@site_page()
def defects(request: SiteRequest) -> HttpResponse:
    """Defects of one level of a factor, or all of them."""
    days, since = since_of(request)
    by, level = request.GET.get("by", ""), request.GET.get("level", "")
    rows = classed_defects(request.site, since=since)
    if by in FACTORS:
        rows = [row for row in rows if row.levels[by] == level]
    shown = rows[:LISTED]
    context = {
        "nav_active": "defects",
        "by": by if by in FACTORS else "",
        "level": level,
        "days": days,
        "rows": [(row, case) for row, case in zip(shown, _cases(shown), strict=True)],
        "count": len(rows),
        "lots": len({row.defect.lot_id for row in rows if row.defect.lot_id is not None}),
        "more": len(rows) > LISTED,
        "may_work": may(request.user, request.site, Action.WORK_CASE),
    }
    return render(request, "web/cases/defects.html", context)


def _cases(rows: list[ClassedDefect]) -> list[Nonconformance | None]:
    """The newest case of each defect: its own, or that of its hold."""
    by_defect = {
        case.defect_id: case
        for case in Nonconformance.objects.filter(defect__in=[row.defect.pk for row in rows]).order_by("id")
    }
    by_hold = {
        case.hold_id: case
        for case in Nonconformance.objects.filter(
            hold__in={row.defect.hold_id for row in rows if row.defect.hold_id is not None}
        ).order_by("id")
    }
    return [by_defect.get(row.defect.pk) or by_hold.get(row.defect.hold_id) for row in rows]
