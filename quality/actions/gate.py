"""Decide a gate: the only maker of the ticket that a movement presents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lots.clock import site_time
from lots.models import Equipment, GateDecision, Lot, RouteStep
from lots.queries import route_steps
from quality.blockers import Blocker, Code
from quality.gates import leave_blockers, start_blockers


@dataclass
class GateRefused(Exception):
    """The lot must not move; `blockers` say why."""

    lot: Lot
    blockers: list[Blocker] = field(default_factory=list)

    def __str__(self) -> str:
        return f"lot {self.lot.code} cannot move: " + "; ".join(blocker.message for blocker in self.blockers)


def pass_gate(lot: Lot, *, purpose: str, step_code: str = "", now: datetime) -> GateDecision:
    """Decide whether the locked lot may move for `purpose`; a passing decision is stored, a refusal raised.

    Must run in the transaction of the movement. Raises GateRefused.
    """
    return pass_gates([lot], purpose=purpose, step_code=step_code, now=now)[lot.pk]


def pass_gates(
    lots: Sequence[Lot],
    *,
    purpose: str,
    step_code: str = "",
    now: datetime,
    in_parts: bool = False,
    on_route: bool = False,
    packed: bool = False,
    by_amount: bool = False,
    machines: Mapping[int, Equipment | None] | None = None,
) -> dict[int, GateDecision]:
    """`pass_gate` for many locked lots: their decisions by lot, or GateRefused for the first that may not move.

    `in_parts`, `on_route` and `packed` are those of `leave_blockers`, `machines` those of `start_blockers`.
    `by_amount`: whoever takes a part compares it with what was conceded.
    """
    if step_code:
        found = start_blockers(lots, step_code, now=now, machines=machines)
    else:
        found = leave_blockers(lots, now=now, in_parts=in_parts, on_route=on_route, packed=packed)
    for lot in lots:
        if by_amount:
            found[lot.pk] = [b for b in found[lot.pk] if b.code != Code.CONCEDED_IN_PART]
        if found[lot.pk]:
            raise GateRefused(lot, found[lot.pk])
    decisions = GateDecision.objects.bulk_create(
        GateDecision(
            lot=lot,
            route_step=_route_step(lot, step_code),
            purpose=purpose,
            passed=True,
            decided_at=site_time(lot.site, now),
        )
        for lot in lots
    )
    return {decision.lot_id: decision for decision in decisions}


def _route_step(lot: Lot, step_code: str) -> RouteStep | None:
    return next((step for step in route_steps(lot) if step.step.code == step_code), None)
