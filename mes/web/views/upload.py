"""Upload: the file of a formation cycler or of an impedance analyser for one cell, or a raw record of the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from lots.envelope import InvalidSubmission
from lots.models import Lot, StepExecution
from lots.science.raw_records import RecordKind
from mes.connectors.cycler.read import MAX_BYTES
from mes.connectors.files import UnreadableFile
from mes.connectors.impedance.read import is_impedance_file
from mes.connectors.import_cycler import STEP, ImportedTest, ImportRefused, file_source, import_cycler_file
from mes.connectors.import_impedance import conditions, import_impedance_file
from mes.connectors.series.model import Series
from mes.connectors.series.read import is_series_file, read_series_file
from mes.connectors.series.record import RecordRefused, keep_series
from mes.web.card import explain
from mes.web.forms.upload import CappedUpload
from mes.web.site import SiteRequest, site_page
from quality.permissions import Action
from spc.models import Chart

PAGES = {
    RecordKind.MASS: "web:lot_drying",
    RecordKind.THICKNESS: "web:lot_thickness",
    RecordKind.PRESSURE: "web:lot_vacuum",
}
FORM_OVERHEAD_BYTES = 100_000
CELLS_SHOWN = 12


@csrf_exempt  # the token lies in the body, which must not be read before the cap stands; checked in `_page`
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponseBase:
    if request.method == "POST":
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if declared.isdecimal() and int(declared) > MAX_BYTES + FORM_OVERHEAD_BYTES:
            return _too_large(request)
        request.upload_handlers = [CappedUpload(request, max_bytes=MAX_BYTES)]
    return _page(request)


@csrf_protect
@site_page(Action.IMPORT_FILE)
def _page(request: SiteRequest) -> HttpResponse:
    if request.method != "POST":
        return _form(request, code=request.GET.get("code", ""))
    return _take_in(request)


@site_page(Action.IMPORT_FILE)
def _too_large(request: SiteRequest) -> HttpResponse:
    return _form(request, problem=_too_large_words(), status=413)


def _take_in(request: SiteRequest) -> HttpResponse:
    code, file = request.POST.get("lot", "").strip(), request.FILES.get("file")
    if any(getattr(handler, "too_large", False) for handler in request.upload_handlers):
        return _form(request, code=code, problem=_too_large_words(), status=413)
    cell = (
        Lot.objects.select_related("site", "material", "work_order")
        .filter(site=request.site, code=code)
        .first()
    )
    if cell is None:
        words = (
            f"No lot {code[:48]} at {request.site.code}: scan the cell." if code else "Scan the cell first."
        )
        return _form(request, code=code, problem=words, status=422)
    if not isinstance(file, TemporaryUploadedFile):
        return _form(request, code=code, problem="Choose the file that the cycler exported.", status=422)
    path = Path(file.temporary_file_path())
    try:
        if is_series_file(path):
            return _series(request, cell, path)
        if is_impedance_file(path):
            return _spectrum(request, cell, path)
        running = request.POST.get("running") == "1"
        imported = import_cycler_file(path, cell=cell, user=request.user, now=request.now, running=running)
    except (UnreadableFile, InvalidSubmission) as refusal:
        return _form(request, code=code, problem=str(refusal), status=422)
    except (ImportRefused, RecordRefused) as refusal:
        link = reverse("web:station_lot", args=[cell.code])
        return _form(request, code=code, problem=str(refusal), station_url=link, status=409)
    return render(request, "web/upload/result.html", _result(cell, imported))


def _series(request: SiteRequest, lot: Lot, path: Path) -> HttpResponse:
    """A raw record of the line: mass over time, a thickness map or a chamber's pressure."""
    try:
        file = read_series_file(path)
    except UnreadableFile as error:
        raise UnreadableFile(str(error).replace(path.name, "The file")) from error
    series = Series(
        kind=file.kind,
        columns=file.columns,
        started_at=file.started_at,
        gauge=file.gauge,
        equipment=file.equipment,
        step=file.step,
        posted=file.posted,
        reason=request.POST.get("reason", "").strip(),
        format="Table",
        sha256=file.sha256,
        size_bytes=file.size_bytes,
    )
    kept = keep_series(
        series, lot=lot, user=request.user, source=file_source(request.site, request.user), now=request.now
    )
    context = {
        "nav_active": "upload",
        "lot": lot,
        "kept": kept,
        "page_url": reverse(PAGES[file.kind], args=[lot.code]),
    }
    return render(request, "web/upload/record.html", context)


def _spectrum(request: SiteRequest, cell: Lot, path: Path) -> HttpResponse:
    soc_pct, temperature_c = conditions(request.POST.get("soc", ""), request.POST.get("temperature", ""))
    imported = import_impedance_file(
        path,
        cell=cell,
        user=request.user,
        now=request.now,
        soc_pct=soc_pct,
        temperature_c=temperature_c,
    )
    answer = explain(imported.answer, replayed=imported.recognised) if imported.answer else None
    context = {"nav_active": "upload", "lot": cell, "imported": imported, "answer": answer}
    return render(request, "web/upload/spectrum.html", context)


def _result(cell: Lot, imported: ImportedTest) -> dict[str, Any]:
    charts = Chart.objects.filter(pk__in=imported.answer["charts"]).select_related(
        "stream__plan__characteristic", "stream__equipment"
    )
    return {
        "nav_active": "upload",
        "lot": cell,
        "imported": imported,
        "answer": explain(imported.answer, replayed=imported.recognised),
        "charts": charts,
    }


def _form(
    request: SiteRequest, *, problem: str = "", code: str = "", station_url: str = "", status: int = 200
) -> HttpResponse:
    running = StepExecution.objects.filter(
        lot__site=request.site, route_step__step__code=STEP, finished_at__isnull=True
    ).select_related("lot", "equipment")
    return render(
        request,
        "web/upload/form.html",
        {
            "nav_active": "upload",
            "problem": problem,
            "code": code,
            "station_url": station_url,
            "running": running.order_by("-started_at")[:CELLS_SHOWN],
            "max_mb": MAX_BYTES // 1_000_000,
        },
        status=status,
    )


def _too_large_words() -> str:
    return (
        f"The file is larger than {MAX_BYTES // 1_000_000} MB. Export the test in parts. Nothing was stored."
    )
