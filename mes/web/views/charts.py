"""Control charts: the list, the chart, its points, and the cause of a signal."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from lots.models import Characteristic
from mes.web.capability_page import BETWEEN_WITHIN
from mes.web.chart_json import chart_json, chart_title, comparable, decimals_of, unit_of
from mes.web.site import SiteRequest, site_page
from mes.web.sparkline import sparkline
from quality.permissions import Action, may
from quality.plans import line_of_chart
from quality.queries import lines_of_chart
from spc.capability_view import chart_capability, false_alarms
from spc.chart_view import WINDOW, chart_window, recent_statistics
from spc.definition import traits_of
from spc.engine.kinds import ChartKind
from spc.engine.live import Fit, facts_of, said_parameters
from spc.engine.special_rules import rule_named
from spc.models import Chart
from spc.queries import charts_of_site, is_frozen, is_ready_to_freeze, strata_words

SPARK_POINTS = 40
CHARTS_A_PAGE = 60
TABLE_POINTS = 200
REFRESH_S = 10
DIGITS = 5  # of what is fitted beside the limits
OF_PROPORTION = 5  # decimals of a mean proportion
MEASURED = ("Mean of", "Sigma between", "Sigma of")  # what is fitted in the unit of a reading begins so
STATES = {
    "": "All states",
    "learning": "Learning",
    "ready": "Ready to freeze",
    "frozen": "Frozen",
    "signal": "With open signals",
}


def chart_of_site(request: SiteRequest, key: int) -> Chart:
    """The chart, or 404 where it belongs to another site."""
    return get_object_or_404(charts_of_site(request.site.pk), pk=key)


@require_GET
@site_page()
def charts(request: SiteRequest) -> HttpResponse:
    found = list(charts_of_site(request.site.pk))
    steps = {c.stream.plan.characteristic.step.code: c.stream.plan.characteristic.step.name for c in found}
    chosen = {name: request.GET.get(name, "").strip() for name in ("step", "state", "q")}
    shown = [chart for chart in found if _matches(chart, **chosen)]
    page = Paginator(shown, CHARTS_A_PAGE).get_page(request.GET.get("page"))
    recent = recent_statistics(page.object_list, count=SPARK_POINTS)
    rows = [_row(chart, recent.get(chart.pk, [])) for chart in page.object_list]
    query = request.GET.copy()
    query.pop("page", None)
    return render(
        request,
        "web/charts/list.html",
        {
            "nav_active": "charts",
            "groups": [(step, list(of)) for step, of in groupby(rows, key=lambda row: row["step"])],
            "page": page,
            "query": query.urlencode(),
            "steps": steps,
            "states": STATES,
            "chosen": chosen,
            "any": bool(found),
            "ready": sum(map(is_ready_to_freeze, found)),
            "signals": sum(chart.open_signals for chart in found),  # type: ignore[attr-defined]
        },
    )


def _matches(chart: Chart, *, step: str, state: str, q: str) -> bool:
    characteristic = chart.stream.plan.characteristic
    words = f"{characteristic.code} {chart_title(chart)}".lower()
    return (
        (not step or characteristic.step.code == step)
        and all(word in words for word in q.lower().split())
        and {
            "learning": not is_frozen(chart),
            "ready": is_ready_to_freeze(chart),
            "frozen": is_frozen(chart),
            "signal": chart.open_signals > 0,  # type: ignore[attr-defined]
        }.get(state, True)
    )


def _row(chart: Chart, recent: list[float]) -> dict[str, Any]:
    plan, revision = chart.stream.plan, chart.state.limit_revision
    return {
        "chart": chart,
        "step": plan.characteristic.step.name,
        "name": plan.characteristic.name,
        "family": plan.get_family_display(),
        "strata": " · ".join(strata_words(chart)),
        "points": chart.state.next_sequence,
        "needed": plan.phase1_subgroups,
        "frozen": revision if is_frozen(chart) else None,
        "ready": is_ready_to_freeze(chart),
        "last": f"{recent[-1]:.{decimals_of(chart)}f}" if recent else "",
        "unit": unit_of(chart),
        "spark": sparkline(recent, center=revision.center if revision else None),
    }


@require_GET
@site_page()
def chart(request: SiteRequest, key: int) -> HttpResponse:
    found = chart_of_site(request, key)
    plan = found.stream.plan
    lines = lines_of_chart(found, at=request.site_now)
    drawn = comparable(found, lines)
    only = lines[0] if len(lines) == 1 else None
    revision = found.state.limit_revision
    fit = Fit.from_dict(revision.baseline) if revision else None
    before = _whole(request.GET.get("before"))
    window_end = min(before, found.state.next_sequence) if before is not None else found.state.next_sequence
    window_start = max(0, window_end - WINDOW)
    return render(
        request,
        "web/charts/chart.html",
        {
            "nav_active": "charts",
            "chart": found,
            "title": plan.characteristic.name,
            "strata": strata_words(found),
            "characteristic": plan.characteristic,
            "traits": traits_of(plan),
            "family_words": plan.get_family_display(),
            "frozen": is_frozen(found),
            "ready": is_ready_to_freeze(found),
            "points": found.state.next_sequence,
            "needed": plan.phase1_subgroups,
            "revision": revision,
            "fit": fit,
            # The sums of a CUSUM are in sigmas, its centre is the level that it watches.
            "center_unit": plan.characteristic.unit if plan.family == "cusum" else unit_of(found),
            "fitted": _fitted(fit, plan.characteristic) if fit else [],
            "parameters": [
                (parameter.name, value, parameter.label)
                for parameter, value in said_parameters(ChartKind(plan.family), plan.parameters)
            ],
            "decimals": OF_PROPORTION if plan.family == "np" else decimals_of(found) + 1,
            "center_label": "Mean proportion" if plan.family == "np" else "Centre line",
            "costs": false_alarms(plan),
            "lines": lines,
            "drawn": drawn,
            "capability": _capability(found, only),
            "revisions": found.limit_revisions.select_related("made_by").order_by("-number"),
            "plan_line": line_of_chart(plan),
            "may_freeze": may(request.user, request.site, Action.FREEZE_LIMITS),
            "point": _whole(request.GET.get("point")),
            "before": before,
            "older": window_start if window_start > 0 else None,
            "window": (window_start + 1, window_end),
            "newest": before is None,
            "refresh_s": REFRESH_S if before is None else 0,
        },
    )


def _capability(found: Chart, line: Any) -> list[tuple[str, Any, str]]:
    """(name, index with interval, which sigma) of the indices that exist; empty without a specification."""
    if line is None:
        return []
    limits = {name: _float(getattr(line, name)) for name in ("lsl", "usl", "target")}
    capability = chart_capability(found, **limits)
    if capability is None:
        return []
    own, together = capability.own, capability.together
    named = [("Cp", own.cp, "within"), ("Cpk", own.cpk, "within")]
    if together is not None:
        named += [("Cp", together.cp, BETWEEN_WITHIN), ("Cpk", together.cpk, BETWEEN_WITHIN)]
    named += [("Pp", own.pp, "overall"), ("Ppk", own.ppk, "overall")]
    return [(name, index, sigma) for name, index, sigma in named if index is not None]


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _fitted(fit: Fit, own: Characteristic) -> list[tuple[str, str, str]]:
    """What was estimated beside the centre line, in words, with its unit; a variable goes by its name."""
    codes = fit.own.get("variables", ())
    variables = Characteristic.objects.in_bulk(codes, field_name="code") if codes else {}
    found = []
    for words, value in facts_of(fit):
        of = variables.get(words)
        unit = of.unit if of else own.unit if words.startswith(MEASURED) else ""
        found.append((f"Mean of {of.name}" if of else words, f"{value:.{DIGITS}g}", unit))
    return found


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


@require_GET
@site_page()
def chart_data(request: SiteRequest, key: int) -> HttpResponse:
    found = chart_of_site(request, key)
    window = chart_window(found, before=_whole(request.GET.get("before")))
    line = comparable(found, lines_of_chart(found, at=request.site_now))
    answer = JsonResponse(chart_json(found, window, line))
    answer["Cache-Control"] = "no-store"
    return answer


@require_GET
@site_page()
def chart_table(request: SiteRequest, key: int) -> HttpResponse:
    found = chart_of_site(request, key)
    window = chart_window(found, before=_whole(request.GET.get("before")), limit=TABLE_POINTS)
    signals: dict[int, list[str]] = {}
    for signal in window.signals:
        signals.setdefault(signal.index, []).append(rule_named(signal.rule).label)
    rows = [
        {
            "number": window.first_sequence + index + 1,
            "id": window.id[index],
            "at": window.measured_at[index],
            "lot": window.lots[index],
            "size": window.size[index],
            "statistic": window.statistic[index],
            "center": window.center[index],
            "lcl": window.lcl[index],
            "ucl": window.ucl[index],
            "dispersion": window.dispersion[index],
            "excluded": index in window.excluded,
            "signals": signals.get(index, []),
        }
        for index in reversed(range(len(window.id)))
    ]
    return render(
        request,
        "web/charts/table.html",
        {
            "nav_active": "charts",
            "chart": found,
            "title": chart_title(found),
            "unit": unit_of(found),
            "decimals": decimals_of(found),
            "dispersion": traits_of(found.stream.plan).dispersion,
            "rows": rows,
            "older": window.first_sequence or None,
            "window": (window.first_sequence + 1, window.first_sequence + len(rows), window.total),
        },
    )
