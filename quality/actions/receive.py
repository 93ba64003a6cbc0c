"""Receive deliveries, open containers, and set what a material must show at the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_lots
from lots.actions.place_hold import HeldExtent, place_hold
from lots.clock import instant_at, local_words, site_time
from lots.models import (
    CertificateValue,
    Hold,
    Lot,
    LotAlias,
    MaterialDefinition,
    Opening,
    Receipt,
    Site,
    User,
)
from quality.actions.produce import NewLot, produce_lots
from quality.models import CertificateItem, IncomingRule
from quality.permissions import Action, require
from quality.shelf_life import items_of, rule_of

Kind = MaterialDefinition.Kind
DELIVERED = frozenset({Kind.RAW, Kind.ELECTROLYTE})
LARGEST = Decimal("1e15")
LONGEST = 300


class ReceiptRefused(Exception):
    """It cannot be stored so; the message begins with the field and says what would be right."""


@dataclass(frozen=True)
class Stated:
    """A value of the supplier's certificate, as decimal text."""

    name: str
    value: str
    unit: str


@dataclass(frozen=True)
class Delivery:
    """What arrived. The earlier of `expires_at`, the label, and the shelf life from `manufactured_date` counts."""

    code: str
    material: str
    quantity: Decimal
    supplier: str
    supplier_lot: str
    label_matches: bool
    packaging_intact: bool
    certificate_matches: bool
    certificate: tuple[Stated, ...] = ()
    manufactured_date: date | None = None
    expires_at: datetime | None = None
    remarks: str = ""


@transaction.atomic
def receive(
    delivery: Delivery, *, site: Site, user: User, now: datetime, at: datetime | None = None
) -> Receipt:
    """Make the lot of a delivery with its papers and checks. What fails a check or a limit is held at once."""
    act_as(user)
    require(user, site, Action.RECEIVE)
    received_at = instant_at(site, at, now)
    material = MaterialDefinition.objects.filter(code=delivery.material, retired_at__isnull=True).first()
    if material is None or material.kind not in DELIVERED:
        raise ReceiptRefused(f"material: {delivery.material!r} is not a material that is delivered")
    for name in ("supplier", "supplier_lot"):
        if not getattr(delivery, name).strip():
            raise ReceiptRefused(f"{name}: is needed")
    rule = rule_of(material.pk)
    values = judged(delivery.certificate, items_of(rule.pk) if rule is not None else ())
    failures = _failures(delivery, values)
    checks_failed = not (
        delivery.label_matches and delivery.packaging_intact and delivery.certificate_matches
    )
    if checks_failed and not delivery.remarks.strip():
        raise ReceiptRefused("remarks: say what is wrong with the delivery")
    new = NewLot(
        code=delivery.code,
        material=material.code,
        quantity=delivery.quantity,
        expires_at=_expiry(delivery, rule, site, received_at),
    )
    (lot,) = produce_lots([new], site=site, user=user, now=now, at=received_at)
    receipt = Receipt.objects.create(
        lot=lot,
        supplier=delivery.supplier.strip()[:64],
        supplier_lot=delivery.supplier_lot.strip()[:64],
        manufactured_date=delivery.manufactured_date,
        label_matches=delivery.label_matches,
        packaging_intact=delivery.packaging_intact,
        certificate_matches=delivery.certificate_matches,
        remarks=delivery.remarks.strip()[:LONGEST],
        received_by=user,
        received_at=received_at,
    )
    for value in values:
        value.receipt = receipt
    CertificateValue.objects.bulk_create(values)
    # A supplier may deliver the same lot twice; its number leads to the first.
    LotAlias.objects.get_or_create(
        site=site, issuer=receipt.supplier, alias=receipt.supplier_lot, defaults={"lot": lot}
    )
    if failures:
        place_hold(
            site=site,
            source=Hold.Source.INCOMING,
            source_id=receipt.pk,
            reason=f"incoming inspection: {'; '.join(failures)}"[:500],
            extents=[HeldExtent(lot.pk)],
            placed_at=received_at,
        )
    return receipt


@transaction.atomic
def open_lot(lot: Lot, *, user: User, now: datetime, at: datetime | None = None) -> Opening:
    """Note that the lot's container was opened: from now on its life after opening runs."""
    act_as(user)
    require(user, lot.site, Action.RECEIVE)
    lock_lots([lot.pk])
    earlier = Opening.objects.filter(lot=lot).first()
    if earlier is not None:
        at_words = local_words(lot.site, earlier.opened_at)
        raise ReceiptRefused(f"lot: {lot.code} was opened already at {at_words}")
    return _open(lot, user, instant_at(lot.site, at, now))


def note_opening(lot: Lot, *, user: User, at: datetime) -> None:
    """A container was opened to the air: the first time starts its life after opening, where the material has one.

    Runs in the caller's transaction, which has locked the lot.
    """
    rule = rule_of(lot.material_id)
    if rule is not None and rule.open_life_h is not None and not Opening.objects.filter(lot=lot).exists():
        _open(lot, user, at)


