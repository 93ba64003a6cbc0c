"""Dispose of held material: release, rework, regrade, scrap or concession, by a quality engineer with reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_lots
from lots.clock import site_time
from lots.models import (
    GateDecision,
    Hold,
    HoldLot,
    Lot,
    Measurement,
    Movement,
    RouteStep,
    Site,
    Submission,
    User,
)
from lots.queries import active_holds
from quality.actions.sign import sign
from quality.actions.taking import reopen_what_is_left
from quality.concessions import too_little
from quality.models import Disposition, DispositionItem
from quality.permissions import Action, require

Decision = Disposition.Decision


class DispositionRefused(Exception):
    """The decision cannot be taken so; the message names the field and the fix."""


@dataclass(frozen=True)
class Ruling:
    """What was decided. A concession is bounded in amount and time; a rework names where it starts again."""

    decision: Disposition.Decision
    reason: str
    cause: str = ""
    concession_quantity: Decimal | None = None
    concession_expires_at: datetime | None = None
    rework_from: RouteStep | None = None


@transaction.atomic
def dispose(
    hold_lot_ids: Sequence[int], ruling: Ruling, *, site: Site, user: User, password: str, now: datetime
) -> Disposition:
    """Close exactly the materialised holds named, under the user's signature.

    Other holds of the same lots stay. Raises DispositionRefused, NotPermitted or SignatureRefused; nothing is
    changed then.
    """
    act_as(user)
    require(user, site, Action.DISPOSE)
    _check(ruling, site, now)
    lots = lock_lots(HoldLot.objects.filter(pk__in=hold_lot_ids).values_list("lot_id", flat=True))
    members = list(active_holds(lots).filter(pk__in=hold_lot_ids))
    if not members or len(members) != len(set(hold_lot_ids)):
        raise DispositionRefused("holds: some were disposed of meanwhile; reload the page")
    if any(lot.site_id != site.pk for lot in lots.values()):
        raise DispositionRefused(f"holds: not all of them are at {site.code}")
    _check_independence(members, user)
    if ruling.rework_from is not None:
        _check_rework(ruling.rework_from, lots)
    if ruling.concession_quantity is not None and (
        words := too_little(members, lots, ruling.concession_quantity)
    ):
        raise DispositionRefused(f"concession_quantity: {words}")
    decided_at = site_time(site, now)
    content = {
        "holds": sorted(member.pk for member in members),
        "lots": sorted(lot.code for lot in lots.values()),
        "decision": ruling.decision.value,
        "reason": ruling.reason,
        "cause": ruling.cause,
        "concession_quantity": ruling.concession_quantity,
        "concession_expires_at": ruling.concession_expires_at,
        "rework_from": ruling.rework_from.pk if ruling.rework_from else None,
        "decided_at": decided_at,
    }
    signature = sign(
        user=user,
        password=password,
        meaning=f"Disposition: {ruling.decision.label}",
        record_kind="disposition",
        record_id=",".join(str(key) for key in sorted(hold_lot_ids))[:64],
        content=content,
        now=now,
    )
    disposition = Disposition.objects.create(
        site=site,
        decision=ruling.decision,
        reason=ruling.reason,
        cause=ruling.cause,
        concession_quantity=ruling.concession_quantity,
        concession_expires_at=ruling.concession_expires_at,
        rework_from=ruling.rework_from,
        decided_by=user,
        decided_at=decided_at,
        signature=signature,
    )
    DispositionItem.objects.bulk_create(
        DispositionItem(disposition=disposition, hold_lot=member, lot_id=member.lot_id) for member in members
    )
    HoldLot.objects.filter(pk__in=[member.pk for member in members]).update(
        disposition_id=disposition.pk, closed_at=decided_at
    )
    if ruling.decision == Decision.SCRAP:
        _scrap(lots, user, decided_at, ruling.reason)
    reopen_what_is_left(lots.values())
    return disposition


def _check(ruling: Ruling, site: Site, now: datetime) -> None:
    if not ruling.reason.strip():
        raise DispositionRefused("reason: say why, in words that an auditor understands")
    if ruling.decision == Decision.CONCESSION:
        if ruling.concession_quantity is None or ruling.concession_quantity <= 0:
            raise DispositionRefused("concession_quantity: say how much is conceded")
        if ruling.concession_expires_at is None or ruling.concession_expires_at <= site_time(site, now):
            raise DispositionRefused("concession_expires_at: say until when, in the future")
    if (ruling.decision == Decision.REWORK) != (ruling.rework_from is not None):
        raise DispositionRefused("rework_from: name the step for a rework, and for nothing else")


def _check_independence(members: list[HoldLot], user: User) -> None:
    """Nobody decides on a value that they recorded, or on a hold that they placed themselves."""
    rows = [m.hold.source_id for m in members if m.hold.source == Hold.Source.DEFECT and m.hold.source_id]
    submissions = Measurement.objects.filter(id__in=rows).values("submission_id")
    recorded = Submission.objects.filter(pk__in=submissions, recorded_by=user).exists()
    placed = any(member.hold.placed_by_id == user.pk for member in members)
    if recorded or placed:
        raise DispositionRefused(
            "decided_by: you recorded or held this yourself; another engineer must decide"
        )


def _check_rework(step: RouteStep, lots: dict[int, Lot]) -> None:
    for lot in lots.values():
        on_route = step.route.product_revision_id == lot.product_revision_id
        if not on_route or step.step.material_kind != lot.material.kind:
            raise DispositionRefused(f"rework_from: {step.step.name} does not run on lot {lot.code}")


def _scrap(lots: dict[int, Lot], user: User, at: datetime, reason: str) -> None:
    held = set(active_holds(lots).values_list("lot_id", flat=True))
    still = [lot.code for key, lot in sorted(lots.items()) if key in held]
    if still:
        raise DispositionRefused(
            f"holds: {', '.join(still)} has other open holds; select them all to scrap it"
        )
    for lot in lots.values():
        decision = GateDecision.objects.create(
            lot=lot, purpose=Movement.Kind.SCRAP, passed=True, decided_at=at
        )
        Movement.objects.create(
            lot=lot,
            kind=Movement.Kind.SCRAP,
            gate_decision=decision,
            moved_by=user,
            moved_at=at,
            reason=reason[:300],
        )
        lot.state = Lot.State.SCRAPPED
        lot.save(update_fields=["state"])
