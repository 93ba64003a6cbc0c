"""Zones: what their air is said to be fit for, and the shift checklist."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field

from lots.models import Site, Zone
from lots.science.humidity_events import ChecklistItem
from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.idempotency import IdempotencyKeyHeader, once
from mes.api.schemas import Code, Line, Strict
from quality.actions.shift_check import answer_checklist
from quality.models import ShiftCheck
from quality.shift_checks import ZoneStanding, standing_of_zones

router = Router(tags=["Zones"])


class ChecklistIn(Strict):
    """All seven answers; `remarks` are needed when an item failed."""

    answers: dict[ChecklistItem, Annotated[bool, Field(strict=True)]]
    remarks: Line = ""


@router.get("/zones", response={200: dict[str, Any], **refusals()})
def list_zones(request: HttpRequest) -> JsonResponse:
    """Every zone in use: which steps ask for its checklist, the check that counts now, and what keeps them."""
    states = standing_of_zones(caller_of(request).site, now=timezone.now())
    return JsonResponse({"items": [_zone_out(state) for state in states]})


@router.post("/zones/{code}/checks", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def check_zone(
    request: HttpRequest, code: Code, payload: ChecklistIn, idempotency_key: IdempotencyKeyHeader
) -> JsonResponse:
    """Answer the shift checklist of a zone; the latest answers of the shift count."""
    caller, now = caller_of(request), timezone.now()
    zone = _zone_of(caller.site, code)

    def work() -> dict[str, Any]:
        check = answer_checklist(zone, payload.answers, remarks=payload.remarks, user=caller.user, now=now)
        return {"zone": zone.code, **check_out(check)}

    return once(caller, idempotency_key, request, payload, work)


def check_out(check: ShiftCheck) -> dict[str, Any]:
    return {
        "shift": check.shift,
        "passed": check.passed,
        "answers": {item.value: passed for item, passed in check.answers.items()},
        "remarks": check.remarks,
        "checked_by": check.checked_by.username,
        "checked_at": check.checked_at,
    }


def _zone_out(state: ZoneStanding) -> dict[str, Any]:
    return {
        "code": state.zone.code,
        "name": state.zone.name,
        "steps": state.rule.steps if state.rule is not None else [],
        "shift": state.span.name,
        "shift_ends_at": state.span.ends_at,
        "check": check_out(state.check) if state.check is not None else None,
        "fit": state.fit,
        "reasons": state.reasons,
    }


def _zone_of(site: Site, code: str) -> Zone:
    zone = Zone.objects.filter(site=site, code=code).select_related("site").first()
    if zone is None:
        raise Http404
    return zone
