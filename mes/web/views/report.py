"""Report at the station that a step has started although a gate refused it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from lots.models import Equipment
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at
from quality.actions.report_movement import ReportRefused, report_step
from quality.permissions import Action


@require_POST
@site_page(Action.RUN_STEP)
def report(request: SiteRequest, code: str) -> HttpResponse:
    """The lot's form opens as for any start: what was measured can be recorded, and the lot stays held."""
    lot = lot_at(request, code)
    back = redirect("web:station_lot", lot.code)
    machine = request.POST.get("equipment", "").strip()
    equipment = (
        Equipment.objects.select_related("step").filter(site=request.site, code__iexact=machine).first()
    )
    if machine and equipment is None:
        messages.error(request, f"Not reported. There is no equipment {machine[:32]} at {request.site.code}.")
        return back
    try:
        done = report_step(
            [lot],
            request.POST.get("step", ""),
            equipment=equipment,
            reason=request.POST.get("reason", ""),
            user=request.user,
            now=request.now,
        )
    except ReportRefused as refusal:
        messages.error(request, f"Not reported. {str(refusal).capitalize()}.")
        return back
    messages.warning(
        request,
        f"Reported. {lot.code} is held, and {done.nonconformance.code} is open for a quality engineer.",
    )
    return back
