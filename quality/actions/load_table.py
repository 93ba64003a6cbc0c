"""Read the tables of `quality/data`."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from quality.models import SourceType

DATA = Path(__file__).resolve().parents[1] / "data"
T = TypeVar("T")


class LoadRefused(Exception):
    """A row cannot be loaded; the message names the file, the row and the fix."""


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header; fields stripped, absent ones empty."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: (text or "").strip() for name, text in row.items() if name is not None}
            for row in csv.DictReader(file)
        ]


def find(known: Mapping[str, T], code: str, *, path: Path, what: str) -> T | None:
    """The record that a code names; None for an empty code. Raises LoadRefused for an unknown one."""
    if not code:
        return None
    if code not in known:
        raise LoadRefused(f"{path.name}: {what} {code!r} is not known")
    return known[code]


def decimal_or_none(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def weakest_source_type(text: str) -> SourceType:
    """The weakest foundation that a wording such as "book+assumption" names.

    A number given as an assumption is one, whatever concept it is put on. Raises LoadRefused for a wording
    without any known part.
    """
    wording = text.lower()
    for part, source_type in (
        ("assumption", SourceType.ASSUMPTION),
        ("computed", SourceType.COMPUTED),
        ("scaled", SourceType.COMPUTED),
        ("literature", SourceType.LITERATURE),
        ("real", SourceType.REAL_DATA),
        ("aurora", SourceType.REAL_DATA),
        ("book", SourceType.HANDBOOK),
    ):
        if part in wording:
            return source_type
    raise LoadRefused(f"source type {text!r} names no known source")
