"""Draft a revision of a specification; another person's signature puts it in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_name
from lots.clock import site_time
from lots.models import Characteristic, MaterialDefinition, ProductRevision, Site, User
from lots.units import UnitMismatch, convert
from quality.actions.sign import sign
from quality.models import Requirement, SourceType, Specification, SpecificationDraft, SpecificationLine
from quality.permissions import Action, require

Effectivity = SpecificationLine.Effectivity
NUMBERS = ("lsl", "target", "usl")
FIELDS = (
    *NUMBERS,
    "unit",
    "severity",
    "requirement",
    "source_type",
    "source",
    "effectivity",
    "effective_at",
    "change_reason",
)
_LARGEST = Decimal("1e12")


class SpecificationRefused(Exception):
    """It cannot be done so; `problems` are (field, what is wrong and what would be right)."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {words}" for name, words in problems))
        self.problems = problems


def specification_for(
    characteristic: Characteristic, product: ProductRevision, material: MaterialDefinition | None
) -> Specification:
    """The specification of the characteristic for the product and material; made where there is none."""
    lock_name(f"specification:{characteristic.pk}:{product.pk}")
    found, _ = Specification.objects.get_or_create(
        characteristic=characteristic, product_revision=product, material=material
    )
    return found


@transaction.atomic
def draft_specification(
    characteristic: Characteristic,
    product: ProductRevision,
    material: MaterialDefinition | None,
    given: Mapping[str, str],
    *,
    site: Site,
    user: User,
    now: datetime,
) -> SpecificationDraft:
    """Propose the next revision from the text of FIELDS; an empty limit is none.

    A date without a zone is on the site's wall clock. Raises SpecificationRefused with every field that is wrong, or
    where nothing would change.
    """
    act_as(user)
    require(user, site, Action.EDIT_MASTERS)
    fields = _read(given, characteristic, site, site_time(site, now))
    specification = specification_for(characteristic, product, material)
    base = specification.lines.order_by("-revision").first()
    if base is not None and not any(_differs(base, fields, name) for name in fields):
        raise SpecificationRefused(("lsl", f"nothing differs from revision {base.revision}"))
    return SpecificationDraft.objects.create(
        specification=specification,
        based_on=base.revision if base else 0,
        drafted_by=user,
        drafted_at=site_time(site, now),
        **fields,
    )


@transaction.atomic
def approve_specification(
    draft: SpecificationDraft, *, site: Site, user: User, password: str, now: datetime
) -> SpecificationLine:
    """Put the newest draft in force under the signature of another person than its author.

    Values judged before keep the limits that they were judged by.
    """
    act_as(user)
    require(user, site, Action.APPROVE_SPECIFICATION)
    lock_name(
        f"specification:{draft.specification.characteristic_id}:{draft.specification.product_revision_id}"
    )
    latest = draft.specification.lines.order_by("-revision").first()
    here = site_time(site, now)
    if SpecificationLine.objects.filter(draft=draft).exists():
        raise SpecificationRefused(("draft", "it is in force already"))
    if draft.specification.drafts.filter(pk__gt=draft.pk).exists():
        raise SpecificationRefused(("draft", "there is a newer one; approve that, or draft this again"))
    if (latest.revision if latest else 0) != draft.based_on:
        raise SpecificationRefused(("draft", "the specification was revised since; draft it again"))
    if draft.drafted_by_id == user.pk:
        raise SpecificationRefused(("approved_by", "you drafted it yourself; another person must approve it"))
    if draft.effective_at is not None and draft.effective_at < here:
        raise SpecificationRefused(("effective_at", "the date has passed; draft it again with another"))
    signature = sign(
        user=user,
        password=password,
        meaning="Specification approved",
        record_kind="specification",
        record_id=f"{draft.specification_id} r{draft.based_on + 1}",
        content=draft_content(draft),
        now=now,
    )
    copied = ("lsl", "usl", "target", "severity", "requirement", "source_type", "source", "effectivity")
    return SpecificationLine.objects.create(
        specification=draft.specification,
        revision=draft.based_on + 1,
        effective_at=draft.effective_at or here,
        change_reason=draft.change_reason,
        draft=draft,
        approval=signature,
        **{name: getattr(draft, name) for name in copied},
    )


