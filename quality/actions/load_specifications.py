"""Load the specifications of a product revision: a changed limit is a new line, never an edit."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db import transaction

from lots.actions.acting import act_as
from lots.models import Characteristic, MaterialDefinition, ProductRevision
from quality.actions.load_table import DATA, LoadRefused, decimal_or_none, find, read_table
from quality.models import Requirement, SourceType, Specification, SpecificationLine

SPECIFICATIONS = DATA / "specifications.csv"


@transaction.atomic
def load_specifications(
    product_revision: ProductRevision, path: Path = SPECIFICATIONS, *, effective_at: datetime
) -> int:
    """Add what is new and revise what changed; how many specifications the table has.

    `effective_at` is on the site clock that judges. Repeating it changes nothing. Raises LoadRefused for unknown
    codes, a row without a limit and a row without a requirement: nothing is judged against an untraced number.
    """
    act_as(None, process="load_masters")
    characteristics = {c.code: c for c in Characteristic.objects.all()}
    materials = {m.code: m for m in MaterialDefinition.objects.all()}
    requirements = {r.code: r for r in Requirement.objects.all()}
    rows = read_table(path)
    for row in rows:
        characteristic = find(characteristics, row["characteristic"], path=path, what="characteristic")
        requirement = find(requirements, row["requirement"], path=path, what="requirement")
        if characteristic is None or requirement is None:
            raise LoadRefused(
                f"{path.name}: {row['characteristic']!r} needs a characteristic and a requirement"
            )
        specification, _ = Specification.objects.get_or_create(
            characteristic=characteristic,
            product_revision=product_revision,
            material=find(materials, row["material"], path=path, what="material"),
        )
        _revise(specification, requirement, row, path, effective_at=effective_at)
    return len(rows)


def _revise(
    specification: Specification,
    requirement: Requirement,
    row: dict[str, str],
    path: Path,
    *,
    effective_at: datetime,
) -> None:
    lsl, usl = decimal_or_none(row["lsl"]), decimal_or_none(row["usl"])
    if lsl is None and usl is None:
        raise LoadRefused(f"{path.name}: {specification} has neither LSL nor USL")
    if row["source_type"] not in SourceType.values or not row["source"]:
        raise LoadRefused(f"{path.name}: {specification} needs a source and its type")
    content = {
        "lsl": lsl,
        "usl": usl,
        "target": decimal_or_none(row["target"]),
        "severity": row["severity"],
        "requirement": requirement,
        "source_type": row["source_type"],
        "source": row["source"],
    }
    latest = specification.lines.select_related("requirement").order_by("-revision").first()
    if latest is not None and all(getattr(latest, field) == value for field, value in content.items()):
        return
    SpecificationLine.objects.create(
        specification=specification,
        revision=latest.revision + 1 if latest else 1,
        effective_at=effective_at,
        change_reason=f"row of {path.name} changed" if latest else "first issue",
        **content,
    )
