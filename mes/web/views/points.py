"""One point of a chart: its readings, its signals in words, what followed, and the cause that a person assigns."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from lots.queries import lots_by_id
from mes.web.chart_json import decimals_of, unit_of
from mes.web.site import SiteRequest, site_page
from mes.web.views.charts import chart_of_site
from quality.actions.contain_late import window_from_now
from quality.actions.exclude_point import exclude_point
from quality.actions.judge_signal import SignalRefused, assign_cause
from quality.evidence import measurements_by_id
from quality.models import Nonconformance
from quality.permissions import Action, may
from spc.actions.exclude import ExclusionRefused
from spc.change_view import change_before
from spc.definition import traits_of
from spc.engine import Panel
from spc.engine.special_rules import rule_named
from spc.models import Chart, Point, Signal
from spc.queries import current_members, current_points, excluded_subgroups


@require_GET
@site_page()
def chart_point(request: SiteRequest, key: int, point: int) -> HttpResponse:
    return _point(request, chart_of_site(request, key), point)


@require_POST
@site_page(Action.JUDGE_SIGNAL)
def chart_cause(request: SiteRequest, key: int, signal: int) -> HttpResponse:
    found = chart_of_site(request, key)
    row = get_object_or_404(Signal, pk=signal, chart=found)
    try:
        assign_cause(row, cause=request.POST.get("cause", ""), user=request.user, now=request.now)
    except SignalRefused as refusal:
        return _point(request, found, row.point_id, refused=(row.pk, str(refusal)), status=422)
    if "HX-Request" in request.headers:
        return _point(request, found, row.point_id)
    messages.success(request, "The cause is recorded.")
    return redirect(f"{reverse('web:chart', args=[found.pk])}?point={row.point_id}")


@require_POST
@site_page(Action.EXCLUDE_POINT)
def chart_exclude(request: SiteRequest, key: int, point: int) -> HttpResponse:
    """Exclude the point from rules and limits, or include it again; the chart is judged anew from there."""
    found = chart_of_site(request, key)
    row = get_object_or_404(Point.objects.select_related("chart__stream__plan__site"), pk=point, chart=found)
    excluded = request.POST.get("excluded") == "1"
    back = f"{reverse('web:chart', args=[found.pk])}?point="
    try:
        exclude_point(
            row, excluded=excluded, reason=request.POST.get("reason", ""), user=request.user, now=request.now
        )
    except ExclusionRefused as refusal:
        messages.error(request, f"Nothing changed. {str(refusal).capitalize()}.")
        return redirect(f"{back}{row.pk}")
    current = current_points(found.pk).get(subgroup=row.subgroup_id)
    messages.success(
        request, "The point is excluded; it stays plotted." if excluded else "The point counts again."
    )
    return redirect(f"{back}{current.pk}")


def _point(
    request: SiteRequest, found: Chart, key: int, *, refused: tuple[int, str] | None = None, status: int = 200
) -> HttpResponse:
    """The panel of one point: readings, rules in words, what the reaction plan did, and the cause."""
    point = get_object_or_404(Point.objects.select_related("subgroup", "limit_revision"), pk=key, chart=found)
    members = list(current_members(point.subgroup.members.all()).order_by("measured_at", "id"))
    values = measurements_by_id((m.measurement_received_at, m.measurement_id) for m in members)
    own = found.stream.plan.characteristic
    read = {value.characteristic.code: value.characteristic for value in values.values()}
    lots = lots_by_id(m.lot_id for m in members if m.lot_id is not None)
    signals = list(
        point.signals.select_related("firing__hold", "carried_from__firing__hold", "acknowledged_by")
        .prefetch_related("members__point")
        .order_by("id")
    )
    roots = [signal.carried_from_id or signal.pk for signal in signals]
    cases = {case.signal_id: case for case in Nonconformance.objects.filter(signal__in=roots).order_by("id")}
    moved = any(signal.panel == Panel.LOCATION for signal in signals)
    remembers = traits_of(found.stream.plan).remembers
    part_of = (
        Signal.objects.filter(members__point=point)
        .exclude(point=point)
        .select_related("point")
        .order_by("id")
    )
    return render(
        request,
        "web/charts/point.html",
        {
            "chart": found,
            "point": point,
            "current": point.replaced_at is None,
            "unit": unit_of(found),
            "value_unit": own.unit,
            "traits": traits_of(found.stream.plan),
            "decimals": decimals_of(found),
            "value_decimals": own.decimals,
            "position_kind": own.position_kind,
            "readings": [
                {
                    "member": m,
                    "value": (value := values.get(m.measurement_id)),
                    "of": value.characteristic if value else own,
                    "lot": lots.get(m.lot_id or 0),
                }
                for m in members
            ],
            "variables": [
                (row, read.get(row["name"], own)) for row in (point.details or {}).get("variables", ())
            ],
            "signals": [
                {
                    "signal": signal,
                    "label": rule_named(signal.rule).label,
                    "panel": traits_of(found.stream.plan).panel(Panel(signal.panel)),
                    "nelson": rule_named(signal.rule).nelson,
                    "western_electric": rule_named(signal.rule).western_electric,
                    "members": (pattern := sorted(m.point.sequence + 1 for m in signal.members.all())),
                    "since": pattern[0] if pattern and remembers else None,
                    "case": cases.get(signal.carried_from_id or signal.pk),
                    "firing": (firing := getattr(signal.carried_from or signal, "firing", None)),
                    "window_from": window_from_now(firing) if firing and firing.hold_id else None,
                    "error": refused[1] if refused and refused[0] == signal.pk else "",
                }
                for signal in signals
            ],
            "began": change_before(found, point) if moved else None,
            "part_of": [(signal, rule_named(signal.rule).label) for signal in part_of],
            "excluded": excluded_subgroups(found.pk).get(point.subgroup_id),
            "may_exclude": may(request.user, request.site, Action.EXCLUDE_POINT),
            "may_correct": may(request.user, request.site, Action.CORRECT),
            "may_case": may(request.user, request.site, Action.WORK_CASE),
            "may_judge": may(request.user, request.site, Action.JUDGE_SIGNAL),
            "entered": request.POST.get("cause", ""),
        },
        status=status,
    )
