"""The revisions of a specification, what each of them changed, and the draft that waits for approval."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Exists, OuterRef, QuerySet

from lots.units import written_unit
from quality.models import Specification, SpecificationDraft, SpecificationLine

Limits = SpecificationLine | SpecificationDraft


@dataclass(frozen=True)
class Change:
    """One field of two revisions, in words; `effect` says of a limit whether it became tighter or wider."""

    field: str
    before: str
    after: str
    effect: str = ""


@dataclass(frozen=True)
class Revision:
    line: SpecificationLine
    changes: tuple[Change, ...]


def history(specification: Specification) -> list[Revision]:
    """Every revision, newest first, with what it changed; one query."""
    lines = list(
        SpecificationLine.objects.filter(specification=specification)
        .select_related("requirement", "approval", "draft__drafted_by", "specification__characteristic")
        .order_by("revision")
    )
    earlier = [None, *lines][: len(lines)]
    found = [Revision(line, changes(before, line)) for before, line in zip(earlier, lines, strict=True)]
    return found[::-1]


def newest_line(specification: Specification) -> SpecificationLine | None:
    """The newest revision, in force or not yet."""
    return (
        SpecificationLine.objects.filter(specification=specification)
        .select_related("requirement", "specification__characteristic")
        .order_by("-revision")
        .first()
    )


def waiting_drafts() -> QuerySet[SpecificationDraft]:
    """The newest draft of each specification that is not in force; earlier ones can no longer be approved."""
    newer = SpecificationDraft.objects.filter(specification=OuterRef("specification"), pk__gt=OuterRef("pk"))
    return (
        SpecificationDraft.objects.filter(~Exists(newer), line__isnull=True)
        .select_related(
            "drafted_by",
            "requirement",
            "specification__characteristic__step",
            "specification__product_revision__product",
            "specification__material",
        )
        .order_by("-pk")
    )


def waiting_draft(specification: Specification) -> SpecificationDraft | None:
    """The draft of the specification that waits for approval."""
    return waiting_drafts().filter(specification=specification).first()


def sides(limits: Limits) -> str:
    """Whether the limits are two-sided, or which one there is."""
    if limits.lsl is not None and limits.usl is not None:
        return "two-sided"
    return "lower limit only" if limits.lsl is not None else "upper limit only"


def changes(before: Limits | None, after: Limits) -> tuple[Change, ...]:
    """What differs, in the order of the form; nothing for a first issue."""
    if before is None:
        return ()
    unit = written_unit(after.specification.characteristic.unit)
    found = [
        Change(
            label, _number(old, unit), _number(new, unit), _effect(old, new, lower=name == "lsl", name=name)
        )
        for name, label in (("lsl", "LSL"), ("target", "Target"), ("usl", "USL"))
        if (old := getattr(before, name)) != (new := getattr(after, name))
    ]
    for label, old, new in (
        ("Limits", sides(before), sides(after)),
        ("Severity", before.get_severity_display(), after.get_severity_display()),
        ("Requirement", before.requirement.code, after.requirement.code),
        ("Source", before.get_source_type_display(), after.get_source_type_display()),
        ("Where it is from", before.source, after.source),
    ):
        if old != new:
            found.append(Change(label, old, new))
    return tuple(found)


def _number(value: Decimal | None, unit: str) -> str:
    return "none" if value is None else f"{value.normalize():f} {unit}".strip()


def _effect(old: Decimal | None, new: Decimal | None, *, lower: bool, name: str) -> str:
    if name == "target":
        return ""
    if old is None or new is None:
        return "wider" if new is None else "tighter"
    return "tighter" if (new > old) == lower else "wider"
