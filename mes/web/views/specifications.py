"""Specifications: the limits that judge, where each number comes from, and how much lies outside."""

from __future__ import annotations

from itertools import groupby

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from mes.web.site import SiteRequest, site_page
from quality.models import ControlPlanLine, ProcessWindow, SourceType, Specification, SpecificationLine
from quality.permissions import Action, may
from quality.plans import newest_revisions
from quality.queries import lines_in_force, newest_defects, out_of_specification
from quality.specification_history import changes, history, newest_line, waiting_draft, waiting_drafts
from spc.queries import charts_of_site

DEFECTS_LISTED = 15


@require_GET
@site_page()
def specifications(request: SiteRequest) -> HttpResponse:
    lines = list(lines_in_force(at=request.site_now))
    characteristics = [line.specification.characteristic for line in lines]
    chosen = {name: request.GET.get(name, "").strip() for name in ("step", "source", "q")}
    shown = [line for line in lines if _is_asked_for(line, **chosen)]
    shares = out_of_specification(request.site, [line.pk for line in shown])
    return render(
        request,
        "web/specifications/list.html",
        {
            "nav_active": "specifications",
            "groups": [
                (step, [(line, shares.get(line.pk)) for line in of])
                for step, of in groupby(shown, key=lambda line: line.specification.characteristic.step.name)
            ],
            "count": len(shown),
            "steps": {each.step.code: each.step.name for each in characteristics},
            "sources": SourceType.choices,
            "chosen": chosen,
            "windows": ProcessWindow.objects.select_related("characteristic", "requirement"),
            "may_draft": may(request.user, request.site, Action.EDIT_MASTERS),
            "waiting": waiting_drafts(),
        },
    )


def _is_asked_for(line: SpecificationLine, *, step: str, source: str, q: str) -> bool:
    characteristic = line.specification.characteristic
    text = f"{characteristic.name} {characteristic.code} {line.requirement.code}".lower()
    return (
        step in {"", characteristic.step.code}
        and (source not in SourceType.values or line.source_type == source)
        and all(word in text for word in q.lower().split())
    )


@require_GET
@site_page()
def specification(request: SiteRequest, key: int) -> HttpResponse:
    found = get_object_or_404(
        Specification.objects.select_related("characteristic__step", "product_revision__product", "material"),
        pk=key,
    )
    line = lines_in_force(at=request.site_now).filter(specification=found).first()
    draft = waiting_draft(found)
    plan_lines = ControlPlanLine.objects.filter(
        revision__in=newest_revisions(request.site), characteristic=found.characteristic_id
    ).select_related("revision__plan", "step", "material")
    charts = charts_of_site(request.site.pk).filter(stream__plan__characteristic=found.characteristic_id)
    if found.material_id is not None:
        plan_lines = plan_lines.filter(Q(material=found.material_id) | Q(material__isnull=True))
        charts = charts.filter(
            Q(stream__plan__material=found.material_id) | Q(stream__plan__material__isnull=True)
        )
    return render(
        request,
        "web/specifications/specification.html",
        {
            "nav_active": "specifications",
            "specification": found,
            "characteristic": found.characteristic,
            "line": line,
            "share": out_of_specification(request.site, [line.pk]).get(line.pk) if line else None,
            "history": history(found),
            "draft": draft,
            "draft_changes": changes(newest_line(found), draft) if draft is not None else (),
            "may_draft": may(request.user, request.site, Action.EDIT_MASTERS),
            "may_approve": draft is not None
            and may(request.user, request.site, Action.APPROVE_SPECIFICATION),
            "plan_lines": plan_lines,
            "charted": any(each.chart_family for each in plan_lines),
            "charts": charts,
            "windows": ProcessWindow.objects.filter(characteristic=found.characteristic_id).select_related(
                "requirement"
            ),
            "defects": newest_defects(request.site).filter(judgement__line__specification=found)[
                :DEFECTS_LISTED
            ],
        },
    )
