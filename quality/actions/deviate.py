"""Let one lot pass one check of one gate without it: asked for with a reason, signed by two others, and it expires."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_lots, lock_name
from lots.clock import site_time
from lots.models import Characteristic, Lot, Measurement, Membership, Submission, User
from quality.actions.sign import sign
from quality.gates import whole_standing
from quality.models import Deviation, DeviationSignature
from quality.permissions import Action, require, roles_of
from quality.plans import gate_lines, revision_of

LONGEST = timedelta(days=30)  # ours: a deviation that is needed for longer is a change of the plan
MOST_OUTSIDE = 500  # characters
Side = DeviationSignature.Side
Role = Membership.Role
SIDES = {
    Side.QUALITY: frozenset({Role.QUALITY_ENGINEER}),
    Side.PROCESS: frozenset({Role.PROCESS_ENGINEER, Role.REVIEWER}),
}


class DeviationRefused(Exception):
    """It cannot be asked for or signed so; the message names the field and the fix."""


@transaction.atomic
def request_deviation(
    lot: Lot,
    gate: str,
    characteristic: Characteristic,
    *,
    reason: str,
    expires_at: datetime,
    user: User,
    now: datetime,
) -> Deviation:
    """Ask for it; nothing is permitted before two other people have signed. `expires_at` is on the site clock."""
    act_as(user)
    require(user, lot.site, Action.REQUEST_DEVIATION)
    lock_name(f"deviation:{lot.pk}")
    lock_lots([lot.pk])  # the values signed for are those there are now
    here = site_time(lot.site, now)
    revision = revision_of(lot)
    lines = gate_lines(revision, lot.material_id) if revision is not None else []
    if not any(line.gate == gate and line.characteristic_id == characteristic.pk for line in lines):
        raise DeviationRefused(f"check: no gate of lot {lot.code} demands {characteristic.name}")
    if not reason.strip():
        raise DeviationRefused("reason: say why the lot may pass without it, and what makes up for it")
    if not here < expires_at <= here + LONGEST:
        raise DeviationRefused(f"expires_at: choose an instant within the next {LONGEST.days} days")
    outside = _outside(lot, gate, characteristic, now=now)
    if Deviation.objects.filter(
        lot=lot, gate=gate, characteristic=characteristic, expires_at__gt=here, outside=outside
    ).exists():
        raise DeviationRefused("check: a deviation for it is asked for or in force already")
    return Deviation.objects.create(
        site=lot.site,
        lot=lot,
        gate=gate,
        characteristic=characteristic,
        outside=outside,
        reason=reason.strip()[:500],
        expires_at=expires_at,
        requested_by=user,
        requested_at=here,
    )


@transaction.atomic
def sign_deviation(deviation: Deviation, *, user: User, password: str, now: datetime) -> DeviationSignature:
    """Sign for one's side; with both sides signed, by two people, it is in force until it expires.

    Neither has asked for it, nor recorded a value of the check.
    """
    act_as(user)
    require(user, deviation.site, Action.SIGN_DEVIATION)
    lock_name(f"deviation:{deviation.lot_id}")
    if deviation.expires_at <= site_time(deviation.site, now):
        raise DeviationRefused("deviation: it has expired; ask for it again")
    if (why := why_not_signer(deviation, user)) is not None:
        raise DeviationRefused(f"signature: {why}; another person must sign")
    signed = list(deviation.signatures.select_related("signature"))
    if any(each.signature.signer_id == user.pk for each in signed):
        raise DeviationRefused("signature: you have signed it; the other signature is another person's")
    taken = {each.side for each in signed}
    roles = roles_of(user, deviation.site)
    side = next((side for side, fit in SIDES.items() if side not in taken and roles & fit), None)
    if side is None:
        raise DeviationRefused("signature: what is missing is a signature that your role cannot give")
    signature = sign(
        user=user,
        password=password,
        meaning=f"Deviation approved ({side.label.lower()})",
        record_kind="deviation",
        record_id=str(deviation.pk),
        content=deviation_content(deviation) | {"side": side.value},
        now=now,
    )
    return DeviationSignature.objects.create(deviation=deviation, side=side, signature=signature)


def why_not_signer(deviation: Deviation, user: User) -> str | None:
    """What keeps this person, whatever their role, from judging the deviation independently; None: nothing."""
    if deviation.requested_by_id == user.pk:
        return "you asked for it"
    rows = Measurement.objects.filter(lot_id=deviation.lot_id, characteristic=deviation.characteristic_id)
    if Submission.objects.filter(pk__in=rows.values("submission_id"), recorded_by=user).exists():
        return "you recorded values of the check"
    return None


def _outside(lot: Lot, gate: str, characteristic: Characteristic, *, now: datetime) -> str:
    """The check's values out of limits, each once: what is signed for."""
    values = {
        each.text
        for standing in whole_standing(lot, now=now).gates
        if standing.gate.code == gate
        for check in standing.checks
        if check.line.characteristic_id == characteristic.pk
        for each in check.outside
        if each.must
    }
    text = ", ".join(sorted(values))
    if len(text) > MOST_OUTSIDE:
        raise DeviationRefused(f"check: {len(values)} values are out of limits; rework or scrap the lot")
    return text


def deviation_content(deviation: Deviation) -> dict[str, Any]:
    """What each signature covers, beside its side."""
    outside = {"outside": deviation.outside} if deviation.outside else {}
    return outside | {
        "lot": deviation.lot.code,
        "gate": deviation.gate,
        "check": deviation.characteristic.code,
        "reason": deviation.reason,
        "expires_at": deviation.expires_at,
        "requested_by": deviation.requested_by.username,
    }
