"""Control plans: what is collected, how it is judged, what happens on a signal, and what that costs."""

from __future__ import annotations

from itertools import groupby

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from mes.web.site import SiteRequest, site_page
from mes.web.views.plan_drafts import revision_at
from quality.actions.react import MATERIAL
from quality.gauge_studies import plan_warnings
from quality.models import ControlPlanRevision
from quality.permissions import Action, may
from quality.plan_table import difference, lines_of
from quality.queries import lines_in_force, weekly_false_alarms


@require_GET
@site_page()
def plans(request: SiteRequest) -> HttpResponse:
    revisions = (
        ControlPlanRevision.objects.filter(plan__site=request.site)
        .select_related("plan__product_revision__product", "published_by")
        .order_by("plan__code", "-number")
    )
    return render(request, "web/plans/list.html", {"nav_active": "plans", "revisions": revisions})


@require_GET
@site_page()
def plan(request: SiteRequest, key: int) -> HttpResponse:
    revision = revision_at(request, key)
    lines = list(
        revision.lines.select_related(
            "step", "characteristic", "material", "specification", "chart_plan"
        ).order_by("step__sequence", "id")
    )
    limits = {line.specification_id: line for line in lines_in_force(at=request.site_now)}
    others = list(revision.plan.revisions.exclude(pk=revision.pk).order_by("-number"))
    base = next((other for other in others if other.number < revision.number and other.published_at), None)
    earlier = lines_of(base) if base is not None else []
    expected = weekly_false_alarms(lines, request.site, now=request.site_now)
    holding = sum(expected.get(line.pk, 0.0) for line in lines if line.reaction in MATERIAL)
    doubts = plan_warnings(request.site, lines)
    newest = all(other.number < revision.number for other in others)
    return render(
        request,
        "web/plans/plan.html",
        {
            "nav_active": "plans",
            "revision": revision,
            "groups": [
                (
                    step,
                    [
                        (
                            line,
                            limits.get(line.specification_id or 0),
                            expected.get(line.pk),
                            doubts.get(line.pk),
                        )
                        for line in of
                    ],
                )
                for step, of in groupby(lines, key=lambda line: line.step.name)
            ],
            "doubted": len(doubts),
            "count": len(lines),
            "charted": len(expected),
            "false_alarms": sum(expected.values()),
            "false_holds": holding,
            "base": base,
            "changes": difference(earlier, lines_of(revision)) if base is not None else [],
            "newest": newest,
            "may_edit": newest and may(request.user, request.site, Action.EDIT_PLAN),
            "may_approve": newest
            and revision.published_at is None
            and may(request.user, request.site, Action.APPROVE_PLAN),
            "may_order": revision.published_at is not None
            and may(request.user, request.site, Action.EDIT_MASTERS),
        },
    )
