"""The formation pages of a cell and of a cell lot."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from mes.curves import CurveMissing
from mes.web.formation_band import noise_of
from mes.web.formation_lot import lot_formation, lot_formation_json
from mes.web.formation_page import formation_json, formation_page
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at
from quality.suspects import suspect_defects

CELL_LOT = "cell_lot"


@require_safe
@site_page()
def formation(request: SiteRequest, code: str) -> HttpResponse:
    lot = lot_at(request, code)
    if lot.material.kind == CELL_LOT:
        members = {"nav_active": "lots", "lot": lot, "page": lot_formation(lot)}
        return render(request, "web/lots/formation_lot.html", members)
    context = {
        "nav_active": "lots",
        "lot": lot,
        "page": formation_page(lot),
        "suspects": suspect_defects(lot, noise_of=noise_of),
    }
    return render(request, "web/lots/formation.html", context)


@require_safe
@site_page()
def formation_data(request: SiteRequest, code: str) -> HttpResponse:
    lot = lot_at(request, code)
    try:
        return JsonResponse(lot_formation_json(lot) if lot.material.kind == CELL_LOT else formation_json(lot))
    except CurveMissing as error:
        return JsonResponse({"problem": str(error)}, status=503)
