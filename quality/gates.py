"""Gates: why lots must not go on, each reason in words and with the place that resolves it.

They fail closed: what is missing, unknown, pending or out of calibration blocks. Many lots cost as many queries as
one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lots.models import Equipment, HoldLot, Lot, RouteStep, StepExecution
from lots.queries import route_steps
from quality.blockers import Blocker, Code, lot_blocker
from quality.gate_evidence import calibration_blockers, evidence_blockers
from quality.gate_facts import Evidence, History, Material, evidence_of, history_of, material_of
from quality.in_force import stop_blockers
from quality.lot_sampling import sampling_blockers
from quality.models import Disposition
from quality.named_gates import GateStanding, gate_blockers, standings_of
from quality.plans import lines_for, revision_of
from quality.shift_checks import shift_blockers
from quality.step_life import outlived_blockers


def can_proceed(lot: Lot, step_code: str, *, now: datetime) -> list[Blocker]:
    """What keeps the lot from starting the step; empty when it may start."""
    return start_blockers([lot], step_code, now=now)[lot.pk]


def can_leave(lot: Lot, *, now: datetime) -> list[Blocker]:
    """What keeps the lot from being consumed, split, packed or shipped; empty when it may leave."""
    return leave_blockers([lot], now=now)[lot.pk]


def start_blockers(
    lots: Sequence[Lot],
    step_code: str,
    *,
    now: datetime,
    machines: Mapping[int, Equipment | None] | None = None,
) -> dict[int, list[Blocker]]:
    """`can_proceed` of many lots, by lot. `machines`: on which each of them starts, where that is chosen."""
    material, history = material_of(lots, now=now), history_of(lots)
    evidence = evidence_of(lots, history.executions, now=now)
    air = shift_blockers(lots, step_code, now=now)
    return {
        lot.pk: _to_start(lot, step_code, material, history, evidence, now, machines) + air[lot.site_id]
        for lot in lots
    }


def leave_blockers(
    lots: Sequence[Lot],
    *,
    now: datetime,
    in_parts: bool = False,
    on_route: bool = False,
    packed: bool = False,
) -> dict[int, list[Blocker]]:
    """`can_leave` of many lots, by lot.

    `in_parts`: a part of the roll is taken, and whoever takes it asks for the holds on that part; `on_route`: the roll
    is only cut, joined or wound anew, and may do so between two steps of its route; `packed`: it is shipped, and may
    be packed already.
    """
    material = material_of(lots, now=now, whole_only=in_parts)
    processed = [lot for lot in lots if route_steps(lot)]  # raw material has no steps here
    history = history_of(processed)
    evidence = evidence_of(processed, history.executions, now=now)
    found = {lot.pk: _to_leave(lot, material, history, evidence, now, on_route) for lot in lots}
    for lot in lots:
        if packed and lot.state == Lot.State.PACKED:
            found[lot.pk] = [blocker for blocker in found[lot.pk] if blocker.code != Code.NOT_ACTIVE]
    return found


def holds_on(member_extents: Iterable[HoldLot], from_mm: int, to_mm: int) -> list[Blocker]:
    """The holds that meet an interval of a roll (half open), as blockers."""
    return [
        _held(member)
        for member in member_extents
        if member.from_mm is None or (member.from_mm < to_mm and from_mm < (member.to_mm or 0))
    ]


def material_blockers(lot: Lot, *, now: datetime) -> list[Blocker]:
    """Reasons that lie in the lot itself: holds, state, shelf life, an open container."""
    return _in_itself(lot, material_of([lot], now=now))


def next_step(lot: Lot) -> RouteStep | None:
    """The first route step that the lot has not finished; None when all are done."""
    return _next_step(lot, history_of([lot]))


@dataclass(frozen=True)
class Standing:
    """The lot's next step (None: all are done), what keeps it from that or from leaving, and its named gates."""

    step: RouteStep | None
    blockers: list[Blocker]
    gates: list[GateStanding]


def standing(lot: Lot, *, now: datetime) -> tuple[RouteStep | None, list[Blocker]]:
    """The lot's next step with what keeps it from starting that; without one, what keeps it from leaving."""
    found = whole_standing(lot, now=now)
    return found.step, found.blockers


def whole_standing(lot: Lot, *, now: datetime) -> Standing:
    """`standing` with the state of every check of the lot's gates, read once."""
    steps, revision = route_steps(lot), revision_of(lot)
    if not steps:
        return Standing(None, can_leave(lot, now=now), [])
    material, history = material_of([lot], now=now), history_of([lot])
    evidence = evidence_of([lot], history.executions, now=now)
    step = _next_step(lot, history)
    if step is None:
        blockers = _to_leave(lot, material, history, evidence, now, on_route=False)
    else:
        blockers = _to_start(lot, step.step.code, material, history, evidence, now)
        blockers += shift_blockers([lot], step.step.code, now=now)[lot.site_id]
    gates = standings_of(lot, revision, steps, history.executions, evidence) if revision is not None else []
    return Standing(step, blockers, gates)


def _next_step(lot: Lot, history: History) -> RouteStep | None:
    steps = route_steps(lot)
    begun = max((s.sequence for s in steps if (lot.pk, s.pk) in history.executions), default=0)
    for step in steps:
        execution = history.executions.get((lot.pk, step.pk))
        if execution is None and not step.required and step.sequence < begun:
            continue  # it was left out
        if (
            execution is None
            or execution.finished_at is None
            or _redo(step, execution, history.reworks.get(lot.pk, ()))
        ):
            return step
    return None


