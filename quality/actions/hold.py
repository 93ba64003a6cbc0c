"""Place a hold by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.place_hold import HeldExtent, off_the_lot, place_hold
from lots.clock import site_time
from lots.models import Hold, Site, User
from quality.permissions import Action, require


class HoldRefused(Exception):
    """The hold cannot be placed so; the message names the field and the fix."""


@transaction.atomic
def hold_by_hand(
    extents: Sequence[HeldExtent], *, site: Site, reason: str, user: User, now: datetime
) -> Hold:
    """Anybody on the line may stop material; only a disposition lets it go again."""
    act_as(user)
    require(user, site, Action.PLACE_HOLD)
    if not reason.strip():
        raise HoldRefused("reason: say what is wrong")
    if words := off_the_lot(extents):
        raise HoldRefused(f"to_mm: {words}")
    return place_hold(
        site=site,
        source=Hold.Source.MANUAL,
        reason=reason.strip(),
        extents=extents,
        placed_at=site_time(site, now),
        placed_by=user,
    )
