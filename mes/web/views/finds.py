"""Which shifts a chart's rules find, and how soon: asked for, because large rule sets take a moment to work out."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from mes.web.site import SiteRequest, site_page
from mes.web.views.charts import chart_of_site
from spc.capability_view import found_after


@require_GET
@site_page()
def chart_finds(request: SiteRequest, key: int) -> HttpResponse:
    plan = chart_of_site(request, key).stream.plan
    vector = plan.family in ("t2", "mewma")
    return render(request, "web/charts/finds.html", {"found": found_after(plan), "vector": vector})