def _to_start(
    lot: Lot,
    step_code: str,
    material: Material,
    history: History,
    evidence: Evidence,
    now: datetime,
    machines: Mapping[int, Equipment | None] | None = None,
) -> list[Blocker]:
    steps = route_steps(lot)
    target = next((step for step in steps if step.step.code == step_code), None)
    if target is None:
        return [lot_blocker(Code.NOT_ON_ROUTE, f"{step_code} is not on the route of lot {lot.code}", lot)]
    blockers = _in_itself(lot, material.carried() if target.carries_interval_hold else material)
    revision = revision_of(lot)
    if revision is None:
        return [*blockers, _no_plan(lot)]
    blockers += stop_blockers(lot, target, machines) + sampling_blockers(lot, target.step_id)
    blockers += _order(lot, steps, target, history.executions, history.reworks.get(lot.pk, ()))
    done = [step for step in steps if step.sequence < target.sequence]
    blockers += evidence_blockers(lot, revision, done, history.executions, evidence)
    blockers += gate_blockers(lot, revision, done, history.executions, evidence, target=target)
    blockers += calibration_blockers(lot, lines_for(revision, target.step_id, lot.material_id), now)
    return blockers


def _to_leave(
    lot: Lot, material: Material, history: History, evidence: Evidence, now: datetime, on_route: bool
) -> list[Blocker]:
    blockers = _in_itself(lot, material)
    steps = route_steps(lot)
    if not steps:
        return blockers
    revision = revision_of(lot)
    if revision is None:
        return [*blockers, _no_plan(lot)]
    for step in steps:
        execution = history.executions.get((lot.pk, step.pk))
        if step.required and execution is None and not on_route:
            blockers.append(lot_blocker(Code.OUT_OF_ORDER, f"{step.step.name} has not been done", lot))
        elif execution is not None and execution.finished_at is None:
            blockers.append(lot_blocker(Code.STEP_OPEN, f"{step.step.name} is not finished", lot))
    blockers += outlived_blockers(lot, steps, history.executions, now)
    blockers += _rework_left(lot, steps, history.executions, history.reworks.get(lot.pk, ()))
    blockers += evidence_blockers(lot, revision, steps, history.executions, evidence)
    return blockers + gate_blockers(lot, revision, steps, history.executions, evidence, target=None)


def _in_itself(lot: Lot, material: Material) -> list[Blocker]:
    blockers = [_held(member) for member in material.holds.get(lot.pk, ())]
    if lot.state != Lot.State.ACTIVE:
        blockers.append(
            lot_blocker(Code.NOT_ACTIVE, f"lot {lot.code} is {lot.get_state_display().lower()}", lot)
        )
    blockers += material.shelf_life.get(lot.pk, ())
    if lot.pk in material.open_containers:
        blockers.append(lot_blocker(Code.CONTAINER_OPEN, "its container stands open; close it first", lot))
    return blockers + material.concessions.get(lot.pk, [])


def _held(member: HoldLot) -> Blocker:
    where = (
        "" if member.from_mm is None else f" ({member.from_mm / 1000:g} to {(member.to_mm or 0) / 1000:g} m)"
    )
    words = f"{member.hold.reason}{where} — a quality engineer must dispose of it"
    return Blocker(Code.HELD, words, "hold", member.hold_id)


def _no_plan(lot: Lot) -> Blocker:
    return lot_blocker(
        Code.NO_PLAN, f"lot {lot.code} has no work order with a control plan, so nothing can judge it", lot
    )


def _redo(step: RouteStep, execution: StepExecution, reworks: Sequence[Disposition]) -> bool:
    """Whether one of the rework decisions demands another attempt at the step: a later one lifts no earlier one."""
    return any(
        rework.rework_from is not None
        and step.sequence >= rework.rework_from.sequence
        and execution.started_at < rework.decided_at
        for rework in reworks
    )


def _rework_left(
    lot: Lot,
    steps: list[RouteStep],
    executions: dict[tuple[int, int], StepExecution],
    reworks: Sequence[Disposition],
) -> list[Blocker]:
    return [
        lot_blocker(Code.REWORK_DUE, f"{step.step.name} must be repeated (rework)", lot)
        for step in steps
        if (execution := executions.get((lot.pk, step.pk))) is not None and _redo(step, execution, reworks)
    ]


def _order(
    lot: Lot,
    steps: list[RouteStep],
    target: RouteStep,
    executions: dict[tuple[int, int], StepExecution],
    reworks: Sequence[Disposition],
) -> list[Blocker]:
    blockers = []
    for step in steps:
        execution = executions.get((lot.pk, step.pk))
        redo = execution is not None and _redo(step, execution, reworks)
        if step.pk == target.pk:
            if execution is not None and execution.finished_at is None:
                blockers.append(lot_blocker(Code.STEP_RUNS, f"{step.step.name} is running already", lot))
            elif execution is not None and not redo:
                blockers.append(lot_blocker(Code.ALREADY_DONE, f"{step.step.name} was done already", lot))
        elif step.sequence < target.sequence and step.required:
            if execution is None:
                blockers.append(lot_blocker(Code.OUT_OF_ORDER, f"{step.step.name} comes first", lot))
            elif execution.finished_at is None:
                blockers.append(lot_blocker(Code.STEP_OPEN, f"{step.step.name} is not finished", lot))
            elif redo:
                blockers.append(
                    lot_blocker(Code.REWORK_DUE, f"{step.step.name} must be repeated (rework)", lot)
                )
    return blockers
