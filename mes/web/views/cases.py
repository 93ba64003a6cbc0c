"""Nonconformances: the list with its Paretos, and one case through its loop."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from lots.models import RecipeParameter
from mes.documents.eight_d import eight_d_pdf
from mes.web.chart_json import chart_title
from mes.web.site import SiteRequest, site_page
from mes.web.views.defects import since_of
from quality.actions.case import FEWEST_POINTS, add_entry, check_effectiveness, close_case, record_of
from quality.actions.open_case import CaseRefused
from quality.actions.sign import SignatureRefused, verify
from quality.cases import Family, case_view, case_views
from quality.evidence import people_who_may
from quality.models import ControlPlanLine, Nonconformance
from quality.pareto import defect_paretos
from quality.permissions import Action, may
from quality.plans import newest_revisions
from spc.models import Chart, LimitRevision

LISTED = 100
LEVERS_LISTED = 400


@require_safe
@site_page()
def cases(request: SiteRequest) -> HttpResponse:
    rows = Nonconformance.objects.filter(site=request.site).select_related("lot", "opened_by", "hold")
    state = request.GET.get("state", "open")
    if state in Nonconformance.State.values:
        rows = rows.filter(state=state)
    views = case_views(rows.order_by("-id")[:LISTED])
    days, since = since_of(request)
    today = request.site_now.date()
    context = {
        "nav_active": "cases",
        "views": [(view, view.overdue(today)) for view in views],
        "state": state,
        "days": days,
        "paretos": defect_paretos(request.site, since=since),
    }
    return render(request, "web/cases/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@site_page()
def case(request: SiteRequest, key: int) -> HttpResponse:
    found = get_object_or_404(
        Nonconformance.objects.select_related(
            "site",
            "hold",
            "lot",
            "opened_by",
            "signal__point",
            "signal__chart__stream__plan__characteristic",
            "defect__characteristic",
            "defect__requirement",
            "defect__lot",
        ),
        pk=key,
        site=request.site,
    )
    if request.method != "POST":
        return _page(request, found)
    kind = request.POST.get("kind", "")
    try:
        if kind == "effectiveness":
            words = _check(request, found)
        elif kind == "closure":
            close_case(
                found,
                statement=request.POST.get("statement", ""),
                user=request.user,
                password=request.POST.get("password", ""),
                now=request.now,
            )
            words = f"{found.code} is closed and signed."
        else:
            entry = add_entry(found, kind, request.POST.dict(), user=request.user, now=request.now)
            words = f"Recorded: {entry.get_kind_display().lower()}."
    except (CaseRefused, SignatureRefused) as refusal:
        return _page(request, found, error=str(refusal), status=422)
    messages.success(request, words)
    return redirect("web:case", found.pk)


@require_safe
@site_page()
def report(request: SiteRequest, key: int) -> HttpResponse:
    """The 8D report as PDF, as the case stands now."""
    found = get_object_or_404(
        Nonconformance.objects.select_related("site", "hold", "lot", "opened_by"), pk=key, site=request.site
    )
    link = request.build_absolute_uri(reverse("web:case", args=[found.pk]))
    answer = HttpResponse(eight_d_pdf(case_view(found), link=link), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="{found.code}-8D.pdf"'
    return answer


def _check(request: SiteRequest, found: Nonconformance) -> str:
    key, points = request.POST.get("chart", ""), request.POST.get("points", "")
    chart = Chart.objects.filter(pk=key, stream__plan__site=request.site).first() if key.isdecimal() else None
    if chart is None:
        raise CaseRefused("chart: choose one")
    entry = check_effectiveness(
        found, chart, points=int(points) if points.isdecimal() else 0, user=request.user, now=request.now
    )
    return f"{'Passed' if entry.content['passed'] else 'Not passed'}: {entry.content['words']}."


def _characteristic_of(found: Nonconformance) -> int | None:
    """What the case is about: the charts that may show that it is back in band come first."""
    if found.defect is not None:
        return found.defect.characteristic_id
    return found.signal.chart.stream.plan.characteristic_id if found.signal is not None else None


def _page(request: SiteRequest, found: Nonconformance, *, error: str = "", status: int = 200) -> HttpResponse:
    view = case_view(found)
    field, _, words = error.partition(": ")
    closing = view.closure.signature if view.closure is not None else None
    own = _characteristic_of(found)
    frozen = Chart.objects.filter(
        Q(limit_revisions__kind=LimitRevision.Kind.FROZEN), stream__plan__site=request.site
    )
    context = {
        "nav_active": "cases",
        "view": view,
        "case": found,
        "overdue": view.overdue(request.site_now.date()),
        "families": list(Family),
        "people": people_who_may(request.site, Action.WORK_CASE),
        "parameters": RecipeParameter.objects.select_related("recipe_revision__recipe", "step").order_by(
            "recipe_revision__recipe__code", "step__sequence", "name"
        )[:LEVERS_LISTED],
        "lines": ControlPlanLine.objects.filter(revision__in=newest_revisions(request.site))
        .select_related("characteristic__step", "revision__plan")
        .order_by("step__sequence", "characteristic__code")[:LEVERS_LISTED],
        "charts": [
            (chart.pk, chart_title(chart), chart.stream.plan.characteristic_id == own)
            for chart in frozen.select_related(
                "stream__plan__characteristic",
                "stream__plan__material",
                "stream__equipment",
                "stream__zone",
                "stream__gauge",
                "stream__product_revision__product",
                "stream__recipe_revision__recipe",
            )
            .annotate(own=ExpressionWrapper(Q(stream__plan__characteristic=own), BooleanField()))
            .distinct()
            .order_by("-own", "pk")[:LEVERS_LISTED]
        ],
        "fewest": FEWEST_POINTS,
        "genuine": closing is None or verify(closing, record_of(view) | view.closure.content),  # type: ignore[union-attr]
        "may_work": found.state == Nonconformance.State.OPEN
        and may(request.user, request.site, Action.WORK_CASE),
        "may_close": found.state == Nonconformance.State.OPEN
        and may(request.user, request.site, Action.CLOSE_CASE),
        "error": words or field,
        "error_field": field if words else "",
        "entered": request.POST,
    }
    return render(request, "web/cases/case.html", context, status=status)
