"""Start and finish process steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_lots
from lots.clock import instant_at
from lots.models import Equipment, Lot, Movement, StepExecution, User
from quality.actions.gate import pass_gate
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
    machines = _machines(lots, equipment)
    for site in {lot.site for lot in lots}:
        require(user, site, Action.RUN_STEP)
    locked = lock_lots(lot.pk for lot in lots)
    executions = []
    for lot, machine in zip(lots, machines, strict=True):
        fresh = locked[lot.pk]
        if machine is not None and (machine.site_id != lot.site_id or machine.step.code != step_code):
            raise StepRefused(f"equipment {machine.code} does not run {step_code} at {fresh.site.code}")
        decision = pass_gate(fresh, purpose=Movement.Kind.START_STEP, step_code=step_code, now=now)
        route_step = decision.route_step
        assert route_step is not None  # can_proceed refuses a step that is not on the route
        attempts = StepExecution.objects.filter(lot=fresh, route_step=route_step).count()
        started_at = instant_at(fresh.site, at, now)
        execution = StepExecution.objects.create(
            lot=fresh,
            route_step=route_step,
            attempt=attempts + 1,
            equipment=machine,
            operator=user,
            started_at=started_at,
        )
        Movement.objects.create(
            lot=fresh,
            kind=Movement.Kind.START_STEP,
            execution=execution,
            gate_decision=decision,
            moved_by=user,
            moved_at=started_at,
        )
        executions.append(execution)
    return executions


def mark_finished(
    execution: StepExecution, *, user: User, now: datetime, at: datetime | None = None
) -> StepExecution:
    """Stamp the end of a running execution; runs in the caller's transaction, which derives the summaries.

    A held lot's running step may be finished: what physically ended has ended; the next start is refused.
    """
    act_as(user)
    site = execution.lot.site
    require(user, site, Action.RUN_STEP)
    lock_lots([execution.lot_id])
    fresh = StepExecution.objects.select_for_update(no_key=True, of=("self",)).get(pk=execution.pk)
    if fresh.finished_at is not None:
        raise StepRefused(f"{execution.route_step.step.name} of lot {execution.lot.code} is finished already")
    finished_at = instant_at(site, at, now)
    if finished_at < fresh.started_at:
        raise StepRefused("a step cannot finish before it started")
    execution.finished_at = finished_at
    execution.save(update_fields=["finished_at"])
    return execution


def _machines(
    lots: Sequence[Lot], equipment: Equipment | Sequence[Equipment] | None
) -> list[Equipment | None]:
    if equipment is None or isinstance(equipment, Equipment):
        return [equipment] * len(lots)
    if len(equipment) != len(lots):
        raise StepRefused(f"{len(equipment)} machines given for {len(lots)} lots")
    return list(equipment)
