"""Requirements: what must hold, why, where it is judged, and what violated it."""

from __future__ import annotations

from itertools import zip_longest

from django.db.models import Count, OuterRef, Q, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from mes.web.site import SiteRequest, site_page
from quality.actions.requirements import WORDING
from quality.evidence import open_holds
from quality.models import (
    ControlPlanLine,
    Defect,
    ProcessWindow,
    Requirement,
    RequirementRevision,
    SourceType,
)
from quality.permissions import Action, may
from quality.plans import newest_revisions
from quality.queries import (
    lines_in_force,
    newest_defects,
    newest_judgements,
    rivals_of,
)
from quality.traceability import suspects_of

LISTED = 15


def changed_wording(
    earlier: RequirementRevision | None, later: RequirementRevision
) -> list[tuple[str, str, str]]:
    """(field, before, after) of what a revision of a requirement says otherwise than the one before it."""
    if earlier is None:
        return []
    fields = ((name, getattr(earlier, name), getattr(later, name)) for name in WORDING)
    return [
        (name.replace("_", " ").capitalize(), before or "–", after or "–")
        for name, before, after in fields
        if before != after
    ]


@require_GET
@site_page()
def requirements(request: SiteRequest) -> HttpResponse:
    newest = RequirementRevision.objects.filter(requirement=OuterRef("pk")).order_by("-number")
    defects = (
        Defect.objects.filter(requirement=OuterRef("pk"), site=request.site)
        .order_by()
        .values("requirement")
        .annotate(number=Count("pk"))
        .values("number")
    )
    rows = Requirement.objects.annotate(
        statement=Subquery(newest.values("statement")[:1]),
        acceptance=Subquery(newest.values("acceptance")[:1]),
        source_type=Subquery(newest.values("source_type")[:1]),
        lines=Count("specification_lines__specification", distinct=True),
        defects_here=Subquery(defects),
    ).order_by("kind", "code")
    chosen = {name: request.GET.get(name, "").strip() for name in ("kind", "source", "q")}
    if chosen["kind"] in Requirement.Kind.values:
        rows = rows.filter(kind=chosen["kind"])
    if chosen["source"] in SourceType.values:
        rows = rows.filter(source_type=chosen["source"])
    for word in chosen["q"].split():
        rows = rows.filter(Q(code__icontains=word) | Q(title__icontains=word) | Q(statement__icontains=word))
    return render(
        request,
        "web/requirements/list.html",
        {
            "nav_active": "requirements",
            "rows": rows,
            "may_write": may(request.user, request.site, Action.EDIT_MASTERS),
            "chosen": chosen,
            "kinds": Requirement.Kind.choices,
            "sources": SourceType.choices,
        },
    )


@require_GET
@site_page()
def requirement(request: SiteRequest, code: str) -> HttpResponse:
    found = get_object_or_404(Requirement, code=code)
    revisions = list(found.revisions.select_related("issued_by").order_by("-number"))
    lines = list(lines_in_force(at=request.site_now).filter(requirement=found))
    windows = list(ProcessWindow.objects.filter(requirement=found).select_related("characteristic"))
    characteristics = {line.specification.characteristic_id for line in lines}
    characteristics |= {window.characteristic_id for window in windows if window.characteristic_id}
    plan_lines = (
        ControlPlanLine.objects.filter(
            revision__in=newest_revisions(request.site), characteristic__in=characteristics
        )
        .select_related("revision__plan", "step", "characteristic", "material")
        .order_by("step__sequence", "id")
    )
    return render(
        request,
        "web/requirements/requirement.html",
        {
            "nav_active": "requirements",
            "requirement": found,
            "revision": revisions[0] if revisions else None,
            "revisions": [
                (each, changed_wording(earlier, each))
                for each, earlier in zip_longest(revisions, revisions[1:])
            ],
            "suspects": suspects_of(revisions[0], lines) if len(revisions) > 1 else [],
            "may_recheck": may(request.user, request.site, Action.RECHECK),
            "sources": SourceType.choices,
            "may_revise": may(request.user, request.site, Action.EDIT_MASTERS),
            "lines": lines,
            "windows": windows,
            "plan_lines": plan_lines,
            "rivals": rivals_of(found, characteristics, at=request.site_now),
            "judgements": newest_judgements(request.site, lines, count=LISTED),
            "defects": newest_defects(request.site).filter(requirement=found)[:LISTED],
            "holds": open_holds(request.site).filter(defects__requirement=found).distinct()[:LISTED],
        },
    )