@transaction.atomic
def set_incoming_rule(
    material: MaterialDefinition,
    items: Sequence[CertificateItem],
    *,
    shelf_life_d: int | None,
    open_life_h: int | None,
    warn_before_h: int,
    reason: str,
    site: Site,
    user: User,
    now: datetime,
) -> IncomingRule:
    """From now on deliveries of the material are inspected so. `items` are unsaved."""
    act_as(user)
    require(user, site, Action.EDIT_MASTERS)
    for name, value, most in (
        ("shelf_life_d", shelf_life_d, 10_000),
        ("open_life_h", open_life_h, 100_000),
        ("warn_before_h", warn_before_h, 10_000),
    ):
        if value is not None and not (0 if name == "warn_before_h" else 1) <= value <= most:
            raise ReceiptRefused(f"{name}: at most {most}, and above zero")
    if not reason.strip() or len(reason.strip()) > LONGEST:
        raise ReceiptRefused(f"reason: say why, in at most {LONGEST} characters")
    names = [item.name for item in items]
    if len(set(names)) < len(names) or not all(item.name and item.unit for item in items):
        raise ReceiptRefused("certificate: each value needs a name of its own and a unit")
    limited = [(item.lower, item.upper) for item in items]
    if any(lower is not None and upper is not None and lower > upper for lower, upper in limited):
        raise ReceiptRefused("certificate: a lower limit lies above the upper one")
    rule = IncomingRule.objects.create(
        material=material,
        shelf_life_d=shelf_life_d,
        open_life_h=open_life_h,
        warn_before_h=warn_before_h,
        reason=reason.strip(),
        set_by=user,
        set_at=site_time(site, now),
    )
    for item in items:
        item.rule = rule
    CertificateItem.objects.bulk_create(items)
    return rule


def decimal_of(text: str, name: str) -> Decimal:
    """A finite decimal number. Raises ReceiptRefused, naming the field."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ReceiptRefused(
            f"{name}: {text[:40]!r} is not a decimal number; use a point, such as 12.5"
        ) from None
    if not value.is_finite() or abs(value) > LARGEST or len(text.strip()) > 40:
        raise ReceiptRefused(f"{name}: is not a finite number below 1e15 of at most 40 characters")
    return value


def _open(lot: Lot, user: User, at: datetime) -> Opening:
    rule = rule_of(lot.material_id)
    hours = rule.open_life_h if rule is not None else None
    use_by = at + timedelta(hours=hours) if hours is not None else None
    return Opening.objects.create(lot=lot, opened_at=at, use_by=use_by, opened_by=user)


def judged(stated: Sequence[Stated], items: Sequence[CertificateItem]) -> list[CertificateValue]:
    """Unsaved values of the certificate: all that the rule asks for, each in its unit, and what it states besides."""
    given = {value.name: value for value in stated}
    if len(given) < len(stated):
        raise ReceiptRefused("certificate: names a value twice")
    wanted = {item.name: item for item in items}
    missing = [name for name in wanted if name not in given or not given[name].value.strip()]
    if missing:
        raise ReceiptRefused(f"certificate: {', '.join(missing)} missing; the certificate must state it")
    values = []
    for name, value in given.items():
        item, number = (
            wanted.get(name),
            decimal_of(value.value, f"certificate: {name}").quantize(Decimal("1e-10")),
        )
        if item is not None and value.unit != item.unit:
            raise ReceiptRefused(f"certificate: {name} is given in {value.unit!r}; give it in {item.unit!r}")
        lower, upper = (None, None) if item is None else (item.lower, item.upper)
        values.append(
            CertificateValue(
                name=name[:64],
                unit=value.unit[:16],
                entered_text=value.value.strip(),
                value=number,
                lower=lower,
                upper=upper,
                conforms=(lower is None or number >= lower) and (upper is None or number <= upper),
            )
        )
    return values


def _failures(delivery: Delivery, values: Sequence[CertificateValue]) -> list[str]:
    checks = (
        (delivery.label_matches, "the label does not match"),
        (delivery.packaging_intact, "the packaging is damaged"),
        (delivery.certificate_matches, "the certificate does not belong to the lot"),
    )
    return [words for passed, words in checks if not passed] + [
        f"{value.name} {value.entered_text} {value.unit} is outside of "
        f"{'…' if value.lower is None else f'{value.lower.normalize():f}'} to "
        f"{'…' if value.upper is None else f'{value.upper.normalize():f}'} {value.unit}"
        for value in values
        if not value.conforms
    ]


def _expiry(
    delivery: Delivery, rule: IncomingRule | None, site: Site, received_at: datetime
) -> datetime | None:
    """The earlier of what the label says and the shelf life from manufacture (to the end of that day)."""
    made = delivery.manufactured_date
    if made is not None and made > received_at.astimezone(ZoneInfo(site.time_zone)).date():
        raise ReceiptRefused("manufactured_date: lies after the delivery")
    days = rule.shelf_life_d if rule is not None else None
    if days is None:
        return delivery.expires_at
    if made is None and delivery.expires_at is None:
        raise ReceiptRefused(
            f"expires_at: {delivery.material} keeps {days} days; give the date of expiry or of manufacture"
        )
    ends = [delivery.expires_at] if delivery.expires_at is not None else []
    if made is not None:
        ends.append(datetime.combine(made + timedelta(days=days + 1), time(), ZoneInfo(site.time_zone)))
    return min(ends)
