"""Rolls are cut, joined, wound anew and trimmed between steps: new lots, whose metres map onto the old ones.

A change of geometry or identity makes a new lot. What the old roll had behind it on its route, the new one has, too.
Every metre and every part of the quantity goes somewhere: what is not kept becomes scrap, under a code of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from django.db import transaction

from lots.clock import instant_at
from lots.models import GateDecision, Lot, Movement, User
from quality.actions.produce import NewLot, produce_lots
from quality.actions.taking import Input, Kind

STEP = Decimal("0.001")


class ReshapeRefused(Exception):
    """The roll cannot be reshaped so; the message names the field and the fix."""


@dataclass(frozen=True)
class Piece:
    """`from_mm..to_mm` (half open) of a roll as a new lot. `scrap`: it never moves again."""

    code: str
    from_mm: int
    to_mm: int
    scrap: bool = False


def rewind(roll: Lot, code: str, *, user: User, now: datetime, at: datetime | None = None) -> Lot:
    """Wind the roll the other way round: its last metre becomes the first."""
    length = _length(roll)
    item = Input(
        parent=roll.code,
        quantity=roll.quantity,
        kind=Kind.SPLIT,
        from_mm=0,
        to_mm=length,
        child_offset_mm=length,
        scale=Decimal(-1),
    )
    return _make([_new(roll, code, roll.quantity, length, (item,))], roll, user, now, at)[0]


def splice(
    rolls: Sequence[Lot],
    code: str,
    *,
    overlap_mm: int = 0,
    user: User,
    now: datetime,
    at: datetime | None = None,
) -> Lot:
    """Join rolls end to end, in this order; where two meet they overlap by `overlap_mm`, which is lost in length.

    The place of a splice is known to that overlap: positions behind it carry it as uncertainty.
    """
    if len(rolls) < 2 or len({roll.pk for roll in rolls}) != len(rolls):
        raise ReshapeRefused("rolls: name two or more different rolls, in their order")
    first = rolls[0]
    alike = {(r.material_id, r.product_revision_id, r.work_order_id, r.lanes, r.site_id) for r in rolls}
    if len(alike) > 1:
        raise ReshapeRefused("rolls: they must be of one material, order and number of lanes")
    if not 0 <= overlap_mm < min(_length(roll) for roll in rolls):
        raise ReshapeRefused("overlap_mm: must be shorter than every roll, and not negative")
    inputs, offset = [], 0
    for number, roll in enumerate(rolls):
        inputs.append(
            Input(
                parent=roll.code,
                quantity=roll.quantity,
                kind=Kind.MERGE,
                from_mm=0,
                to_mm=_length(roll),
                child_offset_mm=offset,
                uncertainty_mm=overlap_mm * number,
            )
        )
        offset += _length(roll) - overlap_mm
    quantity = sum((roll.quantity for roll in rolls), Decimal(0))
    spec = _new(first, code, quantity, offset + overlap_mm, tuple(inputs))
    return _make([spec], first, user, now, at)[0]


@transaction.atomic
def cut(
    roll: Lot,
    pieces: Sequence[Piece],
    *,
    uncertainty_mm: int = 0,
    reason: str = "",
    user: User,
    now: datetime,
    at: datetime | None = None,
) -> list[Lot]:
    """Cut the whole roll across into pieces; trimming is cutting with scrap at the ends. Each keeps its exact share.

    The pieces cover the roll without gap: what is thrown away is a piece, too, marked as scrap with a reason.
    """
    length = _length(roll)
    ordered = sorted(pieces, key=lambda piece: piece.from_mm)
    ends = [0, *(piece.to_mm for piece in ordered)]
    starts = [*(piece.from_mm for piece in ordered), length]
    if not ordered or ends != starts or any(p.from_mm >= p.to_mm for p in ordered):
        raise ReshapeRefused(f"pieces: must cover the roll from 0 to {length} mm without gap or overlap")
    if any(piece.scrap for piece in ordered) and not reason.strip():
        raise ReshapeRefused("reason: say why a piece is scrap")
    specs = []
    left = roll.quantity
    for piece in ordered:
        share = (roll.quantity * (piece.to_mm - piece.from_mm) / length).quantize(STEP, ROUND_DOWN)
        share = left if piece is ordered[-1] else share
        if share <= 0:
            raise ReshapeRefused(f"pieces: {piece.code} would have no quantity; make it longer")
        left -= share
        item = Input(
            parent=roll.code,
            quantity=share,
            kind=Kind.SPLIT,
            from_mm=piece.from_mm,
            to_mm=piece.to_mm,
            child_offset_mm=-piece.from_mm,
            uncertainty_mm=uncertainty_mm,
        )
        specs.append(_new(roll, piece.code, share, piece.to_mm - piece.from_mm, (item,)))
    made = _make(specs, roll, user, now, at)
    for piece, lot in zip(ordered, made, strict=True):
        if piece.scrap:
            _scrap(lot, reason.strip(), user, instant_at(roll.site, at, now))
    return made


def _length(roll: Lot) -> int:
    if roll.length_mm is None:
        raise ReshapeRefused(f"roll: {roll.code} has no metre axis")
    return roll.length_mm


def _new(roll: Lot, code: str, quantity: Decimal, length: int, inputs: tuple[Input, ...]) -> NewLot:
    return NewLot(
        code=code,
        material=roll.material.code,
        quantity=quantity,
        work_order=roll.work_order.code if roll.work_order else "",
        length_mm=length,
        lanes=roll.lanes,
        expires_at=roll.expires_at,
        inputs=inputs,
    )


def _make(specs: Sequence[NewLot], roll: Lot, user: User, now: datetime, at: datetime | None) -> list[Lot]:
    return produce_lots(specs, site=roll.site, user=user, now=now, at=at, on_route=True)


def _scrap(lot: Lot, reason: str, user: User, at: datetime) -> None:
    """A piece just cut off, and so free: nothing can hold it yet."""
    ticket = GateDecision.objects.create(lot=lot, purpose=Movement.Kind.SCRAP, passed=True, decided_at=at)
    Movement.objects.create(
        lot=lot,
        kind=Movement.Kind.SCRAP,
        gate_decision=ticket,
        moved_by=user,
        moved_at=at,
        reason=reason[:300],
    )
    lot.state = Lot.State.SCRAPPED
    lot.save(update_fields=["state"])
