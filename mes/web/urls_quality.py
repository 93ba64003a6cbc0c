"""Pages of the quality and process engineer. Names live in the app namespace `web`."""

from __future__ import annotations

from django.urls import path

from mes.web.views import (
    cases,
    charts,
    commonality,
    containment,
    freeze,
    gauges,
    holds,
    plans,
    points,
    requirements,
    review,
    sampling,
    specifications,
    traceability,
)

urlpatterns = [
    path("charts/", charts.charts, name="charts"),
    path("charts/<int:key>/", charts.chart, name="chart"),
    path("charts/<int:key>/data.json", charts.chart_data, name="chart_data"),
    path("charts/<int:key>/table/", charts.chart_table, name="chart_table"),
    path("charts/<int:key>/points/<int:point>/", points.chart_point, name="chart_point"),
    path("charts/<int:key>/signals/<int:signal>/cause/", points.chart_cause, name="chart_cause"),
    path("charts/<int:key>/points/<int:point>/exclude/", points.chart_exclude, name="chart_exclude"),
    path("charts/<int:key>/freeze/", freeze.chart_freeze, name="chart_freeze"),
    path("review/", review.review, name="review"),
    path("holds/<int:key>/", holds.hold, name="hold"),
    path("holds/<int:key>/containment/", containment.containment, name="containment"),
    path("holds/<int:key>/recount/", holds.hold_recount, name="hold_recount"),
    path("holds/<int:key>/case/", cases.open_from_hold, name="hold_case"),
    path("commonality/", commonality.commonality, name="commonality"),
    path("cases/", cases.cases, name="cases"),
    path("cases/<int:key>/", cases.case, name="case"),
    path("cases/<int:key>/8d.pdf", cases.report, name="case_report"),
    path("requirements/", requirements.requirements, name="requirements"),
    path("traceability/", traceability.traceability, name="traceability"),
    path("traceability.xlsx", traceability.workbook, name="traceability_workbook"),
    path("requirements/<str:code>/revise/", traceability.revise, name="requirement_revise"),
    path("requirements/<str:code>/lines/<int:line>/recheck/", traceability.recheck_line, name="recheck"),
    path("requirements/<str:code>/", requirements.requirement, name="requirement"),
    path("specifications/", specifications.specifications, name="specifications"),
    path("specifications/<int:key>/", specifications.specification, name="specification"),
    path("gauges/", gauges.gauges, name="gauges"),
    path("gauges/<int:key>/", gauges.gauge, name="gauge"),
    path("sampling/", sampling.designer, name="sampling"),
    path("plans/", plans.plans, name="plans"),
    path("plans/<int:key>/", plans.plan, name="plan"),
]
