"""Control plans: what is collected, how it is judged, what happens on a signal, and what that costs."""

from __future__ import annotations

from itertools import groupby

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from mes.web.site import SiteRequest, site_page
from quality.models import ControlPlanRevision
from quality.queries import lines_in_force, weekly_false_alarms


@require_GET
@site_page()
def plans(request: SiteRequest) -> HttpResponse:
    revisions = (
        ControlPlanRevision.objects.filter(plan__site=request.site)
        .select_related("plan__product_revision__product", "published_by")
        .order_by("plan__code", "-number")
    )
    return render(request, "web/plans/list.html", {"nav_active": "specifications", "revisions": revisions})


@require_GET
@site_page()
def plan(request: SiteRequest, key: int) -> HttpResponse:
    revision = get_object_or_404(
        ControlPlanRevision.objects.select_related("plan__product_revision__product", "published_by"),
        pk=key,
        plan__site=request.site,
    )
    lines = list(
        revision.lines.select_related(
            "step", "characteristic", "material", "specification", "chart_plan"
        ).order_by("step__sequence", "id")
    )
    limits = {line.specification_id: line for line in lines_in_force(at=request.site_now)}
    expected = weekly_false_alarms(lines, request.site, now=request.site_now)
    return render(
        request,
        "web/plans/plan.html",
        {
            "nav_active": "specifications",
            "revision": revision,
            "groups": [
                (step, [(line, limits.get(line.specification_id or 0), expected.get(line.pk)) for line in of])
                for step, of in groupby(lines, key=lambda line: line.step.name)
            ],
            "count": len(lines),
            "charted": len(expected),
            "false_alarms": sum(expected.values()),
        },
    )
