"""Reports of what happened without permission: recorded, held, and a case opened."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field

from mes.api.auth import caller_of
from mes.api.errors import writing
from mes.api.idempotency import IdempotencyKeyHeader, once
from mes.api.lookup import equipment_of, instant, lots_of
from mes.api.lots import NewLotIn
from mes.api.schemas import Code, Instant, Line, Strict
from mes.api.steps import LotCodes, execution_out
from quality.actions.report_movement import Report, report_production, report_step

router = Router(tags=["Reports"])


class StepReportIn(Strict):
    """A step that was started although a gate refused it."""

    lots: LotCodes
    step: Code
    equipment: Code | None = None
    at: Instant | None = None
    reason: Line


class ProductionReportIn(Strict):
    """Lots that were made although their parents must not move."""

    lots: Annotated[list[NewLotIn], Field(min_length=1, max_length=1000)]
    at: Instant | None = None
    reason: Line


@router.post("/reports/steps", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def step(request: HttpRequest, payload: StepReportIn, idempotency_key: IdempotencyKeyHeader) -> JsonResponse:
    """Record a step start that happened without permission. The lots are held and a nonconformance opens."""
    caller, now = caller_of(request), timezone.now()
    lots, at = lots_of(caller.site, payload.lots), instant(payload.at, caller.site, now)
    machine = next(iter(equipment_of(caller.site, [payload.equipment] if payload.equipment else [])), None)

    def work() -> dict[str, Any]:
        report = report_step(
            lots,
            payload.step,
            equipment=machine,
            reason=payload.reason,
            user=caller.user,
            now=now,
            at=at,
        )
        executions = [execution_out(execution, payload.step) for execution in report.executions]
        return {"executions": executions, **_out(report)}

    return once(caller, idempotency_key, request, payload, work)


@router.post("/reports/production", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def production(
    request: HttpRequest, payload: ProductionReportIn, idempotency_key: IdempotencyKeyHeader
) -> JsonResponse:
    """Record lots that were made without permission. They are born held and a nonconformance opens."""
    caller, now = caller_of(request), timezone.now()
    at = instant(payload.at, caller.site, now)

    def work() -> dict[str, Any]:
        report = report_production(
            [item.to_new_lot() for item in payload.lots],
            reason=payload.reason,
            site=caller.site,
            user=caller.user,
            now=now,
            at=at,
        )
        return {"lots": [lot.code for lot in report.lots], **_out(report)}

    return once(caller, idempotency_key, request, payload, work)


def _out(report: Report) -> dict[str, Any]:
    return {"hold": str(report.hold.uuid), "nonconformance": report.nonconformance.code}
