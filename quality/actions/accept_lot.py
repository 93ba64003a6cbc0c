"""Freeze an acceptance plan before the first result; decide by its counts under signature."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from lots.actions.acting import act_as
from lots.actions.lock import lock_lots, lock_name
from lots.actions.place_hold import HeldExtent, place_hold
from lots.clock import site_time
from lots.models import Hold, Lot, Measurement, User
from lots.queries import valid_measurements
from quality.acceptance import CellResult, Decision, Rules, Verdict, decide
from quality.actions.sign import sign
from quality.actions.switch_sampling import record_outcomes
from quality.lot_sampling import Scheme, schemes_of
from quality.models import AcceptanceDecision, AcceptancePlan
from quality.permissions import Action, require
from quality.release_view import members_of, recorded_by
from quality.sample_verdict import Sampled, combine, judge_schemes

# Which characteristics the rule speaks of; of one by cycle the last cycle counts.
CAPACITY, EFFICIENCY = "acceptance.capacity_ah", "formation.final_ce_pct"
RESISTANCE, LEAK_FREE = "formation.resistance_mohm", "acceptance.leak_free"


class AcceptanceRefused(Exception):
    """It cannot be done so; the message begins with the field and says what would be right."""


@transaction.atomic
def freeze_plan(
    lot: Lot, rules: Rules, *, sample_size: int, seed: int, user: User, now: datetime
) -> AcceptancePlan:
    """Choose the sample at random and fix the rules. Refused once any cell of the lot has an acceptance result."""
    act_as(user)
    require(user, lot.site, Action.ACCEPT_LOT)
    lock_lots([lot.pk])  # no further cell joins meanwhile
    lock_name(f"acceptance:{lot.pk}")
    cells = members_of(lot)[1:]
    if not cells:
        raise AcceptanceRefused(f"lot: {lot.code} has no cells")
    if not 1 <= sample_size <= len(cells):
        raise AcceptanceRefused(f"sample_size: from 1 to {len(cells)}")
    schemes = schemes_of(lot, cells, now=site_time(lot.site, now))
    _refuse_unfit(schemes, sample_size)
    if AcceptancePlan.objects.filter(lot=lot).exists():
        raise AcceptanceRefused(f"lot: the plan of {lot.code} is frozen already")
    tested = Measurement.objects.filter(
        lot_id__in=[cell.pk for cell in cells], characteristic__step__code="acceptance"
    )
    if tested.exists():
        raise AcceptanceRefused(
            "lot: a cell has been tested already; a plan is frozen before the first result"
        )
    if not 0 < rules.share_pct <= 100 or rules.outliers_max < 0:
        raise AcceptanceRefused("rules: the share lies between 0 and 100 %, the outliers are not negative")
    sample = random.Random(seed).sample(sorted(cell.code for cell in cells), sample_size)
    drawn = [replace(scheme, cells=tuple(sorted(sample[: scheme.n]))) for scheme in schemes]
    return AcceptancePlan.objects.create(
        site=lot.site,
        lot=lot,
        sample_size=sample_size,
        seed=seed,
        sample=sorted(sample),
        rules=rules.content(),
        sampling=[scheme.content() for scheme in drawn],
        frozen_by=user,
        frozen_at=site_time(lot.site, now),
    )


@transaction.atomic
def decide_lot(plan: AcceptancePlan, *, user: User, password: str, now: datetime) -> AcceptanceDecision:
    """Sign what the counts say. A rejected lot is held with its cells; an undecided one cannot be signed."""
    act_as(user)
    site = plan.lot.site
    require(user, site, Action.ACCEPT_LOT)
    lock_name(f"acceptance:{plan.lot_id}")
    if AcceptanceDecision.objects.filter(plan=plan).exists():
        raise AcceptanceRefused("plan: it was decided already")
    results = results_of(plan)
    sampled = judge_schemes(schemes_in(plan))
    decision = outlook_of(results, Rules.from_content(plan.rules), sampled)
    if decision.verdict is Verdict.UNDECIDED:
        raise AcceptanceRefused(f"results: {'; '.join(decision.reasons[:5])}")
    if recorded_by(list(_sampled(plan).values_list("pk", flat=True)), user):
        raise AcceptanceRefused("signer: you recorded values of the sample: another person must decide")
    content = {
        "lot": plan.lot.code,
        "sample": plan.sample,
        "rules": plan.rules,
        "sampling": plan.sampling,
        "results": [_plain(result) for result in results],
        "verdict": decision.verdict.value,
        "reasons": list(decision.reasons),
    }
    accepted = decision.verdict is Verdict.ACCEPT
    signature = sign(
        user=user,
        password=password,
        meaning=f"Lot {'accepted' if accepted else 'rejected'} by its acceptance plan",
        record_kind="acceptance",
        record_id=plan.lot.code,
        content=content,
        now=now,
    )
    decided_at = site_time(site, now)
    made = AcceptanceDecision.objects.create(
        plan=plan, accepted=accepted, content=content, decided_at=decided_at, signature=signature
    )
    record_outcomes(made, sampled, at=decided_at)
    if not accepted:
        place_hold(
            site=site,
            source=Hold.Source.MANUAL,
            reason=f"Rejected at acceptance: {'; '.join(decision.reasons)}",
            extents=[HeldExtent(plan.lot_id)],
            placed_at=decided_at,
            placed_by=user,
        )
    return made


def outlook_of(results: Sequence[CellResult], rules: Rules, sampled: Sequence[Sampled]) -> Decision:
    """What the handbook's rule and the standards' plans say together, with every reason."""
    decision = decide(results, rules)
    leaking = any(result.leak_free is False for result in results)
    verdict = combine(decision.verdict, sampled, at_once=leaking)
    return Decision(verdict, (*decision.reasons, *(each.reason for each in sampled)))


def schemes_in(plan: AcceptancePlan) -> list[Scheme]:
    """The standard plans frozen with it."""
    return [Scheme.from_content(content) for content in plan.sampling]


def _refuse_unfit(schemes: Sequence[Scheme], sample_size: int) -> None:
    for scheme in schemes:
        if scheme.problem:
            raise AcceptanceRefused(f"sampling: {scheme.name}: {scheme.problem}")
    needed = max((scheme.n for scheme in schemes), default=0)
    if sample_size < needed:
        names = ", ".join(scheme.name.lower() for scheme in schemes if scheme.n > sample_size)
        raise AcceptanceRefused(f"sample_size: at least {needed}, for the sampling plan of {names}")


def results_of(plan: AcceptancePlan) -> list[CellResult]:
    """The latest valid values of the sampled cells."""
    cells = _sampled(plan)
    rows = valid_measurements([cell.pk for cell in cells]).filter(
        characteristic__code__in=(CAPACITY, EFFICIENCY, RESISTANCE, LEAK_FREE)
    )
    found: dict[tuple[int, str], Decimal] = {}
    ordered = rows.order_by("position", "measured_at", "id")
    for lot_id, code, value in ordered.values_list("lot_id", "characteristic__code", "value"):
        found[lot_id or 0, code] = value
    return [
        CellResult(
            code=cell.code,
            capacity_ah=found.get((cell.pk, CAPACITY)),
            efficiency_pct=found.get((cell.pk, EFFICIENCY)),
            resistance_mohm=found.get((cell.pk, RESISTANCE)),
            leak_free=None if (leak := found.get((cell.pk, LEAK_FREE))) is None else leak == 1,
        )
        for cell in cells
    ]


def _sampled(plan: AcceptancePlan) -> QuerySet[Lot]:
    return Lot.objects.filter(site=plan.site_id, code__in=plan.sample).order_by("code")


def _plain(result: CellResult) -> dict[str, Any]:
    return {
        name: f"{value.normalize():f}" if isinstance(value, Decimal) else value
        for name, value in vars(result).items()
    }
