"""What every reader gives: the records of one test, and what the file says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lots.science.formation.records import CyclerRecords


@dataclass(frozen=True)
class CyclerTest:
    """Records of a test. `format` names instrument and export.

    `started_at` is the instant of the first record without a zone, None where the file tells none: UTC if `is_utc`,
    else the wall clock of the cycler's computer. `ended_at_cutoff` says of step numbers whether they ended at the
    cut-off that the file's own step table sets; steps that the table does not decide are not in it.
    `counter_resolution_ah` is the last decimal that the file gives of its capacity counters.
    """

    format: str
    records: CyclerRecords
    started_at: datetime | None = None
    is_utc: bool = False
    ended_at_cutoff: Mapping[int, bool] = field(default_factory=dict)
    counter_resolution_ah: float = 0.0
    remarks: tuple[str, ...] = ()
