"""Start and finish process steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_lots
from lots.clock import instant_at
from lots.models import Equipment, GateDecision, Lot, Movement, StepExecution, User
from quality.actions.gate import GateRefused, pass_gates
from quality.blockers import Code, lot_blocker
from quality.permissions import Action, require


class StepRefused(Exception):
    """The step cannot be started or finished so; the message says why."""


@transaction.atomic
def start_step(
    lots: Sequence[Lot],
    step_code: str,
    *,
    user: User,
    equipment: Equipment | Sequence[Equipment] | None,
    now: datetime,
    at: datetime | None = None,
) -> list[StepExecution]:
    """Start the step on every lot, or on none.

    `equipment` is one for all, or one per lot (channels). `at` is the site-clock instant, by default now.
    Raises GateRefused with the blockers of the first lot that may not, StepRefused for unsuitable equipment.
    """
    act_as(user)
    for lot, times in Counter(lots).items():
        if times > 1:
            twice = lot_blocker(Code.STEP_RUNS, f"lot {lot.code} is named {times} times: it starts once", lot)
            raise GateRefused(lot, [twice])
    machines = _machines(lots, equipment)
    for site in {lot.site for lot in lots}:
        require(user, site, Action.RUN_STEP)
    locked = lock_lots(lot.pk for lot in lots)
    fresh = [locked[lot.pk] for lot in lots]
    for lot, machine in zip(fresh, machines, strict=True):
        if machine is not None and (machine.site_id != lot.site_id or machine.step.code != step_code):
            raise StepRefused(f"equipment {machine.code} does not run {step_code} at {lot.site.code}")
    decisions = pass_gates(
        fresh,
        purpose=Movement.Kind.START_STEP,
        step_code=step_code,
        now=now,
        machines={lot.pk: machine for lot, machine in zip(fresh, machines, strict=True)},
    )
    attempts = _attempts(decisions.values())
    executions = StepExecution.objects.bulk_create(
        StepExecution(
            lot=lot,
            route_step=decisions[lot.pk].route_step,
            attempt=attempts[lot.pk] + 1,
            equipment=machine,
            operator=user,
            started_at=instant_at(lot.site, at, now),
        )
        for lot, machine in zip(fresh, machines, strict=True)
    )
    Movement.objects.bulk_create(
        Movement(
            lot_id=execution.lot_id,
            kind=Movement.Kind.START_STEP,
            execution=execution,
            gate_decision=decisions[execution.lot_id],
            moved_by=user,
            moved_at=execution.started_at,
        )
        for execution in executions
    )
    return executions


def _attempts(decisions: Iterable[GateDecision]) -> Counter[int]:
    """How often each lot has run the step that its gate decided about."""
    steps = {decision.lot_id: decision.route_step_id for decision in decisions}
    earlier = StepExecution.objects.filter(lot__in=steps, route_step__in=set(steps.values()))
    return Counter(lot for lot, step in earlier.values_list("lot_id", "route_step_id") if steps[lot] == step)


def mark_finished(
    execution: StepExecution, *, user: User, now: datetime, at: datetime | None = None
) -> StepExecution:
    """Stamp the end of a running execution; runs in the caller's transaction, which derives the summaries.

    A held lot's running step may be finished: what physically ended has ended; the next start is refused.
    """
    site = execution.lot.site
    require(user, site, Action.RUN_STEP)
    lock_lots([execution.lot_id])
    finished_at = instant_at(site, at, now)
    if finished_at < execution.started_at:
        raise StepRefused("a step cannot finish before it started")
    running = StepExecution.objects.filter(pk=execution.pk, finished_at__isnull=True)
    if not running.update(finished_at=finished_at):
        raise StepRefused(f"{execution.route_step.step.name} of lot {execution.lot.code} is finished already")
    execution.finished_at = finished_at
    return execution


def _machines(
    lots: Sequence[Lot], equipment: Equipment | Sequence[Equipment] | None
) -> list[Equipment | None]:
    if equipment is None or isinstance(equipment, Equipment):
        return [equipment] * len(lots)
    if len(equipment) != len(lots):
        raise StepRefused(f"{len(equipment)} machines given for {len(lots)} lots")
    return list(equipment)
