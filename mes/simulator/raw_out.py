"""Raw records and instrument files, as a machine of the line would deliver them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class RecordOut:
    """Columns of one length, as the gauge shows them; `kind` and columns are those of API v1."""

    lot_code: str
    kind: str
    started_at: datetime
    gauge: str
    columns: dict[str, list[float]] = field(repr=False)


@dataclass(frozen=True)
class FileOut:
    """A file of an instrument for one cell; a spectrum carries its conditions."""

    lot_code: str
    content: bytes = field(repr=False)
    soc_pct: str = ""
    temperature_c: str = ""
