"""A raw record as a door hands it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from lots.science.raw_records import RecordKind

# What one unit of a record's first column is in time; a map has none.
UNITS = {RecordKind.MASS: timedelta(minutes=1), RecordKind.PRESSURE: timedelta(seconds=1)}


@dataclass(frozen=True)
class Series:
    """A record as it was delivered. `posted` are derived values by code, as decimal text."""

    kind: RecordKind
    columns: Mapping[str, NDArray[np.float64]] = field(repr=False)
    started_at: datetime
    gauge: str
    equipment: str = ""
    step: str = ""
    posted: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    format: str = "Halite series"
    sha256: str = ""
    size_bytes: int = 0
