"""Freeze a chart's limits: look at phase 1, exclude points with a reason each, sign."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from mes.web.chart_json import chart_title, decimals_of
from mes.web.site import SiteRequest, site_page
from mes.web.views.charts import chart_of_site
from quality.actions.approve_limits import approve_limits
from quality.actions.sign import SignatureRefused
from quality.permissions import Action
from spc.actions.freeze import FreezeRefused, Seen
from spc.definition import estimate_limits, screen_limits
from spc.engine import SubgroupData, TooFewReadingsError
from spc.engine.kinds import ChartKind
from spc.engine.live import Fit, Screened, require_spread, statistic_of
from spc.engine.screening import Removal
from spc.engine.special_rules import rule_named
from spc.engine.subgrouping import SubgroupAdvice, SubgroupAdviceError, advise_subgroups
from spc.models import Chart, Signal
from spc.queries import is_frozen, phase1_data

JUDGED_BY_SPREAD_INSIDE = {ChartKind.XBAR_R, ChartKind.XBAR_S, ChartKind.MEDIAN_R}
# Ordinary points listed besides those that screening or a rule points at.
POINTS_LISTED = 300
SEEN = re.compile(r"([0-9]{1,9})\.([0-9]{1,18})")


@require_http_methods(["GET", "POST"])
@site_page(Action.FREEZE_LIMITS)
def chart_freeze(request: SiteRequest, key: int) -> HttpResponse:
    chart = chart_of_site(request, key)
    if request.method == "GET":
        return _page(request, chart)
    excluded = _exclusions(request)
    reason = request.POST.get("reason", "").strip()
    if not reason:
        words = "reason: say why these points are a stable process"
        return _page(request, chart, error=words, excluded=excluded, status=422)
    try:
        revision = approve_limits(
            chart,
            excluded=excluded,
            seen=_seen(request),
            reason=reason,
            user=request.user,
            password=request.POST.get("password", ""),
            now=request.now,
        )
    except (FreezeRefused, SignatureRefused) as refusal:
        return _page(request, chart, error=str(refusal), excluded=excluded, status=422)
    messages.success(
        request,
        f"Limits revision {revision.number} is frozen; it judges point {revision.from_sequence + 1} on.",
    )
    return redirect("web:chart", key=chart.pk)


def plotted_value(kind: ChartKind, data: SubgroupData) -> float | None:
    """What was measured, reduced as the chart does; a sum or an average of many points would hide it."""
    value = statistic_of(kind, data).statistic
    return None if value != value else value


def _seen(request: SiteRequest) -> Seen | None:
    """What the page showed: what was plotted since is no part of what is signed."""
    found = SEEN.fullmatch(request.POST.get("seen", ""))
    return Seen(int(found[1]), int(found[2])) if found else None


def _exclusions(request: SiteRequest) -> dict[int, str]:
    """Point → reason for every ticked point; an empty reason is refused by the action."""
    ticked = [int(text) for text in request.POST.getlist("exclude") if text.isdecimal()]
    return {key: request.POST.get(f"reason_{key}", "").strip() for key in ticked}


def _page(
    request: SiteRequest,
    chart: Chart,
    *,
    error: str = "",
    excluded: dict[int, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    chosen = excluded or {}
    plan = chart.stream.plan
    seen = _seen(request)
    stands = seen is not None and seen.generation == chart.generation
    points, data = phase1_data(chart, until=seen.sequence if seen and stands else None)
    screening: Screened | None = None
    suggested: dict[int, Removal] = {}
    estimate: Fit | None = None
    problem = ""
    try:
        screening, suggested = screen_limits(plan, points, data, end=chart.state.next_sequence)
        leave_out = frozenset(index for index, point in enumerate(points) if point.pk in chosen)
        estimate = estimate_limits(plan, points, data, end=chart.state.next_sequence, excluded=leave_out)
        require_spread(estimate)
    except TooFewReadingsError as failure:
        problem = str(failure)
    signalled: dict[int, list[str]] = {}
    signals = Signal.objects.filter(chart=chart, point__replaced_at__isnull=True)
    for point_id, rule, panel in signals.values_list("point_id", "rule", "panel"):
        signalled.setdefault(point_id, []).append(f"{rule_named(rule).label} ({panel})")
    rows = [
        {
            "point": point,
            "number": point.sequence + 1,
            "value": plotted_value(ChartKind(plan.family), data[index]),
            "suggestion": suggested.get(point.pk),
            "signals": signalled.get(point.pk, []),
            "excluded": point.pk in chosen,
            "reason": chosen.get(point.pk, ""),
        }
        for index, point in enumerate(points)
    ]
    notable: list[dict[str, Any]] = []
    ordinary: list[dict[str, Any]] = []
    for row in rows:
        (notable if row["suggestion"] or row["signals"] or row["excluded"] else ordinary).append(row)
    return render(
        request,
        "web/charts/freeze.html",
        {
            "nav_active": "charts",
            "chart": chart,
            "title": chart_title(chart),
            "unit": plan.characteristic.unit,
            "decimals": decimals_of(chart) + 1,
            "total": len(points),
            "seen": f"{chart.generation}.{points[-1].sequence}" if points else "",
            "needed": plan.phase1_subgroups,
            "enough": len(points) >= plan.phase1_subgroups,
            "frozen": is_frozen(chart),
            "notable": notable,
            "ordinary": ordinary[-POINTS_LISTED:],
            "unlisted": max(0, len(ordinary) - POINTS_LISTED),
            "screening": screening,
            "estimate": estimate,
            "advice": _advice(ChartKind(plan.family), data),
            "problem": problem,
            "error": error,
            "reason": request.POST.get("reason", ""),
        },
        status=status,
    )


def _advice(kind: ChartKind, data: Sequence[SubgroupData]) -> SubgroupAdvice | None:
    """Whether the subgroups are rational; None for charts whose limits need no spread inside subgroups."""
    if kind not in JUDGED_BY_SPREAD_INSIDE:
        return None
    try:
        return advise_subgroups([row.values for row in data if not row.is_missing])
    except SubgroupAdviceError:
        return None
