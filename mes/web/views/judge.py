"""Judge a typed value before it is recorded: the same comparison, nothing written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from lots.models import Characteristic, Lot, Measurement
from mes.web.forms.readings import number_problem, split_qualifier
from mes.web.site import SiteRequest, site_page
from mes.web.views.station import lot_at
from quality.models import TightenedLimits
from quality.permissions import Action
from quality.specifications import SpecificationBook, compare, violation_text
from quality.spikes import STEP, drawn_in, spike_behind


@require_POST
@site_page(Action.RECORD)
def judge(request: SiteRequest, code: str) -> HttpResponse:
    """Judge one typed value against its specification, before anything is recorded."""
    lot = lot_at(request, code)
    name = request.GET.get("field", "")
    _, _, rest = name.partition("-")
    key = rest.partition("-")[0]
    characteristic = get_object_or_404(Characteristic, pk=int(key) if key.isdecimal() else 0)
    text = request.POST.get(name, "").strip()
    context: dict[str, Any] = {"empty": not text, "problem": number_problem(text) if text else ""}
    if text and not context["problem"]:
        context |= _verdict(lot, characteristic, text, request.site_now)
    return render(request, "web/station/_verdict.html", context)


def _verdict(lot: Lot, characteristic: Characteristic, text: str, site_now: datetime) -> dict[str, Any]:
    qualifier, number = split_qualifier(text)
    row = Measurement(characteristic=characteristic, qualifier=qualifier)
    row.value = Measurement._meta.get_field("value").to_python(number)
    line = SpecificationBook([characteristic.pk], at=site_now).line_for_lot(characteristic.pk, lot)
    if line is None:
        return {"verdict": "none"}
    spike = spike_behind([lot]).get(lot.pk) if characteristic.step.code == STEP else None
    drawn = drawn_in(line) if spike is not None else None
    tightened = TightenedLimits(spike=spike, line=line, lsl=drawn.lsl, usl=drawn.usl) if drawn else None
    limits = tightened or line
    verdict = compare(row.value, qualifier, limits.lsl, limits.usl)
    return {
        "verdict": verdict.value,
        "words": violation_text(row, line, tightened) if verdict == "violates" else "",
        "requirement": line.requirement,
        "severity": line.severity,
    }
