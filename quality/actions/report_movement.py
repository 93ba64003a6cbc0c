"""Record what happened without permission: an offline form, a gateway's backlog, a hand that was faster.

A report lifts and bypasses no hold. What it names is held for having moved, what it made is born held, and a
nonconformance opens. Quantities and intervals are conserved as ever: a report cannot make material from nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_lots
from lots.actions.place_hold import HeldExtent, place_hold
from lots.clock import instant_at, site_time
from lots.failpoints import hit
from lots.models import Equipment, GenealogyLink, Hold, Lot, Movement, Site, StepExecution, User
from lots.queries import route_steps
from quality.actions.open_case import next_case_code
from quality.actions.produce import NewLot, produce_lots
from quality.models import Nonconformance
from quality.permissions import Action, require


class ReportRefused(Exception):
    """The report cannot be recorded so; the message names the field and the fix."""


@dataclass(frozen=True)
class Report:
    """What a report left behind."""

    hold: Hold
    nonconformance: Nonconformance
    executions: tuple[StepExecution, ...] = ()
    lots: tuple[Lot, ...] = ()


@transaction.atomic
def report_step(
    lots: Sequence[Lot],
    step_code: str,
    *,
    equipment: Equipment | None,
    reason: str,
    user: User,
    now: datetime,
    at: datetime | None = None,
) -> Report:
    """Record that a step was started on lots that it was not permitted for; they are held."""
    site = _site_of(lots)
    _check(reason, user, site)
    if equipment is not None and equipment.step.code != step_code:
        raise ReportRefused(f"equipment: {equipment.code} does not run {step_code}")
    started_at = instant_at(site, at, now)
    fresh = lock_lots(lot.pk for lot in lots)
    executions = []
    for lot in fresh.values():
        step = next((s for s in route_steps(lot) if s.step.code == step_code), None)
        if step is None:
            raise ReportRefused(f"step: {step_code} is not on the route of lot {lot.code}")
        earlier = StepExecution.objects.filter(lot=lot, route_step=step)
        if earlier.filter(finished_at__isnull=True).exists():
            raise ReportRefused(f"step: {step.step.name} runs on lot {lot.code} already; finish it first")
        execution = StepExecution.objects.create(
            lot=lot,
            route_step=step,
            attempt=earlier.count() + 1,
            equipment=equipment,
            operator=user,
            started_at=started_at,
            reported=True,
        )
        Movement.objects.create(
            lot=lot,
            kind=Movement.Kind.START_STEP,
            execution=execution,
            reported=True,
            moved_by=user,
            moved_at=started_at,
            reason=reason.strip()[:300],
        )
        executions.append(execution)
    what = f"{executions[0].route_step.step.name} was started without permission"
    hold, case = hold_and_open(site, list(fresh.values()), what, reason, user, now)
    return Report(hold, case, executions=tuple(executions))


@transaction.atomic
def report_production(
    specs: Sequence[NewLot],
    *,
    reason: str,
    site: Site,
    user: User,
    now: datetime,
    at: datetime | None = None,
) -> Report:
    """Record that lots were made although their parents must not move; they are born held.

    Raises ProductionRefused for what cannot have happened: more taken than there was, an interval taken twice.
    """
    _check(reason, user, site)
    made = produce_lots(specs, site=site, user=user, now=now, at=at, reported=reason.strip())
    if not GenealogyLink.objects.filter(child__in=made).exclude(kind=GenealogyLink.Kind.MEMBER).exists():
        raise ReportRefused("inputs: name what the lots were made from")
    hold, case = hold_and_open(site, made, "made without permission", reason, user, now)
    return Report(hold, case, lots=tuple(made))


def _site_of(lots: Sequence[Lot]) -> Site:
    sites = {lot.site_id: lot.site for lot in lots}
    if len(sites) != 1:
        raise ReportRefused("lots: name lots of one site")
    return next(iter(sites.values()))


def _check(reason: str, user: User, site: Site) -> None:
    act_as(user)
    require(user, site, Action.RUN_STEP)
    if not reason.strip():
        raise ReportRefused("reason: say how it came to happen without permission")


def hold_and_open(
    site: Site, lots: Sequence[Lot], what: str, reason: str, user: User, now: datetime
) -> tuple[Hold, Nonconformance]:
    """Hold the lots of a movement that was not permitted, and open its nonconformance."""
    hit("report.recorded")
    placed_at = site_time(site, now)
    hold = place_hold(
        site=site,
        source=Hold.Source.UNAUTHORISED,
        reason=f"{what}: {reason.strip()}",
        extents=[HeldExtent(lot.pk) for lot in lots],
        placed_at=placed_at,
        placed_by=user,
    )
    named = ", ".join(lot.code for lot in lots[:3]) + (f" and {len(lots) - 3} more" if len(lots) > 3 else "")
    case = Nonconformance.objects.create(
        site=site,
        code=next_case_code(site),
        title=f"{named}: {what}"[:200],
        lot=lots[0],
        hold=hold,
        opened_by=user,
        opened_at=placed_at,
    )
    return hold, case
