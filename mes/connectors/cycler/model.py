"""What every reader gives: the records of one test, and what the file says about itself."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lots.science.formation.counters import UNKNOWN_PRECISION, CounterPrecision
from lots.science.formation.records import CyclerRecords
from mes.connectors.files import UnreadableFile


@dataclass(frozen=True)
class CyclerTest:
    """Records of a test. `format` names instrument and export.

    `started_at` is the instant of the first record without a zone, None where the file tells none: UTC if `is_utc`,
    else the wall clock of the cycler's computer. `ended_at_cutoff` says of step numbers whether they ended at the
    cut-off that the file's own step table sets; steps that the table does not decide are not in it.
    `counter` is how finely the instrument and its file count capacity. `names` are words of the file's head, among
    them what the test or the cell is called there.
    """

    format: str
    records: CyclerRecords
    started_at: datetime | None = None
    is_utc: bool = False
    ended_at_cutoff: Mapping[int, bool] = field(default_factory=dict)
    counter: CounterPrecision = UNKNOWN_PRECISION
    remarks: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()


_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,47}")
_MOST_NAMES = 400


def names_in(text: str) -> frozenset[str]:
    """Words of a file's head that could be the code of a cell, in capitals as codes are."""
    found = [word.rstrip("._-").upper() for word in _WORD.findall(text)]
    return frozenset(found[:_MOST_NAMES])


def from_unix_time(name: str, heading: str, seconds: float) -> datetime | None:
    """The instant of a first record, UTC without its zone; None where it is missing.

    Raises:
        UnreadableFile: a number that no clock of a cycler shows.
    """
    if math.isnan(seconds):
        return None
    try:
        instant = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    except (OverflowError, ValueError, OSError):
        instant = None
    if instant is None or not 1990 <= instant.year < 2200:
        raise UnreadableFile(
            f"{name}: column {heading!r} begins with {seconds:g}, which is no time of a test: give seconds since 1970."
        )
    return instant
