"""Gauge studies: read only; they are planned, read and signed on pages."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from ninja import Query, Router

from mes.api.auth import caller_of
from mes.api.errors import refusals
from mes.api.paging import Cursor, PageSize, page
from mes.api.schemas import OptionalCode, Strict
from quality.gauge_studies import Run, result_content, result_of, runs_of, studies_of_site
from quality.models import GaugeStudy
from spc.engine.measurement_systems import StudyError

router = Router(tags=["Quality"])


class StudyFilter(Strict):
    gauge: OptionalCode = ""
    characteristic: OptionalCode = ""
    cursor: Cursor | None = None
    limit: PageSize = 50


@router.get("/gauge-studies", response={200: dict[str, Any], **refusals()})
def list_studies(request: HttpRequest, wanted: Query[StudyFilter]) -> JsonResponse:
    """Studies of the site's gauges, newest first."""
    rows = studies_of_site(caller_of(request).site)
    if wanted.gauge:
        rows = rows.filter(gauge__code=wanted.gauge)
    if wanted.characteristic:
        rows = rows.filter(characteristic__code=wanted.characteristic)
    found, following = page(rows, cursor=wanted.cursor, limit=wanted.limit)
    return JsonResponse({"items": [_out(study) for study in found], "next": following})


@router.get("/gauge-studies/{int:study_id}", response={200: dict[str, Any], **refusals(404)})
def read_study(request: HttpRequest, study_id: int) -> JsonResponse:
    """Its frozen order with readings, and the result once all were taken; `problem` says why there is none."""
    study = studies_of_site(caller_of(request).site).filter(pk=study_id).first()
    if study is None:
        raise Http404
    runs = runs_of(study)
    result, problem = None, ""
    try:
        result = result_content(result_of(study, runs))
    except StudyError as error:
        problem = str(error)
    return JsonResponse(
        {
            **_out(study),
            "references": study.references,
            "runs": [_run(run) for run in runs],
            "result": result,
            "problem": problem,
        }
    )


def _out(study: GaugeStudy) -> dict[str, Any]:
    verdict = getattr(study, "verdict", None)
    return {
        "id": study.pk,
        "gauge": study.gauge.code,
        "characteristic": study.characteristic.code,
        "unit": study.characteristic.unit,
        "design": study.design,
        "parts": study.parts,
        "operators": study.operators,
        "trials": study.trials,
        "tolerance": None if study.tolerance is None else f"{study.tolerance.normalize():f}",
        "seed": study.seed,
        "planned_by": study.planned_by.username,
        "planned_at": study.planned_at,
        "verdict": None if verdict is None else verdict.verdict,
        "signed_by": None if verdict is None else verdict.signature.printed_name,
        "signed_at": None if verdict is None else verdict.signature.signed_at,
    }


def _run(run: Run) -> dict[str, Any]:
    reading = run.reading
    return {
        "run": run.number + 1,
        "part": run.part,
        "operator": run.operator,
        "trial": run.trial,
        "value": None if reading is None else reading.value,
        "read_at": None if reading is None else reading.read_at,
        "recorded_by": None if reading is None else reading.recorded_by.username,
        "superseded": [{"value": old.value, "read_at": old.read_at} for old in run.superseded],
        "reason": "" if reading is None else reading.reason,
    }
