"""Pages of a lot's raw records: thickness map, drying curve, chamber pressure, and its dose timeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lots.models import CurveFile, Lot
from mes.curves import CurveMissing
from mes.records.adhesion import adhesion_of
from mes.records.compaction import compaction_of
from mes.records.dose import dose_json
from mes.records.drying import curve_json, readings_curve_json
from mes.records.find import chamber_records_of, current, labelled, records_of
from mes.records.thickness import map_json, readings_map_json
from mes.records.vacuum import pressure_json
from mes.records.wet_film import wet_film_of
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at


@dataclass(frozen=True)
class Page:
    """One kind of record: its words, how its data are made, and what stands in where there is no record."""

    title: str
    data_url: str
    empty: str
    plots: tuple[tuple[str, str], ...]
    records: Callable[[Lot], list[CurveFile]]
    of_record: Callable[[CurveFile], dict[str, Any]]
    of_readings: Callable[[Lot], dict[str, Any] | None] = lambda lot: None


THICKNESS = Page(
    "Thickness map",
    "web:lot_thickness_data",
    "The scan of the thickness gauge, or two profiles of readings, are drawn here.",
    (("map", "Thickness along the roll and across the web"), ("edge", "Edge minus centre along the roll")),
    lambda lot: records_of(lot, CurveFile.Kind.THICKNESS),
    map_json,
    readings_map_json,
)
DRYING = Page(
    "Drying curve",
    "web:lot_drying_data",
    "The curve of the balance, or three weighings of the test strip, are drawn here.",
    (("mass", "Mass of the test strip"), ("rate", "Drying rate"), ("stages", "Loss in each stage")),
    lambda lot: records_of(lot, CurveFile.Kind.MASS),
    curve_json,
    readings_curve_json,
)
VACUUM = Page(
    "Vacuum and soak",
    "web:lot_vacuum_data",
    "The pressure of the filling chamber is drawn here once its gauge or a file has delivered it.",
    (("pressure", "Chamber pressure"),),
    chamber_records_of,
    pressure_json,
)


@require_safe
@site_page()
def thickness(request: SiteRequest, code: str) -> HttpResponse:
    return _page(request, code, THICKNESS)


@require_safe
@site_page()
def thickness_data(request: SiteRequest, code: str) -> HttpResponse:
    return _data(request, code, THICKNESS)


@require_safe
@site_page()
def drying(request: SiteRequest, code: str) -> HttpResponse:
    return _page(request, code, DRYING)


@require_safe
@site_page()
def drying_data(request: SiteRequest, code: str) -> HttpResponse:
    return _data(request, code, DRYING)


@require_safe
@site_page()
def vacuum(request: SiteRequest, code: str) -> HttpResponse:
    return _page(request, code, VACUUM)


@require_safe
@site_page()
def vacuum_data(request: SiteRequest, code: str) -> HttpResponse:
    return _data(request, code, VACUUM)


@require_safe
@site_page()
def dose(request: SiteRequest, code: str) -> HttpResponse:
    lot = lot_at(request, code)
    data = dose_json(lot, site_now=request.site_now)
    return render(request, "web/lots/dose.html", {"nav_active": "lots", "lot": lot, "data": data})


@require_safe
@site_page()
def dose_data(request: SiteRequest, code: str) -> HttpResponse:
    return JsonResponse(dose_json(lot_at(request, code), site_now=request.site_now))


def _page(request: SiteRequest, code: str, page: Page) -> HttpResponse:
    """The page with the numbers in words; its plots come from the same data as JSON."""
    lot = lot_at(request, code)
    records = page.records(lot)
    problem = ""
    try:
        data = _shown(lot, records, page)
    except CurveMissing as error:
        data, problem = None, str(error)
    context = {
        "nav_active": "lots",
        "lot": lot,
        "page": page,
        "records": records,
        "record": current(records),
        "data": data,
        "values": [] if data is None else labelled(data["values"]),
        "problem": problem,
        "adhesion": adhesion_of(lot) if page is THICKNESS else None,
        "wet_film": wet_film_of(lot) if page is THICKNESS else None,
        "compaction": compaction_of(lot) if page is THICKNESS else None,
    }
    return render(request, "web/lots/record.html", context)


def _data(request: SiteRequest, code: str, page: Page) -> HttpResponse:
    lot = lot_at(request, code)
    try:
        data = _shown(lot, page.records(lot), page)
    except CurveMissing as error:
        return JsonResponse({"problem": str(error)}, status=503)
    if data is None:
        return JsonResponse({"problem": "no raw record"}, status=404)
    return JsonResponse(data)


def _shown(lot: Lot, records: list[CurveFile], page: Page) -> dict[str, Any] | None:
    record = current(records)
    return page.of_readings(lot) if record is None else page.of_record(record)
