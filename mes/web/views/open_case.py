"""Opening a nonconformance from where its cause shows: a point of a chart, a defect, a hold, a lot."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from lots.models import Hold
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at
from quality.actions.open_case import CaseRefused, open_case
from quality.models import Defect, Nonconformance
from quality.permissions import Action
from spc.models import Signal


@require_POST
@site_page(Action.WORK_CASE)
def from_hold(request: SiteRequest, key: int) -> HttpResponse:
    hold = get_object_or_404(Hold, pk=key, site=request.site)
    return _opened(request, open_case(request.site, hold=hold, user=request.user, now=request.now))


@require_POST
@site_page(Action.WORK_CASE)
def from_signal(request: SiteRequest, key: int) -> HttpResponse:
    rows = Signal.objects.select_related(
        "point__subgroup", "carried_from__point__subgroup", "chart__stream__plan__characteristic"
    )
    signal = get_object_or_404(rows, pk=key, chart__stream__plan__site=request.site)
    return _opened(request, open_case(request.site, signal=signal, user=request.user, now=request.now))


@require_POST
@site_page(Action.WORK_CASE)
def from_defect(request: SiteRequest, key: int) -> HttpResponse:
    rows = Defect.objects.select_related("characteristic", "requirement", "lot", "hold")
    defect = get_object_or_404(rows, pk=key, site=request.site)
    return _opened(request, open_case(request.site, defect=defect, user=request.user, now=request.now))


@require_POST
@site_page(Action.WORK_CASE)
def from_lot(request: SiteRequest, code: str) -> HttpResponse:
    """About a lot that nothing has stopped: the person says what is wrong."""
    lot = lot_at(request, code)
    title = request.POST.get("title", "")
    try:
        case = open_case(request.site, lot=lot, title=title, user=request.user, now=request.now)
    except CaseRefused as refusal:
        messages.error(request, f"No case was opened. {str(refusal).capitalize()}.")
        return redirect("web:lot", lot.code)
    return _opened(request, case)


def _opened(request: SiteRequest, case: Nonconformance) -> HttpResponse:
    messages.success(request, f"{case.code} is open.")
    return redirect("web:case", case.pk)
