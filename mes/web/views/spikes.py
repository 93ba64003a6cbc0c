"""Humidity spikes: what the air did, which lots lay open in it, and the limits that it tightened."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from mes.web.site import SiteRequest, site_page
from quality.spikes import RULE, spikes_of

LISTED = 20


@require_safe
@site_page()
def spikes(request: SiteRequest) -> HttpResponse:
    context = {"nav_active": "zones", "states": spikes_of(request.site, count=LISTED), "rule": RULE}
    return render(request, "web/zones/spikes.html", context)
