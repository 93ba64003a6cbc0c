"""Specifications: the limits that judge, where each number comes from, and how much lies outside."""

from __future__ import annotations

from itertools import groupby

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from mes.web.site import SiteRequest, site_page
from quality.models import ControlPlanLine, ProcessWindow, SourceType, Specification, SpecificationLine
from quality.plans import newest_revisions
from quality.queries import lines_in_force, newest_defects, out_of_specification
from spc.queries import charts_of_site

DEFECTS_LISTED = 15


@require_GET
@site_page()
def specifications(request: SiteRequest) -> HttpResponse:
    lines = lines_in_force(at=request.site_now)
    steps = dict(
        lines.order_by("specification__characteristic__step__sequence").values_list(
            "specification__characteristic__step__code", "specification__characteristic__step__name"
        )
    )
    chosen = {name: request.GET.get(name, "").strip() for name in ("step", "source", "q")}
    if chosen["step"]:
        lines = lines.filter(specification__characteristic__step__code=chosen["step"])
    if chosen["source"] in SourceType.values:
        lines = lines.filter(source_type=chosen["source"])
    for word in chosen["q"].split():
        lines = lines.filter(
            Q(specification__characteristic__name__icontains=word)
            | Q(specification__characteristic__code__icontains=word)
            | Q(requirement__code__icontains=word)
        )
    shown = list(lines)
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
            "steps": steps,
            "sources": SourceType.choices,
            "chosen": chosen,
            "windows": ProcessWindow.objects.select_related("characteristic", "requirement"),
        },
    )


@require_GET
@site_page()
def specification(request: SiteRequest, key: int) -> HttpResponse:
    found = get_object_or_404(
        Specification.objects.select_related("characteristic__step", "product_revision__product", "material"),
        pk=key,
    )
    line = lines_in_force(at=request.site_now).filter(specification=found).first()
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
            "history": SpecificationLine.objects.filter(specification=found)
            .select_related("requirement")
            .order_by("-revision"),
            "plan_lines": plan_lines,
            "charts": charts,
            "windows": ProcessWindow.objects.filter(characteristic=found.characteristic_id).select_related(
                "requirement"
            ),
            "defects": newest_defects(request.site).filter(judgement__line__specification=found)[
                :DEFECTS_LISTED
            ],
        },
    )
