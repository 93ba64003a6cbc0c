"""Correct what a lot was made from: the link that was booked wrongly is voided, what really went in is linked instead.

The voided link stays, with who, when and why. A hold that came down it stays, too, until somebody disposes of it;
holds of what really went in reach the lot at once. Where that must not have moved, the correction reports it.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.place_hold import HeldExtent, extend_hold, reach_locked
from lots.clock import site_time
from lots.models import GenealogyLink, Hold, HoldLot, Lot, User
from quality.actions.gate import GateRefused
from quality.actions.produce import locked_parents
from quality.actions.report_movement import hold_and_open
from quality.actions.sign import sign
from quality.actions.taking import Input, Kind, Taking, parent_of, reopen_what_is_left
from quality.permissions import Action, require

LONGEST = 300


class InputCorrectionRefused(Exception):
    """The input cannot be corrected so; the message names the field and the fix."""


@transaction.atomic
def correct_input(
    link: GenealogyLink, *, instead: str, reason: str, user: User, password: str, now: datetime
) -> GenealogyLink | None:
    """Void the link of what was consumed and link the lot `instead`, the same amount of it; none where it is empty.

    Signed by somebody else than who booked it. Raises InputCorrectionRefused, ProductionRefused (more taken than
    there is, an interval taken twice), SignatureRefused or NotPermitted.
    """
    child, wrong, instead = link.child, link.parent, instead.strip()
    act_as(user)
    require(user, child.site, Action.CORRECT_INPUT)
    if not reason.strip() or len(reason.strip()) > LONGEST:
        raise InputCorrectionRefused(f"reason: say how it was found, in at most {LONGEST} characters")
    lots = locked_parents(child.site, {wrong.code, instead} - {""}, also=child.pk)
    link = GenealogyLink.objects.select_related("movement").get(pk=link.pk)  # as it is under the locks
    _check(link, child, wrong, instead, lots, user)
    content = {
        "lot": child.code,
        "voided": wrong.code,
        "quantity": link.quantity,
        "interval_mm": [link.parent_from_mm, link.parent_to_mm],
        "instead": instead,
        "reason": reason.strip(),
    }
    sign(
        user=user,
        password=password,
        meaning="What the lot was made from is corrected",
        record_kind="genealogy link",
        record_id=str(link.pk),
        content=content,
        now=now,
    )
    link.voided_at, link.voided_by, link.void_reason = site_time(child.site, now), user, reason.strip()
    link.save(update_fields=["voided_at", "voided_by", "void_reason"])
    wrong.refresh_from_db(fields=["taken", "state"])
    reopen_what_is_left([wrong])
    return _take(link, lots, instead, child, reason.strip(), user, now) if instead else None


def _check(
    link: GenealogyLink, child: Lot, wrong: Lot, instead: str, lots: dict[str, Lot], user: User
) -> None:
    if link.kind != Kind.CONSUME:
        raise InputCorrectionRefused("input: only what was consumed into a lot can be corrected")
    if link.voided_at is not None:
        raise InputCorrectionRefused("input: it was corrected before")
    if link.movement is not None and link.movement.moved_by_id == user.pk:
        raise InputCorrectionRefused("signature: you booked it; another person corrects it")
    if not instead:
        return
    if instead not in lots:
        raise InputCorrectionRefused(f"instead: there is no lot {instead[:48]} at {wrong.site.code}")
    if lots[instead].material_id != wrong.material_id:
        raise InputCorrectionRefused(
            f"instead: {instead} is {lots[instead].material.name}, and not {wrong.material.name}"
        )
    if instead in (wrong.code, child.code):
        which = "what was booked" if instead == wrong.code else "the lot itself"
        raise InputCorrectionRefused(f"instead: {instead} is {which}")


def _take(
    link: GenealogyLink,
    lots: dict[str, Lot],
    instead: str,
    child: Lot,
    reason: str,
    user: User,
    now: datetime,
) -> GenealogyLink:
    """The same stretch and amount of the other lot, at the time at which it was booked."""
    item = Input(
        parent=instead,
        quantity=link.quantity,
        from_mm=link.parent_from_mm,
        to_mm=link.parent_to_mm,
        lane_from=link.lane_from,
        lane_to=link.lane_to,
        child_offset_mm=link.child_offset_mm,
        scale=link.scale,
        uncertainty_mm=link.uncertainty_mm,
    )
    parents = {instead: parent_of(lots, instead)}
    try:
        with transaction.atomic():
            taking = Taking(parents, user=user, now=now, at=link.linked_at)
            taking.take(item, child)
            return taking.store()[0]
    except GateRefused as refusal:
        taking = Taking(parents, user=user, now=now, at=link.linked_at, reported=reason)
        taking.take(item, child)
        made = taking.store()[0]
        _spread(parents[instead], child)
        hold_and_open(child.site, [child], f"made from {instead} without permission", str(refusal), user, now)
        return made


def _spread(parent: Lot, child: Lot) -> None:
    """Holds of what went in have reached the lot with its link; what was made of it before is reached here."""
    below = [row for row in reach_locked([HeldExtent(child.pk)]) if row[0] != child.pk]
    inherited = HoldLot.objects.filter(lot=child, inherited_from=parent, disposition_id__isnull=True)
    for hold in Hold.objects.filter(pk__in=inherited.values("hold")):
        closed = set(
            hold.members.filter(disposition_id__isnull=False).values_list("lot_id", "from_mm", "to_mm")
        )
        extend_hold(hold, [row for row in below if row[:3] not in closed])
