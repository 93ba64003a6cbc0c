"""Load the safety chain of a product from its table."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db import transaction

from lots.actions.acting import act_as
from lots.models import Product
from quality.actions.load_table import DATA, LoadRefused, read_table
from quality.actions.safety import KINDS, SafetyRefused, put_record

SAFETY = DATA / "safety_chain.csv"


@transaction.atomic
def load_safety_chain(product: Product, path: Path = SAFETY, *, now: datetime) -> int:
    """Add what is new and version what changed; how many records the table has. Repeating it changes nothing."""
    act_as(None, process="load_masters")
    rows = read_table(path)
    for row in rows:
        kind = row["kind"]
        fields = row | {"change_reason": f"{path.name} changed"}
        if kind in KINDS and KINDS[kind].parent:
            fields[KINDS[kind].parent] = row["parent"]
        try:
            put_record(product, kind, fields, user=None, now=now)
        except SafetyRefused as refusal:
            raise LoadRefused(f"{path.name}: {row['code']}: {refusal}") from refusal
    return len(rows)
