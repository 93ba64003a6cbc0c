"""A table of an artifact, whatever file it becomes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

Cell = str | int | float | Decimal | None


@dataclass(frozen=True)
class Table:
    """`wide` names the columns (by number) that carry sentences."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    words: str = ""  # said above the table
    wide: tuple[int, ...] = ()


def text(value: Decimal | None) -> str:
    """A decimal without trailing zeros; an empty text for none."""
    return "" if value is None else f"{value.normalize():f}"


def instant(at: datetime | None) -> str:
    """An instant in UTC to the second, as ISO 8601."""
    return "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def tables_digest(tables: Iterable[Table]) -> str:
    """SHA-256 of what the tables say, whatever file they become."""
    content = [(table.title, table.head, table.rows, table.words) for table in tables]
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()
