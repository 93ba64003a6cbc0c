"""Rolls between steps: cut, spliced, wound anew."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints

from mes.api.auth import caller_of
from mes.api.errors import writing
from mes.api.idempotency import IdempotencyKeyHeader, once
from mes.api.lookup import instant, lot_of, lots_of
from mes.api.lots import held_among, lot_out
from mes.api.schemas import LOT_CODE, Code, Instant, Line, Millimetre, Strict
from quality.actions.reshape import Piece, cut, rewind, splice

router = Router(tags=["Rolls"])

NewCode = Annotated[str, StringConstraints(min_length=1, max_length=48, pattern=LOT_CODE)]


class RewindIn(Strict):
    roll: Code
    code: NewCode
    at: Instant | None = None


class SpliceIn(Strict):
    """Rolls in their order from the start of the new roll; neighbours overlap by `overlap_mm`."""

    rolls: Annotated[list[Code], Field(min_length=2, max_length=50)]
    code: NewCode
    overlap_mm: Millimetre = 0
    at: Instant | None = None


class PieceIn(Strict):
    code: NewCode
    from_mm: Millimetre
    to_mm: Millimetre
    scrap: bool = False


class CutIn(Strict):
    """Pieces that cover the roll without gap; those marked `scrap` need the reason."""

    roll: Code
    pieces: Annotated[list[PieceIn], Field(min_length=1, max_length=500)]
    uncertainty_mm: Annotated[int, Field(strict=True, ge=0, le=10**6)] = 0
    reason: Line = ""
    at: Instant | None = None


def _answer(lots: list[Any]) -> dict[str, Any]:
    held = held_among(lots)
    return {"lots": [lot_out(lot, held=lot.pk in held) for lot in lots]}


@router.post("/rolls/rewind", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def rewind_roll(
    request: HttpRequest, payload: RewindIn, idempotency_key: IdempotencyKeyHeader
) -> JsonResponse:
    """Wind a roll the other way round: a new lot whose metres run backwards."""
    caller, now = caller_of(request), timezone.now()
    roll, at = lot_of(caller.site, payload.roll), instant(payload.at, caller.site, now)
    return once(
        caller,
        idempotency_key,
        request,
        payload,
        lambda: _answer([rewind(roll, payload.code, user=caller.user, now=now, at=at)]),
    )


@router.post("/rolls/splice", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def splice_rolls(
    request: HttpRequest, payload: SpliceIn, idempotency_key: IdempotencyKeyHeader
) -> JsonResponse:
    """Join rolls end to end into a new lot."""
    caller, now = caller_of(request), timezone.now()
    rolls, at = lots_of(caller.site, payload.rolls), instant(payload.at, caller.site, now)

    def work() -> dict[str, Any]:
        made = splice(rolls, payload.code, overlap_mm=payload.overlap_mm, user=caller.user, now=now, at=at)
        return _answer([made])

    return once(caller, idempotency_key, request, payload, work)


@router.post("/rolls/cut", response={201: dict[str, Any], 200: dict[str, Any], **writing(404)})
def cut_roll(request: HttpRequest, payload: CutIn, idempotency_key: IdempotencyKeyHeader) -> JsonResponse:
    """Cut a roll across, or trim it: every piece is a new lot, scrap included."""
    caller, now = caller_of(request), timezone.now()
    roll, at = lot_of(caller.site, payload.roll), instant(payload.at, caller.site, now)

    def work() -> dict[str, Any]:
        pieces = [Piece(**piece.model_dump()) for piece in payload.pieces]
        made = cut(
            roll,
            pieces,
            uncertainty_mm=payload.uncertainty_mm,
            reason=payload.reason,
            user=caller.user,
            now=now,
            at=at,
        )
        return _answer(made)

    return once(caller, idempotency_key, request, payload, work)
