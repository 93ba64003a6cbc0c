"""Steps start and finish; containers open and close."""

from __future__ import annotations

from typing import Annotated, Any

from django.db import transaction
from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field

from lots.envelope import Envelope, InvalidSubmission, Problem
from lots.models import Lot, OpenInterval, StepExecution, Zone
from lots.queries import latest_executions
from mes.api.auth import Caller, caller_of
from mes.api.errors import writing
from mes.api.idempotency import IdempotencyKeyHeader, OptionalKeyHeader, once
from mes.api.lookup import equipment_of, instant, lot_of, lots_of
from mes.api.schemas import Code, Instant, Readings, Strict, to_readings
from mes.pipeline import close_container, finish_step, open_container, record
from quality.actions.run_step import start_step

router = Router(tags=["Steps"])

LotCodes = Annotated[list[Code], Field(min_length=1, max_length=500)]


class StartIn(Strict):
    """`equipment` is one machine for all lots, or one per lot (channels)."""

    lots: LotCodes
    step: Code
    equipment: Code | Annotated[list[Code], Field(max_length=500)] | None = None
    at: Instant | None = None


class FinishIn(Strict):
    """The last readings of the step may come with it; they may belong to any of its lots."""

    lots: LotCodes
    step: Code
    readings: Readings | None = None
    at: Instant | None = None


class OpenIn(Strict):
    lot: Code
    zone: Code
    at: Instant | None = None
    closed_at: Instant | None = None


class CloseIn(Strict):
    lot: Code
    at: Instant | None = None


@router.post("/steps/start", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def start(
    request: HttpRequest,
    payload: StartIn,
    idempotency_key: OptionalKeyHeader = None,
) -> JsonResponse:
    """Start the step on every lot or on none; a closed gate answers 409 with its blockers."""
    caller, now = caller_of(request), timezone.now()
    lots, at = lots_of(caller.site, payload.lots), instant(payload.at, caller.site, now)
    wanted = [payload.equipment] if isinstance(payload.equipment, str) else payload.equipment or []
    machines = equipment_of(caller.site, wanted)
    equipment = machines if isinstance(payload.equipment, list) else next(iter(machines), None)

    def work() -> dict[str, Any]:
        started = start_step(lots, payload.step, user=caller.user, equipment=equipment, now=now, at=at)
        return {"executions": [execution_out(execution, payload.step) for execution in started]}

    return once(caller, idempotency_key or "", request, payload, work)


@router.post("/steps/finish", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def finish(request: HttpRequest, payload: FinishIn, idempotency_key: IdempotencyKeyHeader) -> JsonResponse:
    """Finish the running step of every lot or of none; summaries are derived and judged."""
    caller, now = caller_of(request), timezone.now()
    lots, at = lots_of(caller.site, payload.lots), instant(payload.at, caller.site, now)

    def work() -> dict[str, Any]:
        with transaction.atomic():
            readings = None
            if payload.readings:
                last = _envelope(caller, f"{idempotency_key}/readings", to_readings(payload.readings))
                readings = record(last, now=now).body
            running = _running(lots, payload.step)
            answers = [
                {
                    "lot": lot.code,
                    **finish_step(
                        running[lot.pk], _envelope(caller, f"{idempotency_key}/{lot.code}"), now=now, at=at
                    ).body,
                }
                for lot in lots
            ]
        return {"readings": readings, "answers": answers}

    return once(caller, idempotency_key, request, payload, work)


@router.post("/containers/open", response={201: dict[str, Any], **writing(404)})
def open_lot(request: HttpRequest, payload: OpenIn) -> JsonResponse:
    """Log that the lot lies open to the zone's air from `at` on; what is known of the air since then may hold it.

    Told afterwards, `closed_at` says until when it lay open: the air after that does not concern it.
    """
    caller, now = caller_of(request), timezone.now()
    lot, at = lot_of(caller.site, payload.lot), instant(payload.at, caller.site, now)
    closed_at = payload.closed_at and instant(payload.closed_at, caller.site, now, field="closed_at")
    if closed_at is not None and closed_at < at:
        raise InvalidSubmission([Problem(None, "closed_at", "is earlier than the opening; check `at`")])
    zone = Zone.objects.filter(site=caller.site, code=payload.zone, retired_at__isnull=True).first()
    if zone is None:
        raise Http404
    interval = open_container(lot, zone, user=caller.user, now=now, at=at, closed_at=closed_at)
    return JsonResponse(_interval(interval), status=201)


@router.post("/containers/close", response={200: dict[str, Any], **writing(404)})
def close_lot(request: HttpRequest, payload: CloseIn) -> JsonResponse:
    """Log that the lot's container was closed."""
    caller, now = caller_of(request), timezone.now()
    lot, at = lot_of(caller.site, payload.lot), instant(payload.at, caller.site, now)
    return JsonResponse(_interval(close_container(lot, user=caller.user, at=at)))


def execution_out(execution: StepExecution, step: str) -> dict[str, Any]:
    return {
        "execution": str(execution.uuid),
        "lot": execution.lot.code,
        "step": step,
        "attempt": execution.attempt,
        "equipment": execution.equipment.code if execution.equipment else None,
        "started_at": execution.started_at.isoformat(),
    }


def _envelope(caller: Caller, key: str, readings: Any = ()) -> Envelope:
    return Envelope(site=caller.site, source=caller.source, key=key, user=caller.user, readings=readings)


def _running(lots: list[Lot], step: str) -> dict[int, StepExecution]:
    """The latest execution of the step by lot. A lot that never started it is a problem of the request."""
    found = {
        lot_id: execution
        for (lot_id, _), execution in latest_executions(lot.pk for lot in lots).items()
        if execution.route_step.step.code == step
    }
    for lot in lots:
        if lot.pk in found:
            found[lot.pk].lot = lot  # with its site, which finishing asks for
    missing = [lot.code for lot in lots if lot.pk not in found]
    if missing:
        raise InvalidSubmission([Problem(None, "lots", f"{', '.join(missing)} has not started {step}")])
    return found


def _interval(interval: OpenInterval) -> dict[str, Any]:
    return {
        "lot": interval.lot.code,
        "zone": interval.zone.code,
        "opened_at": interval.opened_at,
        "closed_at": interval.closed_at,
    }
