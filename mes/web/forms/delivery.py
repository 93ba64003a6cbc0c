"""What was typed into the receiving form, and into the rule of a material."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict

from lots.models import Site
from mes.api.schemas import LOT_CODE, PATTERN_HELP
from quality.actions.receive import Delivery, ReceiptRefused, Stated, decimal_of
from quality.models import CertificateItem

CHECKS = (
    ("label_matches", "The label says what was ordered"),
    ("packaging_intact", "The packaging is whole"),
    ("certificate_matches", "The certificate belongs to this lot"),
)


def delivery_of(post: QueryDict, items: Sequence[CertificateItem], site: Site) -> Delivery:
    """The form as a delivery. Raises ReceiptRefused, naming the field."""
    open_checks = [words.lower() for name, words in CHECKS if post.get(name) not in {"0", "1"}]
    if open_checks:
        raise ReceiptRefused(f"checks: not answered: {'; '.join(open_checks)}")
    code = post.get("code", "").strip()
    if len(code) > 48 or not re.fullmatch(LOT_CODE, code):
        words = "scan or type the number that the lot is to have here"
        raise ReceiptRefused(f"code: {words}; it {PATTERN_HELP[LOT_CODE]}")
    quantity = decimal_of(post.get("quantity", ""), "quantity")
    if quantity <= 0 or quantity != round(quantity, 3) or quantity >= 10**11:
        raise ReceiptRefused("quantity: above zero, with at most 3 decimals")
    certificate = tuple(
        Stated(item.name, post.get(f"item-{item.pk}", "").strip(), item.unit) for item in items
    )
    expires = _date(post, "expires_date")
    return Delivery(
        code=code,
        material=post.get("material", ""),
        quantity=quantity,
        supplier=post.get("supplier", ""),
        supplier_lot=post.get("supplier_lot", ""),
        certificate=certificate,
        manufactured_date=_date(post, "manufactured_date"),
        # A date on a label counts to its end, on the site's calendar.
        expires_at=None
        if expires is None
        else datetime.combine(expires + timedelta(days=1), time(), ZoneInfo(site.time_zone)),
        remarks=post.get("remarks", ""),
        **{name: post.get(name) == "1" for name, _ in CHECKS},
    )


def retest_in(post: QueryDict, items: Sequence[CertificateItem]) -> tuple[Stated, ...]:
    """Values of a re-test: of each item, or the one that is named where the material has none."""
    if items:
        return tuple(Stated(item.name, post.get(f"item-{item.pk}", "").strip(), item.unit) for item in items)
    name, value, unit = (post.get(field, "").strip() for field in ("name", "value", "unit"))
    if not (name and value and unit):
        raise ReceiptRefused("values: give name, value and unit of what was tested")
    return (Stated(name, value, unit),)


def whole(post: QueryDict, name: str) -> int | None:
    """A whole number, None where the field is empty. Raises ReceiptRefused."""
    text = post.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise ReceiptRefused(f"{name}: {text[:40]!r} is not a whole number")
    return int(text)


def items_in(text: str) -> list[CertificateItem]:
    """Unsaved items, one a line: `name; unit; lower; upper`, limits may be empty. Raises ReceiptRefused."""
    items = []
    for line in filter(str.strip, text.splitlines()):
        parts = [part.strip() for part in line.split(";")]
        if not 2 <= len(parts) <= 4 or not parts[0] or not parts[1]:
            raise ReceiptRefused(f"certificate: {line.strip()[:60]!r} is not `name; unit; lower; upper`")
        lower, upper = (
            decimal_of(part, "certificate") if part else None for part in (*parts[2:], "", "")[:2]
        )
        items.append(CertificateItem(name=parts[0][:64], unit=parts[1][:16], lower=lower, upper=upper))
    return items


def _date(post: QueryDict, name: str) -> date | None:
    text = post.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ReceiptRefused(f"{name}: give a date such as 2026-03-01") from None
