"""Lots: made, found, traced, asked why they must not move."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field, StringConstraints, field_validator

from lots.genealogy import trace
from lots.models import GenealogyLink, HoldLot, Lot
from lots.queries import active_holds, latest_executions, lots_by_id
from lots.tracing import details_of
from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.idempotency import IdempotencyKeyHeader, OptionalKeyHeader, once
from mes.api.lookup import instant, lot_of
from mes.api.paging import Cursor, PageSize, page
from mes.api.schemas import (
    LOT_CODE,
    Code,
    Instant,
    Lane,
    Millimetre,
    OptionalCode,
    Quantity,
    Strict,
)
from quality.actions.produce import NewLot, consume_into, produce_lots
from quality.actions.taking import Input
from quality.gates import can_leave, can_proceed, standing

router = Router(tags=["Lots"])


class InputIn(Strict):
    """What is taken from a parent lot, in the parent's unit; on a roll from an interval and lanes."""

    parent: Code
    quantity: Quantity
    kind: Literal["consume", "split", "merge"] = "consume"
    from_mm: Millimetre | None = None
    to_mm: Millimetre | None = None
    lane_from: Lane | None = None
    lane_to: Lane | None = None
    child_offset_mm: Annotated[int, Field(strict=True, ge=-(10**12), le=10**12)] = 0
    scale: Annotated[Decimal, Field(gt=-1000, lt=1000, max_digits=12, decimal_places=9)] = Decimal(1)
    uncertainty_mm: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] = 0

    @field_validator("scale")
    @classmethod
    def _is_a_map(cls, scale: Decimal) -> Decimal:
        if scale == 0:
            raise ValueError("must not be 0: 1 keeps metres, -1 turns the roll")
        return scale

    def to_input(self) -> Input:
        fields = self.model_dump(include=set(InputIn.model_fields) - {"kind"})
        return Input(kind=GenealogyLink.Kind(self.kind), **fields)


class NewLotIn(Strict):
    code: Annotated[str, StringConstraints(min_length=1, max_length=48, pattern=LOT_CODE)]
    material: Code
    quantity: Quantity = Decimal(1)
    work_order: OptionalCode = ""
    length_mm: Annotated[Millimetre, Field(ge=1)] | None = None
    lanes: Lane | None = None
    expires_at: Instant | None = None
    inputs: Annotated[list[InputIn], Field(max_length=100)] = []
    group: OptionalCode = ""

    def to_new_lot(self) -> NewLot:
        fields = self.model_dump(exclude={"inputs"})
        return NewLot(inputs=tuple(item.to_input() for item in self.inputs), **fields)


class NewLotsIn(Strict):
    lots: Annotated[list[NewLotIn], Field(min_length=1, max_length=1000)]
    at: Instant | None = None


class ConsumptionIn(InputIn):
    """Take from a parent into a lot that exists already, such as electrolyte into a cell."""

    child: Code
    at: Instant | None = None


class LotFilter(Strict):
    state: Lot.State | None = None
    held: bool | None = None
    material: OptionalCode = ""
    q: OptionalCode = ""
    cursor: Cursor | None = None
    limit: PageSize = 50


@router.post("/lots", response={201: dict[str, Any], 200: dict[str, Any], **writing()})
def make_lots(
    request: HttpRequest,
    payload: NewLotsIn,
    idempotency_key: OptionalKeyHeader = None,
) -> JsonResponse:
    """Make lots from nothing or from other lots; all of them or none."""
    caller, now = caller_of(request), timezone.now()
    at = instant(payload.at, caller.site, now)

    def work() -> dict[str, Any]:
        specs = [item.to_new_lot() for item in payload.lots]
        made = produce_lots(specs, site=caller.site, user=caller.user, now=now, at=at)
        return {"lots": [lot_out(lot, held=lot.pk in held_among(made)) for lot in made]}

    return once(caller, idempotency_key or "", request, payload, work)


