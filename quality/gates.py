"""Gates: why a lot must not go on, each reason in words and with the place that resolves it.

They fail closed: what is missing, unknown, pending or out of calibration blocks.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef

from lots.clock import site_time
from lots.models import (
    Lot,
    OpenInterval,
    RouteStep,
    StepExecution,
)
from lots.queries import (
    active_holds,
    latest_executions,
    route_steps,
)
from quality.blockers import Blocker, Code, lot_blocker
from quality.gate_evidence import calibration_blockers, evidence_blockers
from quality.models import Disposition, DispositionItem
from quality.plans import lines_for, revision_of


def can_proceed(lot: Lot, step_code: str, *, now: datetime) -> list[Blocker]:
    """What keeps the lot from starting the step; empty when it may start."""
    steps = route_steps(lot)
    target = next((step for step in steps if step.step.code == step_code), None)
    if target is None:
        return [lot_blocker(Code.NOT_ON_ROUTE, f"{step_code} is not on the route of lot {lot.code}", lot)]
    executions = latest_executions([lot.pk])
    rework = _open_rework(lot)
    blockers = material_blockers(lot, now=now)
    revision = revision_of(lot)
    if revision is None:
        blockers.append(_no_plan(lot))
        return blockers
    blockers += _order(lot, steps, target, executions, rework)
    done = [step for step in steps if step.sequence < target.sequence]
    blockers += evidence_blockers(lot, revision, done, executions)
    blockers += calibration_blockers(lot, lines_for(revision, target.step_id, lot.material_id), now)
    return blockers


def can_leave(lot: Lot, *, now: datetime) -> list[Blocker]:
    """What keeps the lot from being consumed, split, packed or shipped; empty when it may leave."""
    blockers = material_blockers(lot, now=now)
    steps = route_steps(lot)
    if not steps:
        return blockers  # raw material has no steps here
    revision = revision_of(lot)
    if revision is None:
        return [*blockers, _no_plan(lot)]
    executions = latest_executions([lot.pk])
    for step in steps:
        execution = executions.get((lot.pk, step.pk))
        if step.required and execution is None:
            blockers.append(lot_blocker(Code.OUT_OF_ORDER, f"{step.step.name} has not been done", lot))
        elif execution is not None and execution.finished_at is None:
            blockers.append(lot_blocker(Code.STEP_OPEN, f"{step.step.name} is not finished", lot))
    blockers += _rework_left(lot, steps, executions, _open_rework(lot))
    return blockers + evidence_blockers(lot, revision, steps, executions)


def next_step(lot: Lot) -> RouteStep | None:
    """The first route step that the lot has not finished; None when all are done."""
    executions = latest_executions([lot.pk])
    rework = _open_rework(lot)
    for step in route_steps(lot):
        execution = executions.get((lot.pk, step.pk))
        if execution is None or execution.finished_at is None or _redo(step, execution, rework):
            return step
    return None


def _no_plan(lot: Lot) -> Blocker:
    return lot_blocker(
        Code.NO_PLAN, f"lot {lot.code} has no work order with a control plan, so nothing can judge it", lot
    )


def material_blockers(lot: Lot, *, now: datetime) -> list[Blocker]:
    """Reasons that lie in the lot itself: holds, state, shelf life, an open container."""
    here = site_time(lot.site, now)
    blockers = [
        Blocker(
            Code.HELD, f"{member.hold.reason} — a quality engineer must dispose of it", "hold", member.hold_id
        )
        for member in active_holds([lot.pk])
    ]
    if lot.state != Lot.State.ACTIVE:
        blockers.append(
            lot_blocker(Code.NOT_ACTIVE, f"lot {lot.code} is {lot.get_state_display().lower()}", lot)
        )
    if lot.expires_at is not None and lot.expires_at <= here:
        blockers.append(
            lot_blocker(Code.EXPIRED, f"shelf life ended at {lot.expires_at:%Y-%m-%d %H:%M}", lot)
        )
    if OpenInterval.objects.filter(lot=lot, closed_at__isnull=True).exists():
        blockers.append(lot_blocker(Code.CONTAINER_OPEN, "its container stands open; close it first", lot))
    decided_again = DispositionItem.objects.filter(
        lot=lot, disposition__decided_at__gte=OuterRef("disposition__concession_expires_at")
    )
    expired = DispositionItem.objects.filter(
        ~Exists(decided_again),
        lot=lot,
        disposition__decision=Disposition.Decision.CONCESSION,
        disposition__concession_expires_at__lte=here,
    )
    if expired.exists():
        blockers.append(
            lot_blocker(Code.CONCESSION_EXPIRED, "its concession has expired; hold it and decide again", lot)
        )
    return blockers


def _open_rework(lot: Lot) -> Disposition | None:
    return (
        Disposition.objects.filter(items__lot=lot, decision=Disposition.Decision.REWORK)
        .select_related("rework_from")
        .order_by("-decided_at")
        .first()
    )


def _redo(step: RouteStep, execution: StepExecution, rework: Disposition | None) -> bool:
    """Whether a rework decision demands another attempt at the step."""
    return (
        rework is not None
        and rework.rework_from is not None
        and step.sequence >= rework.rework_from.sequence
        and execution.started_at < rework.decided_at
    )


def _rework_left(
    lot: Lot,
    steps: list[RouteStep],
    executions: dict[tuple[int, int], StepExecution],
    rework: Disposition | None,
) -> list[Blocker]:
    return [
        lot_blocker(Code.REWORK_DUE, f"{step.step.name} must be repeated (rework)", lot)
        for step in steps
        if (execution := executions.get((lot.pk, step.pk))) is not None and _redo(step, execution, rework)
    ]


def _order(
    lot: Lot,
    steps: list[RouteStep],
    target: RouteStep,
    executions: dict[tuple[int, int], StepExecution],
    rework: Disposition | None,
) -> list[Blocker]:
    blockers = []
    for step in steps:
        execution = executions.get((lot.pk, step.pk))
        redo = execution is not None and _redo(step, execution, rework)
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
