"""Specifications: the limits that judge, and how they came to be."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Query, Router

from lots.clock import site_time
from mes.api.auth import caller_of
from mes.api.errors import refusals
from mes.api.paging import Cursor, PageSize, page
from mes.api.schemas import OptionalCode, Strict
from quality.models import Specification, SpecificationLine
from quality.specification_history import Revision, history, waiting_draft

router = Router(tags=["Specifications"])


class SpecificationFilter(Strict):
    characteristic: OptionalCode = ""
    cursor: Cursor | None = None
    limit: PageSize = 50


@router.get("/specifications", response={200: dict[str, Any], **refusals()})
def list_specifications(request: HttpRequest, wanted: Query[SpecificationFilter]) -> JsonResponse:
    """Specifications, newest first, each with the line in force on the site's clock; null where none is yet."""
    at = site_time(caller_of(request).site, timezone.now())
    rows = Specification.objects.select_related(
        "characteristic", "product_revision__product", "material"
    ).prefetch_related("lines__requirement")
    if wanted.characteristic:
        rows = rows.filter(characteristic__code=wanted.characteristic)
    found, following = page(rows.order_by("-pk"), cursor=wanted.cursor, limit=wanted.limit)
    items = [{**_specification_out(each), "in_force": _in_force(each, at)} for each in found]
    return JsonResponse({"items": items, "next": following})


@router.get("/specifications/{int:specification_id}", response={200: dict[str, Any], **refusals(404)})
def read_specification(request: HttpRequest, specification_id: int) -> JsonResponse:
    """One specification with all its revisions, newest first, what each changed, and the draft that waits."""
    at = site_time(caller_of(request).site, timezone.now())
    found = (
        Specification.objects.select_related("characteristic", "product_revision__product", "material")
        .filter(pk=specification_id)
        .first()
    )
    if found is None:
        raise Http404
    draft = waiting_draft(found)
    return JsonResponse(
        {
            **_specification_out(found),
            "in_force": _in_force(found, at),
            "revisions": [_revision_out(revision) for revision in history(found)],
            "draft": None
            if draft is None
            else {
                "id": draft.pk,
                "lsl": draft.lsl,
                "target": draft.target,
                "usl": draft.usl,
                "effectivity": draft.effectivity,
                "effective_at": draft.effective_at,
                "change_reason": draft.change_reason,
                "drafted_by": draft.drafted_by.username,
            },
        }
    )


def _specification_out(found: Specification) -> dict[str, Any]:
    return {
        "id": found.pk,
        "characteristic": found.characteristic.code,
        "unit": found.characteristic.unit,
        "product": str(found.product_revision),
        "material": found.material.code if found.material else None,
    }


def _in_force(found: Specification, at: datetime) -> dict[str, Any] | None:
    effective = [line for line in found.lines.all() if line.effective_at <= at]
    newest = max(effective, key=lambda line: line.revision, default=None)
    return None if newest is None else _line_out(newest)


def _line_out(line: SpecificationLine) -> dict[str, Any]:
    return {
        "revision": line.revision,
        "lsl": line.lsl,
        "target": line.target,
        "usl": line.usl,
        "severity": line.severity,
        "requirement": line.requirement.code,
        "source_type": line.source_type,
        "source": line.source,
        "effectivity": line.effectivity,
        "effective_at": line.effective_at,
    }


def _revision_out(revision: Revision) -> dict[str, Any]:
    line = revision.line
    return {
        **_line_out(line),
        "change_reason": line.change_reason,
        "drafted_by": line.draft.drafted_by.username if line.draft else None,
        "approved_by": line.approval.printed_name if line.approval else None,
        "changes": [vars(change) for change in revision.changes],
    }
