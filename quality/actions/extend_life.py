"""Extend the shelf life of a lot after a re-test: one person asks with the values, another signs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_lots
from lots.clock import local_words, site_time
from lots.models import Lot, User
from quality.actions.receive import LONGEST, ReceiptRefused, Stated, judged
from quality.actions.sign import sign
from quality.models import ExtensionApproval, RetestValue, ShelfLifeExtension
from quality.permissions import Action, require
from quality.shelf_life import items_of, lives_of, rule_of

MOST = timedelta(days=365)  # ours: for longer, test it again


@transaction.atomic
def request_extension(
    lot: Lot, values: Sequence[Stated], *, ends_at: datetime, reason: str, user: User, now: datetime
) -> ShelfLifeExtension:
    """Ask that the lot is good until `ends_at` (site clock); nothing changes before another person has signed.

    `values` are those of the re-test: all that the certificate must state, within its limits, or at least one where
    the material has no such rule. Raises ReceiptRefused, naming the field.
    """
    act_as(user)
    require(user, lot.site, Action.EXTEND_LIFE)
    lock_lots([lot.pk])
    here, life = site_time(lot.site, now), lives_of([lot], now=now)[lot.pk]
    if life.ends_at is None:
        raise ReceiptRefused(f"lot: {lot.code} does not expire")
    if not max(here, life.ends_at) < ends_at <= here + MOST:
        raise ReceiptRefused(
            f"ends_at: choose an instant after {local_words(lot.site, max(here, life.ends_at))},"
            f" within {MOST.days} days"
        )
    if not reason.strip() or len(reason.strip()) > LONGEST:
        raise ReceiptRefused(f"reason: say why, in at most {LONGEST} characters")
    rule = rule_of(lot.material_id)
    found = judged(values, items_of(rule.pk) if rule is not None else ())
    if not found:
        raise ReceiptRefused("values: give at least one value of the re-test")
    failed = [value.name for value in found if not value.conforms]
    if failed:
        raise ReceiptRefused(
            f"values: {', '.join(failed)} is out of its limits; the lot is not good for longer"
        )
    extension = ShelfLifeExtension.objects.create(
        lot=lot,
        former_ends_at=life.ends_at,
        ends_at=ends_at,
        reason=reason.strip(),
        requested_by=user,
        requested_at=here,
    )
    same = ("name", "unit", "entered_text", "value", "lower", "upper")
    RetestValue.objects.bulk_create(
        RetestValue(extension=extension, **{name: getattr(value, name) for name in same}) for value in found
    )
    return extension


@transaction.atomic
def approve_extension(
    extension: ShelfLifeExtension, *, user: User, password: str, now: datetime
) -> ExtensionApproval:
    """Sign it as another person than who asked. Raises ReceiptRefused or SignatureRefused."""
    lot = extension.lot
    act_as(user)
    require(user, lot.site, Action.APPROVE_EXTENSION)
    lock_lots([lot.pk])
    here = site_time(lot.site, now)
    if extension.requested_by_id == user.pk:
        raise ReceiptRefused("signature: you asked for it; another person signs")
    if ExtensionApproval.objects.filter(extension=extension).exists():
        raise ReceiptRefused("signature: it is signed already")
    newer = ExtensionApproval.objects.filter(extension__lot=lot, extension__gt=extension.pk)
    if extension.ends_at <= here or newer.exists():
        raise ReceiptRefused("extension: its time is over or a newer one is in force; ask for another one")
    signature = sign(
        user=user,
        password=password,
        meaning="Shelf life extended after a re-test",
        record_kind="shelf-life extension",
        record_id=str(extension.pk),
        content=extension_content(extension),
        now=now,
    )
    return ExtensionApproval.objects.create(extension=extension, signature=signature, approved_at=here)


def extension_content(extension: ShelfLifeExtension) -> dict[str, Any]:
    """What the signature covers."""
    values = extension.values.order_by("pk")
    return {
        "lot": extension.lot.code,
        "former_ends_at": extension.former_ends_at,
        "ends_at": extension.ends_at,
        "reason": extension.reason,
        "values": [[value.name, value.entered_text, value.unit] for value in values],
        "requested_by": extension.requested_by.username,
    }
