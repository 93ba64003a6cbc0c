"""Load requirements: identifiers never change, a changed wording is a new revision."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db import transaction

from lots.actions.acting import act_as
from quality.actions.load_table import DATA, LoadRefused, read_table
from quality.models import Requirement, RequirementRevision, SourceType

REQUIREMENTS = DATA / "requirements.csv"
WORDING = ("statement", "acceptance", "rationale", "source_type", "source")


@transaction.atomic
def load_requirements(path: Path = REQUIREMENTS, *, now: datetime) -> int:
    """Add what is new and revise what changed; how many requirements the table has. Repeating it changes nothing.

    Raises LoadRefused when a stored identifier would mean something else, or a row is incomplete.
    """
    act_as(None, process="load_masters")
    rows = read_table(path)
    for row in rows:
        requirement = _load(row, path)
        _revise(requirement, row, path, now=now)
    return len(rows)


def _load(row: dict[str, str], path: Path) -> Requirement:
    if row["kind"] not in Requirement.Kind.values:
        raise LoadRefused(f"{path.name}: {row['code']}: kind {row['kind']!r} is not one of the four")
    requirement, _ = Requirement.objects.get_or_create(
        code=row["code"], defaults={"kind": row["kind"], "title": row["title"]}
    )
    for field in ("kind", "title"):
        if getattr(requirement, field) != row[field]:
            raise LoadRefused(
                f"{path.name}: {requirement.code} is stored with {field} {getattr(requirement, field)!r}; "
                "an identifier keeps its meaning: take the next free one"
            )
    return requirement


def _revise(requirement: Requirement, row: dict[str, str], path: Path, *, now: datetime) -> None:
    if not row["acceptance"] or not row["statement"] or not row["source"]:
        raise LoadRefused(
            f"{path.name}: {requirement.code} needs a statement, an acceptance criterion and a source"
        )
    if row["source_type"] not in SourceType.values:
        raise LoadRefused(f"{path.name}: {requirement.code}: source type {row['source_type']!r} is not known")
    latest = requirement.revisions.order_by("-number").first()
    wording = {field: row[field] for field in WORDING}
    if latest is not None and all(getattr(latest, field) == text for field, text in wording.items()):
        return
    RequirementRevision.objects.create(
        requirement=requirement,
        number=latest.number + 1 if latest else 1,
        change_reason=f"wording of {path.name} changed" if latest else "first issue",
        issued_at=now,
        **wording,
    )
