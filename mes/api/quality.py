"""Signals, holds and what is decided about them."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import Field, model_validator

from lots.actions.place_hold import HeldExtent
from lots.envelope import InvalidSubmission, Problem
from lots.models import Hold, HoldLot, RouteStep, Site
from mes.api.auth import caller_of
from mes.api.errors import refusals, writing
from mes.api.lookup import lots_of
from mes.api.paging import Cursor, PageSize, page
from mes.api.schemas import (
    Code,
    Instant,
    Line,
    Millimetre,
    OptionalCode,
    Password,
    Quantity,
    Row,
    Strict,
    Text,
)
from quality.actions.dispose import Ruling, dispose
from quality.actions.hold import hold_by_hand
from quality.actions.judge_signal import assign_cause
from quality.models import Disposition
from spc.engine.special_rules import rule_named
from spc.models import Signal

router = Router(tags=["Quality"])


class SignalFilter(Strict):
    open: bool | None = None
    chart: Cursor | None = None
    cursor: Cursor | None = None
    limit: PageSize = 50


class HoldFilter(Strict):
    active: bool | None = None
    lot: OptionalCode = ""
    source: Hold.Source | None = None
    cursor: Cursor | None = None
    limit: PageSize = 50


class CauseIn(Strict):
    cause: Line


class ExtentIn(Strict):
    """A whole lot, or an interval of its metre axis."""

    lot: Code
    from_mm: Millimetre | None = None
    to_mm: Millimetre | None = None

    @model_validator(mode="after")
    def _whole_interval(self) -> Self:
        if (self.from_mm is None) != (self.to_mm is None):
            raise ValueError("give from_mm and to_mm, or neither")
        if self.from_mm is not None and self.to_mm is not None and self.from_mm >= self.to_mm:
            raise ValueError("to_mm must be greater than from_mm")
        return self


class HoldIn(Strict):
    lots: Annotated[list[ExtentIn], Field(min_length=1, max_length=1000)]
    reason: Text


class DispositionIn(Strict):
    """Names hold members by `holds` (their ids), or all open members of `hold`, of some lots or of all.

    The password is the caller's, given again as a signature.
    """

    holds: Annotated[list[Row], Field(min_length=1, max_length=10_000)] | None = None
    hold: UUID | None = None
    lots: Annotated[list[Code], Field(min_length=1, max_length=10_000)] | None = None
    decision: Disposition.Decision
    reason: Text
    cause: Line = ""
    password: Password
    concession_quantity: Quantity | None = None
    concession_expires_at: Instant | None = None
    rework_from: OptionalCode = ""

    @model_validator(mode="after")
    def _one_way_to_name(self) -> Self:
        if (self.holds is None) == (self.hold is None) or (self.holds is not None and self.lots is not None):
            raise ValueError("name the members by holds, or by hold and lots")
        return self


@router.get("/signals", response={200: dict[str, Any], **refusals()})
def list_signals(request: HttpRequest, wanted: Query[SignalFilter]) -> JsonResponse:
    """Signals of the site's charts, newest first; `open` are those nobody has named a cause for."""
    rows = Signal.objects.filter(chart__stream__plan__site=caller_of(request).site).select_related(
        "chart__stream__plan__characteristic", "point", "acknowledged_by"
    )
    if wanted.chart is not None:
        rows = rows.filter(chart=wanted.chart)
    if wanted.open is not None:
        rows = rows.filter(acknowledged_at__isnull=wanted.open)
    signals, following = page(rows.order_by("-pk"), cursor=wanted.cursor, limit=wanted.limit)
    return JsonResponse({"items": [signal_out(signal) for signal in signals], "next": following})


@router.post("/signals/{int:signal_id}/cause", response={200: dict[str, Any], **writing(404)})
def name_cause(request: HttpRequest, signal_id: int, payload: CauseIn) -> JsonResponse:
    """Say what caused the signal; once. A hold that it placed stays until it is disposed of."""
    caller = caller_of(request)
    signal = Signal.objects.filter(pk=signal_id, chart__stream__plan__site=caller.site).first()
    if signal is None:
        raise Http404
    judged = assign_cause(signal, cause=payload.cause, user=caller.user, now=timezone.now())
    return JsonResponse(signal_out(judged))


@router.get("/holds", response={200: dict[str, Any], **refusals()})
def list_holds(request: HttpRequest, wanted: Query[HoldFilter]) -> JsonResponse:
    """Hold members of the site, one per hold and lot, newest first."""
    rows = HoldLot.objects.filter(lot__site=caller_of(request).site).select_related(
        "hold__placed_by", "lot", "inherited_from"
    )
    if wanted.active is not None:
        rows = rows.filter(disposition_id__isnull=wanted.active)
    if wanted.lot:
        rows = rows.filter(lot__code=wanted.lot)
    if wanted.source is not None:
        rows = rows.filter(hold__source=wanted.source)
    members, following = page(rows.order_by("-pk"), cursor=wanted.cursor, limit=wanted.limit)
    return JsonResponse({"items": [member_out(member) for member in members], "next": following})