def draft_content(draft: SpecificationDraft) -> dict[str, Any]:
    """What the approval covers."""
    specification = draft.specification
    return {
        "characteristic": specification.characteristic.code,
        "product": str(specification.product_revision),
        "material": specification.material.code if specification.material else "",
        "revision": draft.based_on + 1,
        **{name: getattr(draft, name) for name in NUMBERS},
        "unit": specification.characteristic.unit,
        "severity": draft.severity,
        "requirement": draft.requirement.code,
        "source_type": draft.source_type,
        "source": draft.source,
        "effectivity": draft.effectivity,
        "effective_at": draft.effective_at,
        "change_reason": draft.change_reason,
        "drafted_by": draft.drafted_by.username,
    }


def _differs(base: SpecificationLine, fields: dict[str, Any], name: str) -> bool:
    """What judges, not why or from when it would."""
    unmarked = {"entered_unit", "change_reason", "effectivity", "effective_at"}
    return name not in unmarked and getattr(base, name) != fields[name]


def _read(
    given: Mapping[str, str], characteristic: Characteristic, site: Site, here: datetime
) -> dict[str, Any]:
    """Checked fields of a draft; numbers in the characteristic's unit."""
    text = {name: given.get(name, "").strip() for name in FIELDS}
    problems: list[tuple[str, str]] = []
    unit = text["unit"] or characteristic.unit
    numbers = {name: _number(name, text[name], unit, characteristic.unit, problems) for name in NUMBERS}
    lsl, target, usl = (numbers[name] for name in NUMBERS)
    if not text["lsl"] and not text["usl"]:
        problems.append(("lsl", "give an LSL, a USL or both"))
    if lsl is not None and usl is not None and lsl >= usl:
        problems.append(("usl", "must lie above the LSL"))
    if target is not None and ((lsl is not None and target < lsl) or (usl is not None and target > usl)):
        problems.append(("target", "must lie within the limits"))
    for name, allowed in (
        ("severity", SpecificationLine.Severity.values),
        ("source_type", SourceType.values),
        ("effectivity", Effectivity.values),
    ):
        if text[name] not in allowed:
            problems.append((name, f"choose one of {', '.join(allowed)}"))
    requirement = Requirement.objects.filter(code=text["requirement"]).first()
    if requirement is None:
        problems.append(
            ("requirement", "name the requirement that the limits follow from, such as SI-MFG-04")
        )
    for name, words in (("source", "say where the numbers come from"), ("change_reason", "say why")):
        if not text[name]:
            problems.append((name, words))
    if text["effectivity"] == Effectivity.NEXT_LOT and characteristic.subject_kind != "lot":
        problems.append(("effectivity", "air has no lots; choose at once or a date"))
    effective_at = _date(text, site, here, problems)
    if problems:
        raise SpecificationRefused(*problems)
    return {
        **numbers,
        "entered_unit": unit,
        "severity": text["severity"],
        "requirement": requirement,
        "source_type": text["source_type"],
        "source": text["source"][:400],
        "effectivity": text["effectivity"],
        "effective_at": effective_at,
        "change_reason": text["change_reason"][:300],
    }


def _number(name: str, text: str, unit: str, to: str, problems: list[tuple[str, str]]) -> Decimal | None:
    if not text:
        return None
    try:
        value = convert(Decimal(text), unit, to)
    except InvalidOperation:
        problems.append((name, f"{text!r} is no number; write 12.5"))
        return None
    except UnitMismatch as mismatch:
        problems.append(("unit", str(mismatch)))
        return None
    if not value.is_finite() or abs(value) >= _LARGEST or value != round(value, 8):
        problems.append((name, "must be a number below 1e12 with at most 8 decimals"))
        return None
    return value


def _date(
    text: Mapping[str, str], site: Site, here: datetime, problems: list[tuple[str, str]]
) -> datetime | None:
    if text["effectivity"] != Effectivity.DATE:
        return None
    try:
        at = datetime.fromisoformat(text["effective_at"])
    except ValueError:
        problems.append(("effective_at", "give date and time, such as 2026-03-01T06:00"))
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(site.time_zone))
    if at <= here:
        problems.append(("effective_at", "must lie in the future; choose at once for the present"))
    return at
