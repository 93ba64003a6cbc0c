"""Gauge studies: planned, read on a tablet or from a file, shown, signed."""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from lots.models import Characteristic, Gauge
from mes.web.forms.study_csv import MOST_BYTES, read_sheet, sheet
from mes.web.site import SiteRequest, site_page
from mes.web.study_page import study_plots
from quality.actions.gauge_study import (
    GaugeStudyRefused,
    StudyPlan,
    plan_study,
    record_readings,
    sign_study,
    supersede_reading,
)
from quality.actions.sign import SignatureRefused
from quality.gauge_studies import readings_of, result_of, runs_of, studies_of_site
from quality.models import GaugeStudy, GaugeVerdict
from quality.permissions import Action, may
from spc.engine.gauge_verdict import ACCEPTABLE_PCT, FEWEST_CATEGORIES, GOOD_KAPPA, MARGINAL_PCT, POOR_KAPPA
from spc.engine.measurement_systems import StudyError

STUDIES_A_PAGE = 100
_SHARES = (
    f"gauge R&R below {ACCEPTABLE_PCT:.0f} % is acceptable, up to {MARGINAL_PCT:.0f} % marginal, above it not; at least"
    f" {FEWEST_CATEGORIES} distinct categories. The worse of the shares decides."
)
# What AIAG, Measurement Systems Analysis, 4th edition, asks of each design.
CRITERIA = {
    GaugeStudy.Design.CROSSED: _SHARES,
    GaugeStudy.Design.NESTED: _SHARES,
    GaugeStudy.Design.BIAS: "the 95 % interval of the bias holds zero.",
    GaugeStudy.Design.LINEARITY: "the 95 % band of the bias holds zero over the whole range.",
    GaugeStudy.Design.STABILITY: "no occasion lies beyond the control limits of the reference part.",
    GaugeStudy.Design.ATTRIBUTE: (
        f"the lowest kappa is acceptable from {GOOD_KAPPA:.2f}, marginal from {POOR_KAPPA:.2f}, below it not."
    ),
}


@require_safe
@site_page()
def studies(request: SiteRequest) -> HttpResponse:
    page = Paginator(studies_of_site(request.site), STUDIES_A_PAGE).get_page(request.GET.get("page"))
    context = {"nav_active": "gauges", "studies": page.object_list, "page": page}
    return render(request, "web/gauges/studies.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(Action.PLAN_STUDY)
def plan(request: SiteRequest, key: int) -> HttpResponse:
    gauge = get_object_or_404(Gauge.objects.select_related("site"), pk=key, site=request.site)
    readable = (
        Characteristic.objects.filter(Q(gauge_kind=gauge.kind) | Q(gauge_kind=""), derived=False)
        .select_related("step")
        .order_by("step__sequence", "code")
    )
    error = ""
    if request.method == "POST":
        try:
            characteristic = readable.filter(code=request.POST.get("characteristic", "")).first()
            if characteristic is None:
                raise GaugeStudyRefused("characteristic: choose one that this gauge reads")
            made = plan_study(
                gauge,
                characteristic,
                _plan(request),
                seed=secrets.randbelow(2**31),
                user=request.user,
                now=request.now,
            )
        except GaugeStudyRefused as refusal:
            error = str(refusal)
        else:
            messages.success(
                request, f"Planned: {len(made.order)} readings in random order, seed {made.seed}."
            )
            return redirect("web:gauge_study", made.pk)
    context = {
        "nav_active": "gauges",
        "gauge": gauge,
        "characteristics": readable,
        "designs": GaugeStudy.Design.choices,
        "entered": request.POST,
        "error": error,
    }
    return render(request, "web/gauges/plan_study.html", context, status=422 if error else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@site_page(
    posts=(
        Action.RECORD,
        Action.CORRECT,
        Action.SIGN_STUDY,
    )
)
def study(request: SiteRequest, key: int) -> HttpResponse:
    found = get_object_or_404(studies_of_site(request.site).select_related("site"), pk=key)
    if request.method != "POST":
        return _page(request, found)
    try:
        words = _act(request, found)
    except (GaugeStudyRefused, SignatureRefused) as refusal:
        return _page(request, found, error=str(refusal), status=422)
    messages.success(request, words)
    return redirect("web:gauge_study", found.pk)


@require_safe
@site_page()
def study_sheet(request: SiteRequest, key: int) -> HttpResponse:
    """The order with its readings as CSV, to be filled in at the bench."""
    found = get_object_or_404(studies_of_site(request.site), pk=key)
    answer = HttpResponse(sheet(runs_of(found)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="gauge-study-{found.pk}.csv"'
    return answer


def _plan(request: SiteRequest) -> StudyPlan:
    posted = request.POST
    trials = posted.get("trials", "").strip()
    parts, references = [], {}
    for line in posted.get("parts", "").splitlines():
        name, _, reference = (piece.strip() for piece in line.partition("="))
        if name:
            parts.append(name)
            references[name] = reference
    return StudyPlan(
        design=posted.get("design", ""),
        parts=parts,
        operators=[name for name in re.split(r"[,\n]", posted.get("operators", "")) if name.strip()],
        trials=int(trials) if trials.isdecimal() and len(trials) < 5 else 0,
        references=references,
    )


def _act(request: SiteRequest, found: GaugeStudy) -> str:
    posted: dict[str, Any] = {"user": request.user, "now": request.now}
    match request.POST.get("action"):
        case "supersede":
            run = _run(request)
            supersede_reading(
                found, run, request.POST.get("value", ""), reason=request.POST.get("reason", ""), **posted
            )
            return f"Reading {run + 1} is superseded; the wrong one stays on record."
        case "sign":
            made = sign_study(found, password=request.POST.get("password", ""), **posted)
            return f"Signed: the gauge is {made.get_verdict_display().lower()}."
        case "upload":
            file = request.FILES.get("file")
            if file is None:
                raise GaugeStudyRefused("file: choose the filled-in sheet")
            taken = record_readings(
                found, read_sheet(file.read(MOST_BYTES + 1), found, runs_of(found)), **posted
            )
            return f"{len(taken)} readings taken."
        case _:
            run = _run(request)
            record_readings(found, {run: request.POST.get("value", "")}, **posted)
            return f"Reading {run + 1} of {len(found.order)} taken."


def _run(request: SiteRequest) -> int:
    text = request.POST.get("run", "")
    if not text.isdecimal() or len(text) > 4:
        raise GaugeStudyRefused("run: which reading is it?")
    return int(text)


def _page(request: SiteRequest, found: GaugeStudy, *, error: str = "", status: int = 200) -> HttpResponse:
    runs = runs_of(found)
    following = next((run for run in runs if run.reading is None), None)
    taken = sum(run.reading is not None for run in runs)
    context: dict[str, Any] = {
        "nav_active": "gauges",
        "study": found,
        "verdict": getattr(found, "verdict", None),
        "runs": runs,
        "taken": taken,
        "next": following,
        "may_read": may(request.user, request.site, Action.RECORD),
        "may_correct": may(request.user, request.site, Action.CORRECT),
        "may_sign": may(request.user, request.site, Action.SIGN_STUDY),
        "error": error,
        "entered": request.POST,
    }
    if following is None:
        try:
            result = result_of(found, runs)
            context["result"] = result
            context["verdict_words"] = GaugeVerdict.Verdict(result.verdict.value).label
            context["criterion"] = CRITERIA[GaugeStudy.Design(found.design)]
            context["plots"] = study_plots(found, readings_of(found, runs))
        except StudyError as problem:
            context["problem"] = str(problem)
    return render(request, "web/gauges/study.html", context, status=status)
