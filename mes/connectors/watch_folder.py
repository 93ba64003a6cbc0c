"""A folder into which instruments write: each file is imported for the cell that its name begins with.

`CELL-7.ndax`, `CELL-7__run2.csv`, `CELL-7__soc50__25C.z`: the part before a double underscore is the cell's code; a
spectrum carries its state of charge and temperature. Files stay where they are and are imported again when they have
grown. What cannot be used, now or later, is moved into `quarantine/` beside a text that says why.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from lots.envelope import InvalidSubmission
from lots.models import Lot, Site, User
from mes.connectors.files import UnreadableFile
from mes.connectors.impedance.read import is_impedance_file
from mes.connectors.import_cycler import ImportRefused, NotYet, import_cycler_file
from mes.connectors.import_impedance import conditions, import_impedance_file

QUARANTINE = "quarantine"
MAX_FILES_A_ROUND = 1_000
# A file that was written to within this time may still be incomplete: it is read, but never moved away.
SETTLE_S = 60.0

_SOC = re.compile(r"(?:^|__)soc(\d+(?:[.,]\d+)?)(?:__|$)", re.IGNORECASE)
_TEMPERATURE = re.compile(r"(?:^|__)(-?\d+(?:[.,]\d+)?)c(?:__|$)", re.IGNORECASE)


class Result(StrEnum):
    IMPORTED = "imported"
    RECOGNISED = "recognised"
    WAITING = "waiting"  # the file is good, the cell or the test is not so far yet
    QUARANTINED = "quarantined"


@dataclass(frozen=True)
class Outcome:
    name: str
    result: Result
    words: str


@dataclass
class WatchedFolder:
    """One folder of one site. Remembers size and time of what it has seen, so that only changes are read."""

    folder: Path
    site: Site
    user: User
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def round(self, *, now: datetime, clock_s: float) -> list[Outcome]:
        """Import what is new or has grown since the last round. `clock_s`: seconds since the epoch, as of files."""
        outcomes = []
        for path in self._files():
            status = path.stat()
            mark = (status.st_size, status.st_mtime_ns)
            if self._seen.get(path.name) == mark:
                continue
            outcome = self._take(path, now=now, settled=clock_s - status.st_mtime >= SETTLE_S)
            if outcome is None:
                continue
            outcomes.append(outcome)
            # What waits for its cell is tried again; so is a file that was still being written to.
            if outcome.result in (Result.IMPORTED, Result.RECOGNISED):
                self._seen[path.name] = mark
        return outcomes

    def _files(self) -> list[Path]:
        """Regular files of the folder itself: no links, no hidden files, nothing below it."""
        with os.scandir(self.folder) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
            ]
        return [self.folder / name for name in sorted(names)[:MAX_FILES_A_ROUND]]

    def _take(self, path: Path, *, now: datetime, settled: bool) -> Outcome | None:
        code = path.stem.split("__")[0]
        cell = (
            Lot.objects.select_related("site", "material", "work_order")
            .filter(site=self.site, code=code)
            .first()
        )
        if cell is None:
            words = f"{path.name}: no lot {code[:48]!r} at {self.site.code}; name the file after its cell."
            return self._refuse(path, words) if settled else None
        try:
            recognised, remarks = self._import(path, cell, now)
        except NotYet as refusal:
            return Outcome(path.name, Result.WAITING, str(refusal))
        except (ImportRefused, UnreadableFile, InvalidSubmission) as refusal:
            return self._refuse(path, str(refusal)) if settled else None
        result = Result.RECOGNISED if recognised else Result.IMPORTED
        return Outcome(path.name, result, " ".join(remarks))

    def _import(self, path: Path, cell: Lot, now: datetime) -> tuple[bool, tuple[str, ...]]:
        if is_impedance_file(path):
            soc, temperature = _SOC.search(path.stem), _TEMPERATURE.search(path.stem)
            soc_pct, temperature_c = conditions(
                soc.group(1) if soc else "", temperature.group(1) if temperature else ""
            )
            spectrum = import_impedance_file(
                path, cell=cell, user=self.user, now=now, soc_pct=soc_pct, temperature_c=temperature_c
            )
            return spectrum.recognised, spectrum.remarks
        test = import_cycler_file(path, cell=cell, user=self.user, now=now, running=True)
        return test.recognised, test.remarks

    def _refuse(self, path: Path, words: str) -> Outcome:
        quarantine = self.folder / QUARANTINE
        quarantine.mkdir(exist_ok=True)
        target = quarantine / path.name
        number = 1
        while target.exists():
            number += 1
            target = quarantine / f"{path.stem}.{number}{path.suffix}"
        path.rename(target)
        target.with_name(target.name + ".reason.txt").write_text(words + "\n")
        return Outcome(path.name, Result.QUARANTINED, words)
