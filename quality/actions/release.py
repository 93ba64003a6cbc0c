"""Release a lot under signature, and let it leave: only what is released is packed or shipped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from lots.actions.acting import act_as
from lots.actions.lock import lock_lots, lock_name
from lots.clock import site_time
from lots.models import HoldLot, Lot, Movement, Site, User
from quality.actions.gate import GateRefused, pass_gates
from quality.actions.sign import sign
from quality.blockers import Code, lot_blocker
from quality.models import Release
from quality.permissions import Action, require
from quality.release_view import (
    CELLS_NAMED,
    current_release,
    learning_streams,
    members_of,
    release_blockers,
    rows_of,
)

LEAVING = {Movement.Kind.PACK: Lot.State.PACKED, Movement.Kind.SHIP: Lot.State.SHIPPED}


@transaction.atomic
def release_lot(lot: Lot, *, user: User, password: str, now: datetime) -> Release:
    """Release the lot with its members. Raises GateRefused with every blocker, NotPermitted or SignatureRefused."""
    act_as(user)
    require(user, lot.site, Action.RELEASE)
    locked = lock_lots(member.pk for member in members_of(lot))
    fresh = locked[lot.pk]
    blockers = release_blockers(fresh, user=user, now=now)
    if blockers:
        raise GateRefused(fresh, blockers)
    lots = members_of(fresh)
    released_at = site_time(lot.site, now)
    number = _next_number(lot.site)
    content = {
        "number": number,
        "lot": fresh.code,
        "members": [member.code for member in lots[1:]],
        "product": str(fresh.product_revision) if fresh.product_revision else "",
        "order": fresh.work_order.code if fresh.work_order else "",
        "quantity": f"{fresh.quantity.normalize():f}",
        "unit": fresh.material.unit,
        "rows": [row.content() for row in rows_of(lots)],
        "specification_only": learning_streams(lots),
        "simulated": fresh.simulated,
        "released_at": released_at.isoformat(),
    }
    signature = sign(
        user=user,
        password=password,
        meaning="Released: it conforms to its specifications",
        record_kind="release",
        record_id=fresh.code,
        content=content,
        now=now,
    )
    return Release.objects.create(
        site=lot.site,
        lot=fresh,
        number=number,
        content=content,
        last_hold_member=HoldLot.objects.filter(lot=fresh).aggregate(key=Max("pk"))["key"] or 0,
        released_by=user,
        released_at=released_at,
        signature=signature,
    )


@transaction.atomic
def let_leave(lots: Sequence[Lot], kind: Movement.Kind, *, user: User, now: datetime) -> list[Movement]:
    """Pack or ship released lots with their members, all or none. Raises GateRefused for one that may not."""
    act_as(user)
    movements = []
    for lot in lots:
        require(user, lot.site, Action.SHIP)
        whole = list(lock_lots(member.pk for member in members_of(lot)).values())
        _check_release(lot, whole)
        decisions = pass_gates(whole, purpose=kind.value, now=now, packed=kind == Movement.Kind.SHIP)
        for member in whole:
            movements.append(
                Movement(
                    lot=member,
                    kind=kind,
                    gate_decision=decisions[member.pk],
                    moved_by=user,
                    moved_at=site_time(lot.site, now),
                )
            )
            member.state = LEAVING[kind]
        Movement.objects.bulk_create(movement for movement in movements if movement.pk is None)
        Lot.objects.bulk_update(whole, ["state"])
    return movements


def _check_release(lot: Lot, whole: Sequence[Lot]) -> None:
    """Raises GateRefused unless a release in force names the lot and every member."""
    release = current_release(lot)
    words = f"lot {lot.code} is not released; a reviewer or quality engineer releases it"
    if release is not None:
        named = {lot.code, *release.content["members"]}
        others = [member.code for member in whole if member.code not in named]
        if not others:
            return
        words = (
            f"the release of lot {lot.code} does not name {', '.join(others[:CELLS_NAMED])}; release it anew"
        )
    raise GateRefused(lot, [lot_blocker(Code.NOT_RELEASED, words, lot)])


def _next_number(site: Site) -> int:
    lock_name(f"release:{site.pk}")
    latest = Release.objects.filter(site=site).order_by("-number").values_list("number", flat=True).first()
    return (latest or 0) + 1
