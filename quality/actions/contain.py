"""Widen a hold to more material, or narrow it under signature to what is affected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.place_hold import HeldExtent, extend_hold, off_the_lot, reach_locked
from lots.clock import site_time
from lots.models import Hold, HoldLot, Lot, User
from quality.actions.dispose import Ruling, dispose
from quality.models import ContainmentChange, Disposition
from quality.permissions import Action, require

LOTS_NAMED = 8


class ContainmentRefused(Exception):
    """The hold cannot be made to reach so far; the message names the field and the fix."""


@transaction.atomic
def widen(
    hold: Hold, extents: Sequence[HeldExtent], *, reason: str, user: User, now: datetime
) -> ContainmentChange:
    """Let the hold cover these too, with everything made from them. Needs a reason and no signature."""
    act_as(user)
    require(user, hold.site, Action.CONTAIN)
    _check(reason)
    if not extents:
        raise ContainmentRefused("lots: name at least one")
    if Lot.objects.filter(pk__in=[e.lot_id for e in extents]).exclude(site=hold.site_id).exists():
        raise ContainmentRefused(f"lots: not all of them are at {hold.site.code}")
    if words := off_the_lot(extents):
        raise ContainmentRefused(f"to_m: {words}")
    try:
        added = extend_hold(hold, reach_locked(list(extents)))
    except ValueError as refusal:
        raise ContainmentRefused(f"lots: {refusal}") from refusal
    if not added:
        raise ContainmentRefused("lots: the hold covers them already")
    return ContainmentChange.objects.create(
        hold=hold,
        kind=ContainmentChange.Kind.WIDENED,
        what=_words(extents),
        reason=reason.strip(),
        lots_added=added,
        lots_closed=0,
        decided_by=user,
        decided_at=site_time(hold.site, now),
    )


@transaction.atomic
def narrow(
    hold: Hold,
    lot: Lot,
    keep: tuple[int, int] | None,
    *,
    reason: str,
    user: User,
    password: str,
    now: datetime,
) -> ContainmentChange:
    """Take a lot that is held directly out of the hold, or keep an interval of it only; signed.

    `keep` is in millimetres of the lot's metre axis, half open. What was made from the rest, and from nothing else
    that the hold covers, is closed by the same disposition, which names it. Nothing else is released.
    """
    act_as(user)
    require(user, hold.site, Action.CONTAIN)
    _check(reason)
    direct = [
        HeldExtent(m.lot_id, m.from_mm, m.to_mm)
        for m in hold.members.filter(inherited_from__isnull=True, disposition_id__isnull=True)
    ]
    reach_locked(direct or [HeldExtent(lot.pk)])
    held = [extent for extent in direct if extent.lot_id == lot.pk]
    if not held:
        raise ContainmentRefused(
            f"lot: {lot.code} is not held directly by this hold; narrow what it was made from"
        )
    roots = [extent for extent in direct if extent.lot_id != lot.pk]
    if keep is not None:
        _check_inside(lot, keep, held)
        roots.append(HeldExtent(lot.pk, *keep))
    remaining = reach_locked(roots) if roots else []
    wanted = {row[:3] for row in remaining}
    members = HoldLot.objects.filter(hold=hold, disposition_id__isnull=True)
    closing = [m.pk for m in members if (m.lot_id, m.from_mm, m.to_mm) not in wanted]
    if not closing:
        raise ContainmentRefused("keep: nothing would be let go")
    added = extend_hold(hold, remaining)
    disposition = dispose(
        closing,
        Ruling(decision=Disposition.Decision.NARROW, reason=reason.strip()),
        site=hold.site,
        user=user,
        password=password,
        now=now,
    )
    kept = f", kept {_metres(*keep)}" if keep is not None else " taken out"
    return ContainmentChange.objects.create(
        hold=hold,
        kind=ContainmentChange.Kind.NARROWED,
        what=f"{lot.code}{kept}",
        reason=reason.strip(),
        lots_added=added,
        lots_closed=len(closing),
        disposition=disposition,
        decided_by=user,
        decided_at=disposition.decided_at,
    )


def _check(reason: str) -> None:
    if not reason.strip():
        raise ContainmentRefused("reason: say what you know that the window does not")


def _check_inside(lot: Lot, keep: tuple[int, int], held: list[HeldExtent]) -> None:
    start, end = keep
    whole = lot.length_mm
    if whole is None:
        raise ContainmentRefused(f"keep: {lot.code} has no metre axis; take it out whole or leave it")
    inside = any((e.from_mm or 0) <= start < end <= (whole if e.to_mm is None else e.to_mm) for e in held)
    if not inside:
        raise ContainmentRefused("keep: the interval must lie inside what is held; widen the hold for more")


def _words(extents: Sequence[HeldExtent]) -> str:
    codes = dict(Lot.objects.filter(pk__in=[e.lot_id for e in extents]).values_list("pk", "code"))
    named = [
        codes[e.lot_id] + ("" if e.from_mm is None or e.to_mm is None else f" {_metres(e.from_mm, e.to_mm)}")
        for e in extents[:LOTS_NAMED]
    ]
    more = len(extents) - len(named)
    return (", ".join(named) + (f" and {more} more" if more > 0 else ""))[:300]


def _metres(from_mm: int, to_mm: int) -> str:
    return f"{from_mm / 1000:g} to {to_mm / 1000:g} m"