@router.post("/holds", response={201: dict[str, Any], **writing(404)})
def place(request: HttpRequest, payload: HoldIn) -> JsonResponse:
    """Hold lots and everything made from them."""
    caller = caller_of(request)
    lots = lots_of(caller.site, [item.lot for item in payload.lots])
    extents = [
        HeldExtent(lot.pk, item.from_mm, item.to_mm) for lot, item in zip(lots, payload.lots, strict=True)
    ]
    hold = hold_by_hand(
        extents, site=caller.site, reason=payload.reason, user=caller.user, now=timezone.now()
    )
    members = hold.members.select_related("hold__placed_by", "lot", "inherited_from").order_by("pk")
    return JsonResponse(
        {"hold": str(hold.uuid), "members": [member_out(member) for member in members]}, status=201
    )


@router.post("/dispositions", response={201: dict[str, Any], **writing(404)})
def decide(request: HttpRequest, payload: DispositionIn) -> JsonResponse:
    """Release, rework, regrade, scrap or concede exactly the members named; signed with the password."""
    caller = caller_of(request)
    members = _members(caller.site, payload)
    ruling = Ruling(
        decision=payload.decision,
        reason=payload.reason,
        cause=payload.cause,
        concession_quantity=payload.concession_quantity,
        concession_expires_at=payload.concession_expires_at,
        rework_from=_rework_step(members, payload.rework_from),
    )
    disposition = dispose(
        [member.pk for member in members],
        ruling,
        site=caller.site,
        user=caller.user,
        password=payload.password,
        now=timezone.now(),
    )
    return JsonResponse(
        {
            "disposition": disposition.pk,
            "decision": disposition.decision,
            "decided_at": disposition.decided_at,
            "holds": [member.pk for member in members],
            "lots": sorted({member.lot.code for member in members}),
        },
        status=201,
    )


def signal_out(signal: Signal) -> dict[str, Any]:
    return {
        "id": signal.pk,
        "chart": signal.chart_id,
        "characteristic": signal.chart.stream.plan.characteristic.code,
        "rule": signal.rule,
        "meaning": rule_named(signal.rule).label,
        "panel": signal.panel,
        "sequence": signal.point.sequence,
        "measured_at": signal.point.measured_at,
        "provisional": signal.provisional,
        "reaction": signal.reaction or None,
        "created_at": signal.created_at,
        "cause": signal.cause,
        "acknowledged_by": signal.acknowledged_by.username if signal.acknowledged_by else None,
        "acknowledged_at": signal.acknowledged_at,
    }


def member_out(member: HoldLot) -> dict[str, Any]:
    hold = member.hold
    return {
        "id": member.pk,
        "hold": str(hold.uuid),
        "lot": member.lot.code,
        "source": hold.source,
        "reason": hold.reason,
        "from_mm": member.from_mm,
        "to_mm": member.to_mm,
        "inherited_from": member.inherited_from.code if member.inherited_from else None,
        "placed_by": hold.placed_by.username if hold.placed_by else None,
        "placed_at": hold.placed_at,
        "disposition": member.disposition_id,
        "closed_at": member.closed_at,
    }


def _members(site: Site, payload: DispositionIn) -> list[HoldLot]:
    """The members named, or Http404 when one of them is not at the site."""
    rows = HoldLot.objects.filter(lot__site=site).select_related("lot").order_by("pk")
    if payload.holds is not None:
        members = list(rows.filter(pk__in=payload.holds))
        if len(members) != len(set(payload.holds)):
            raise Http404
        return members
    assert payload.hold is not None  # one of the two is given
    rows = rows.filter(hold__uuid=payload.hold, disposition_id__isnull=True)
    if payload.lots is not None:
        rows = rows.filter(lot__code__in=payload.lots)
    members = list(rows)
    if not members or (payload.lots is not None and {m.lot.code for m in members} != set(payload.lots)):
        raise Http404
    return members


def _rework_step(members: list[HoldLot], step: str) -> RouteStep | None:
    if not step:
        return None
    products = {member.lot.product_revision_id for member in members}
    found = RouteStep.objects.filter(route__product_revision__in=products, step__code=step)
    if len(products) != 1 or len(found) != 1:
        message = f"{step!r} is not one step on the route of all these lots"
        raise InvalidSubmission([Problem(None, "rework_from", message)])
    return found[0]
