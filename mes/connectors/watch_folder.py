"""A folder into which instruments write: each file is imported for the cell that its name begins with.

`CELL-7.ndax`, `CELL-7__run2.csv`, `CELL-7__soc50__25C.z`: the part before a double underscore is the cell's code; a
spectrum carries its state of charge and temperature. Files stay where they are and are imported again when they have
grown, and once more when nothing was written for an hour: the test has ended then, and its last cycle counts as it is.
What cannot be used, now or later, is moved into `quarantine/` beside a text that says why. A file on which the import
itself fails is tried three times, then moved, too; meanwhile the others go on.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import structlog
from django.db import Error, InterfaceError, OperationalError, connection

from lots.envelope import InvalidSubmission
from lots.models import Lot, Site, User
from mes.connectors.files import UnreadableFile
from mes.connectors.impedance.read import is_impedance_file
from mes.connectors.import_cycler import ImportRefused, NotYet, StaysAsImported, import_cycler_file
from mes.connectors.import_impedance import conditions, import_impedance_file
from quality.permissions import NotPermitted

log = structlog.get_logger(__name__)

QUARANTINE = "quarantine"
MAX_FILES_A_ROUND = 1_000
# A file that was written to within this time may still be incomplete: it is read, but never moved away.
SETTLE_S = 60.0
ATTEMPTS = 3
# A test whose file was not written to for this time has ended. Longer than any rest without a record.
ENDED_AFTER_S = 3600.0

_SOC = re.compile(r"(?:^|__)soc(\d+(?:[.,]\d+)?)(?:__|$)", re.IGNORECASE)
_TEMPERATURE = re.compile(r"(?:^|__)(-?\d+(?:[.,]\d+)?)c(?:__|$)", re.IGNORECASE)


class Result(StrEnum):
    IMPORTED = "imported"
    RECOGNISED = "recognised"
    WAITING = "waiting"  # the file is good, the cell or the test is not so far yet
    QUARANTINED = "quarantined"
    FAILED = "failed"  # not by what the file holds, as far as is known: it is tried again


@dataclass(frozen=True)
class Outcome:
    name: str
    result: Result
    words: str


@dataclass(frozen=True)
class _Mark:
    """By which it is known whether a file has to be read again."""

    size: int
    modified_ns: int
    ended: bool


@dataclass
class WatchedFolder:
    """One folder of one site. Remembers size and time of what it has seen, so that only changes are read."""

    folder: Path
    site: Site
    user: User
    ended_after_s: float = ENDED_AFTER_S
    _seen: dict[str, _Mark] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)
    _last: str = ""

    def round(self, *, now: datetime, clock_s: float) -> list[Outcome]:
        """Import what is new or has grown since the last round. `clock_s`: seconds since the epoch, as of files.

        A file that fails is told and does not stop the others; a database that is away ends the round.
        """
        outcomes = []
        for path, mark in self._changed(clock_s):
            settled = clock_s - mark.modified_ns / 1e9 >= SETTLE_S
            try:
                outcome = self._take(path, now=now, settled=settled, running=not mark.ended)
                self._failures.pop(path.name, None)
            except Exception as error:
                if isinstance(error, FileNotFoundError) and not path.exists():
                    continue  # moved away by somebody else
                log.exception("watched_file_failed", file=_shown(path))
                outcomes.append(self._failed(path, error, settled=settled))
                if not _database_answers():
                    break
                continue
            if outcome is None:
                continue
            outcomes.append(outcome)
            # What waits for its cell is tried again; so is a file that was still being written to.
            if outcome.result in (Result.IMPORTED, Result.RECOGNISED):
                self._seen[path.name] = mark
        return outcomes

    def _changed(self, clock_s: float) -> list[tuple[Path, _Mark]]:
        """Files that have changed since they were seen, a bounded number in turn, so that none waits for ever.

        Regular files of the folder itself: no links, no hidden files, nothing below it.
        """
        marks = {}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.is_file(follow_symlinks=False):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                ended = clock_s - status.st_mtime >= self.ended_after_s
                mark = _Mark(status.st_size, status.st_mtime_ns, ended)
                if self._seen.get(entry.name) != mark:
                    marks[entry.name] = mark
        names = sorted(marks)
        if len(names) > MAX_FILES_A_ROUND:
            after = bisect_right(names, self._last)
            names = (names[after:] + names[:after])[:MAX_FILES_A_ROUND]
            self._last = names[-1]
        return [(self.folder / name, marks[name]) for name in names]

    def _failed(self, path: Path, error: Exception, *, settled: bool) -> Outcome:
        """What is no fault of the file is tried for ever: the database, the disk, the rights of the account."""
        words = f"{_shown(path)}: {error or type(error).__name__}"
        if isinstance(error, OperationalError | InterfaceError | OSError | NotPermitted) or not settled:
            return Outcome(_shown(path), Result.FAILED, words)
        attempts = self._failures.get(path.name, 0) + 1
        self._failures[path.name] = attempts
        if attempts < ATTEMPTS:
            return Outcome(_shown(path), Result.FAILED, words)
        try:
            return self._refuse(path, f"{words} (the import failed {attempts} times; see the log)")
        except OSError:
            log.exception("watched_file_stays", file=_shown(path))
            return Outcome(_shown(path), Result.FAILED, words)

    def _take(self, path: Path, *, now: datetime, settled: bool, running: bool) -> Outcome | None:
        code = path.stem.split("__")[0]
        if not code.isprintable():
            words = f"{_shown(path)}: the name holds what is no text; name the file after its cell."
            return self._refuse(path, words) if settled else None
        cell = (
            Lot.objects.select_related("site", "material", "work_order")
            .filter(site=self.site, code=code)
            .first()
        )
        if cell is None:
            words = f"{_shown(path)}: no lot {code[:48]!r} at {self.site.code}; name the file after its cell."
            return self._refuse(path, words) if settled else None
        try:
            recognised, remarks = self._import(path, cell, now, running)
        except NotYet as refusal:
            return Outcome(_shown(path), Result.WAITING, str(refusal))
        except StaysAsImported as refusal:
            return Outcome(_shown(path), Result.RECOGNISED, str(refusal))
        except (ImportRefused, UnreadableFile, InvalidSubmission) as refusal:
            return self._refuse(path, str(refusal)) if settled else None
        result = Result.RECOGNISED if recognised else Result.IMPORTED
        return Outcome(_shown(path), result, " ".join(remarks))

    def _import(self, path: Path, cell: Lot, now: datetime, running: bool) -> tuple[bool, tuple[str, ...]]:
        if is_impedance_file(path):
            soc, temperature = _SOC.search(path.stem), _TEMPERATURE.search(path.stem)
            soc_pct, temperature_c = conditions(
                soc.group(1) if soc else "", temperature.group(1) if temperature else ""
            )
            spectrum = import_impedance_file(
                path, cell=cell, user=self.user, now=now, soc_pct=soc_pct, temperature_c=temperature_c
            )
            return spectrum.recognised, spectrum.remarks
        test = import_cycler_file(path, cell=cell, user=self.user, now=now, running=running)
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
        target.with_name(target.name + ".reason.txt").write_text(words + "\n", encoding="utf-8")
        return Outcome(_shown(path), Result.QUARANTINED, words)


def _shown(path: Path) -> str:
    """A name as it can be printed and stored; bytes that are no text are escaped."""
    return path.name.encode("utf-8", "backslashreplace").decode()


def _database_answers() -> bool:
    try:
        connection.ensure_connection()
        return connection.is_usable()
    except Error:
        return False
