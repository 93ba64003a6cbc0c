"""Capability of a stream, as the page shows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router

from lots.clock import site_time
from mes.api.auth import caller_of
from mes.api.charts import chart_of
from mes.api.errors import refusals
from quality.capability import StreamCapability, limits_of, stream_capability
from spc.engine.capability import Capability
from spc.engine.capability_study import CapabilityStudy, Fallouts

router = Router(tags=["Charts"])

INDICES = ("cp", "cpl", "cpu", "cpk", "cpm", "pp", "ppl", "ppu", "ppk", "cpm_overall")
INDICES_BETWEEN_WITHIN = ("cp", "cpl", "cpu", "cpk", "cpm")
PPM = ("observed", "within", "between_within", "overall", "best")


@router.get("/charts/{int:chart_id}/capability", response={200: dict[str, Any], **refusals(404)})
def read_capability(request: HttpRequest, chart_id: int) -> JsonResponse:
    """Indices with intervals, ppm, normality, other laws; `study` is null where `problem` says why."""
    site = caller_of(request).site
    chart = chart_of(site, chart_id)
    found = stream_capability(chart, at=site_time(site, timezone.now()))
    return JsonResponse({"chart": chart.pk, **_out(found)})


def _out(found: StreamCapability) -> dict[str, Any]:
    used = found.report.readings
    return {
        "specification": None if found.line is None else limits_of(found.line),
        "used": {
            "readings": len(used.values),
            "points": used.points,
            "excluded_points": used.excluded,
            "signalled_points": used.signals,
            "since": used.since,
            "until": used.until,
        },
        "problem": found.problem,
        "warnings": found.warnings,
        "study": None if found.report.study is None else _study(found.report.study),
    }


def _study(study: CapabilityStudy) -> dict[str, Any]:
    capability = study.capability
    return {
        "n": capability.n,
        "mean": capability.mean,
        "sigma_within": capability.sigma_within,
        "sigma_between": None if study.parts is None else study.parts.between,
        "sigma_between_within": None if study.parts is None else study.parts.total,
        "sigma_overall": capability.sigma_overall,
        "confidence": capability.confidence,
        "indices": _indices(capability, INDICES),
        "indices_between_within": None
        if study.together is None
        else _indices(study.together, INDICES_BETWEEN_WITHIN),
        "ppm": {name: _sides(getattr(study.ppm, name)) for name in PPM},
        "stability": None if study.stability is None else asdict(study.stability),
        "normality": None if study.normality is None else asdict(study.normality),
        "laws": [
            {
                "law": law.fit.name,
                "parameters": law.fit.parameters,
                "anderson_darling": law.fit.anderson_darling,
                "pp": law.pp,
                "ppk": law.ppk,
            }
            for law in study.laws
        ],
        "transforms": [asdict(method) for method in study.methods],
        "tolerance_interval": asdict(study.tolerance),
        "histogram": {"edges": study.histogram.edges, "counts": study.histogram.counts},
    }


def _indices(capability: Capability, names: tuple[str, ...]) -> dict[str, dict[str, float] | None]:
    found = {name: getattr(capability, name) for name in names}
    return {name: None if index is None else asdict(index) for name, index in found.items()}


def _sides(pair: tuple[float | None, float | None]) -> dict[str, float | None]:
    return {"below_lsl": pair[0], "above_usl": pair[1], "total": Fallouts.total(pair)}