@router.post("/consumptions", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def consume(
    request: HttpRequest, payload: ConsumptionIn, idempotency_key: IdempotencyKeyHeader
) -> JsonResponse:
    """Take from a lot into another one."""
    caller, now = caller_of(request), timezone.now()
    child, at = lot_of(caller.site, payload.child), instant(payload.at, caller.site, now)

    def work() -> dict[str, Any]:
        link = consume_into(payload.to_input(), child, user=caller.user, now=now, at=at)
        return link_out(link, {link.parent_id: link.parent, link.child_id: link.child})

    return once(caller, idempotency_key, request, payload, work)


@router.get("/lots", response={200: dict[str, Any], **refusals()})
def list_lots(request: HttpRequest, wanted: Query[LotFilter]) -> JsonResponse:
    """Lots of the site, newest first."""
    rows = Lot.objects.filter(site=caller_of(request).site).select_related("material", "work_order")
    rows = _filtered(rows.order_by("-pk"), wanted)
    lots, following = page(rows, cursor=wanted.cursor, limit=wanted.limit)
    held = held_among(lots)
    return JsonResponse({"items": [lot_out(lot, held=lot.pk in held) for lot in lots], "next": following})


@router.get("/lots/{code}", response={200: dict[str, Any], **refusals(404)})
def read_lot(request: HttpRequest, code: Code) -> JsonResponse:
    """One lot: where it is on its route, what holds it, what keeps it from going on."""
    lot, now = lot_of(caller_of(request).site, code), timezone.now()
    step, blockers = standing(lot, now=now)
    holds = list(active_holds([lot.pk]))
    executions = sorted(latest_executions([lot.pk]).values(), key=lambda e: e.route_step.sequence)
    return JsonResponse(
        {
            **lot_out(lot, held=bool(holds)),
            "next_step": step.step.code if step else None,
            "blockers": [blocker.as_dict() for blocker in blockers],
            "holds": [
                {
                    "id": member.pk,
                    "hold": str(member.hold.uuid),
                    "source": member.hold.source,
                    "reason": member.hold.reason,
                    "from_mm": member.from_mm,
                    "to_mm": member.to_mm,
                }
                for member in holds
            ],
            "executions": [
                {
                    "execution": str(execution.uuid),
                    "step": execution.route_step.step.code,
                    "attempt": execution.attempt,
                    "equipment": execution.equipment.code if execution.equipment else None,
                    "started_at": execution.started_at,
                    "finished_at": execution.finished_at,
                }
                for execution in executions
            ],
        }
    )


class TraceFilter(Strict):
    direction: Literal["forward", "backward"] = "forward"
    from_m: Annotated[Decimal, Field(ge=0, le=10**9)] | None = None
    to_m: Annotated[Decimal, Field(ge=0, le=10**9)] | None = None
    limit: Annotated[int, Field(ge=1, le=20_000)] = 2_000


@router.get("/lots/{code}/trace", response={200: dict[str, Any], **refusals(404)})
def trace_lot(request: HttpRequest, code: Code, wanted: Query[TraceFilter]) -> JsonResponse:
    """Everything made from the lot, or everything it was made from: with the stretches of it that count (none: all of
    it), steps, equipment, people, gauges and revisions. `truncated` says that more may exist; a lot is `voided` where
    only voided links lead to it."""
    lot = lot_of(caller_of(request).site, code)
    from_mm, to_mm = (None if m is None else int(m * 1000) for m in (wanted.from_m, wanted.to_m))
    found = trace(
        lot.pk, forward=wanted.direction == "forward", from_mm=from_mm, to_mm=to_mm, limit=wanted.limit
    )
    lots = lots_by_id(node.lot_id for node in found.nodes)
    held = held_among(lots.values())
    details = details_of(lots)
    nodes = [
        {
            **lot_out(lots[node.lot_id], held=node.lot_id in held),
            "depth": node.depth,
            "intervals_mm": node.intervals_mm,
            "voided": node.voided,
            **details[node.lot_id],
        }
        for node in found.nodes
    ]
    links = [link_out(link, lots) for link in found.links]
    return JsonResponse({"lot": lot.code, "lots": nodes, "links": links, "truncated": found.truncated})


@router.get("/lots/{code}/gate", response={200: dict[str, Any], **refusals(404)})
def read_gate(request: HttpRequest, code: Code, step: OptionalCode = "") -> JsonResponse:
    """Why the lot must not start the step; without a step, why it must not be consumed or shipped."""
    lot, now = lot_of(caller_of(request).site, code), timezone.now()
    blockers = can_proceed(lot, step, now=now) if step else can_leave(lot, now=now)
    return JsonResponse(
        {
            "lot": lot.code,
            "step": step or None,
            "passes": not blockers,
            "blockers": [b.as_dict() for b in blockers],
        }
    )


def held_among(lots: Iterable[Lot]) -> set[int]:
    """Keys of those lots that are on hold."""
    return set(active_holds(lot.pk for lot in lots).values_list("lot_id", flat=True))


def lot_out(lot: Lot, *, held: bool) -> dict[str, Any]:
    return {
        "code": lot.code,
        "uuid": str(lot.uuid),
        "material": lot.material.code,
        "kind": lot.material.kind,
        "state": lot.state,
        "held": held,
        "quantity": f"{lot.quantity.normalize():f}",
        "unit": lot.material.unit,
        "length_mm": lot.length_mm,
        "lanes": lot.lanes,
        "work_order": lot.work_order.code if lot.work_order else None,
        "created_at": lot.created_at,
        "expires_at": lot.expires_at,
        "simulated": lot.simulated,
    }


def link_out(link: GenealogyLink, lots: Any) -> dict[str, Any]:
    return {
        "parent": lots[link.parent_id].code,
        "child": lots[link.child_id].code,
        "kind": link.kind,
        "quantity": f"{link.quantity.normalize():f}",
        "unit": link.unit,
        "from_mm": link.parent_from_mm,
        "to_mm": link.parent_to_mm,
        "lane_from": link.lane_from,
        "lane_to": link.lane_to,
        "uncertainty_mm": link.uncertainty_mm,
        "voided": link.voided_at is not None,
    }


def _filtered(rows: QuerySet[Lot], wanted: LotFilter) -> QuerySet[Lot]:
    if wanted.state is not None:
        rows = rows.filter(state=wanted.state)
    if wanted.material:
        rows = rows.filter(material__code=wanted.material)
    if wanted.q:
        rows = rows.filter(Q(code__icontains=wanted.q) | Q(aliases__alias__icontains=wanted.q)).distinct()
    if wanted.held is not None:
        held = Exists(HoldLot.objects.filter(lot_id=OuterRef("pk"), disposition_id__isnull=True))
        rows = rows.filter(held if wanted.held else ~held)
    return rows
