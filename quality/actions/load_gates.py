"""Load where the named gates stand."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from lots.actions.acting import act_as
from lots.models import MaterialDefinition, ProcessStep
from quality.actions.load_table import DATA, LoadRefused, find, read_table
from quality.models import GateCode, NamedGate, SourceType

GATES = DATA / "gates.csv"


@transaction.atomic
def load_gates(path: Path = GATES) -> int:
    """Add gates that are new; how many the table has. Steps must be loaded before.

    Raises LoadRefused for unknown codes, and when a stored gate reads differently.
    """
    act_as(None, process="load_masters")
    steps = {step.code: step for step in ProcessStep.objects.all()}
    rows = read_table(path)
    for row in rows:
        if row["code"] not in GateCode.values or row["material_kind"] not in MaterialDefinition.Kind.values:
            raise LoadRefused(f"{path.name}: {row['code']!r} of {row['material_kind']!r} is no gate")
        after = find(steps, row["after_step"], path=path, what="step")
        if after is None or row["source_type"] not in SourceType.values or not row["source"]:
            raise LoadRefused(f"{path.name}: {row['code']!r} needs a step, a source and its type")
        content = {
            "position": int(row["position"]),
            "after_step": after,
            "before_step": find(steps, row["before_step"], path=path, what="step"),
            "statement": row["statement"],
            "source_type": row["source_type"],
            "source": row["source"],
        }
        stored, new = NamedGate.objects.get_or_create(
            code=row["code"], material_kind=row["material_kind"], defaults=content
        )
        if not new and any(getattr(stored, name) != value for name, value in content.items()):
            raise LoadRefused(f"{path.name}: {stored} is stored with other content; it never changes")
    return len(rows)
