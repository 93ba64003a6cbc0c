"""Capability: every stream ranked by Ppk, and the study of one."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lots.units import written_unit
from mes.web.capability_page import LAWS, index_rows, plot_json, ppm_table
from mes.web.site import SiteRequest, site_page
from mes.web.views.charts import chart_of_site
from quality.capability import judging_line, limits_of, stream_capability
from quality.models import SpecificationLine
from quality.queries import lines_in_force
from spc.capability_report import POINTS, moments
from spc.engine.capability import process_indices
from spc.engine.capability_study import FEWEST
from spc.models import Chart
from spc.queries import charts_of_site, is_frozen, strata_words

STREAMS_A_PAGE = 60


@require_safe
@site_page()
def ranking(request: SiteRequest) -> HttpResponse:
    """Streams with one specification, the least capable first."""
    found = [chart for chart in charts_of_site(request.site.pk) if _sigma(chart) is not None]
    lines: dict[int, list[SpecificationLine]] = {}
    for each in lines_in_force(at=request.site_now):
        lines.setdefault(each.specification.characteristic_id, []).append(each)
    judged = [(chart, line) for chart in found if (line := judging_line(chart, lines)) is not None]
    chosen = {name: request.GET.get(name, "").strip() for name in ("characteristic", "product", "equipment")}
    shown = [(chart, line) for chart, line in judged if _matches(chart, **chosen)]
    known = moments(chart for chart, _ in shown)
    rows = [_row(chart, line, known[chart.pk]) for chart, line in shown if chart.pk in known]
    rows.sort(key=lambda row: float("inf") if row["ppk"] is None else row["ppk"])
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "nav_active": "capability_ranking",
        "page": Paginator(rows, STREAMS_A_PAGE).get_page(request.GET.get("page")),
        "query": query.urlencode(),
        "chosen": chosen,
        "any": bool(judged),
        "characteristics": dict(sorted(_choices(judged, "characteristic"), key=lambda pair: pair[1])),
        "products": dict(sorted(_choices(judged, "product"))),
        "equipment": dict(sorted(_choices(judged, "equipment"))),
        "points": POINTS,
        "fewest": FEWEST,
    }
    return render(request, "web/capability/list.html", context)


@require_safe
@site_page()
def capability(request: SiteRequest, key: int) -> HttpResponse:
    chart = chart_of_site(request, key)
    found = stream_capability(chart, at=request.site_now)
    study, line = found.report.study, found.line
    unit = chart.stream.plan.characteristic.unit
    context: dict[str, Any] = {
        "nav_active": "capability_ranking",
        "chart": chart,
        "strata": strata_words(chart),
        "characteristic": chart.stream.plan.characteristic,
        "unit": unit,
        "decimals": chart.stream.plan.characteristic.decimals + 2,
        "lines": found.lines,
        "frozen": is_frozen(chart),
        "revision": chart.state.limit_revision,
        "used": found.report.readings,
        "points": POINTS,
        "study": study,
        "drift_per_100": 100.0 * study.drift.slope if study and study.drift else None,
        "problem": found.problem,
        "warnings": found.warnings,
    }
    if study is not None and line is not None:
        context |= {
            "indices": index_rows(study),
            "ppm": ppm_table(study),
            "laws": [(LAWS[law.fit.name], law) for law in study.laws],
            "plot": plot_json(study, line, written_unit(unit)),
        }
    return render(request, "web/capability/capability.html", context)


def _sigma(chart: Chart) -> float | None:
    """Sigma within of the limits in force; None without limits and for counts."""
    revision = chart.state.limit_revision
    return None if revision is None else revision.sigma


def _product(chart: Chart) -> str:
    revision = chart.stream.product_revision
    return revision.product.code if revision else ""


def _equipment(chart: Chart) -> str:
    return chart.stream.equipment.code if chart.stream.equipment else ""


def _matches(chart: Chart, *, characteristic: str, product: str, equipment: str) -> bool:
    return (
        characteristic in ("", chart.stream.plan.characteristic.code)
        and product in ("", _product(chart))
        and equipment in ("", _equipment(chart))
    )


def _choices(judged: list[tuple[Chart, SpecificationLine]], kind: str) -> set[tuple[str, str]]:
    """(code, words) of what the streams differ by."""
    if kind == "characteristic":
        return {(c.stream.plan.characteristic.code, c.stream.plan.characteristic.name) for c, _ in judged}
    code_of = _product if kind == "product" else _equipment
    return {(code, code) for chart, _ in judged if (code := code_of(chart))}


def _row(chart: Chart, line: SpecificationLine, known: Any) -> dict[str, Any]:
    limits = {name: value for name, value in limits_of(line).items() if name != "target"}
    within = process_indices(known.mean, _sigma(chart) or 0.0, **limits)
    overall = process_indices(known.mean, known.sigma_overall or 0.0, **limits)
    return {
        "chart": chart,
        "line": line,
        "n": known.n,
        "last_at": known.last_at,
        "small": known.n < FEWEST,
        "cp": within.c,
        "cpk": within.ck,
        "pp": overall.c,
        "ppk": overall.ck,
        "frozen": is_frozen(chart),
    }
