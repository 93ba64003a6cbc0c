"""A raw record as a text table: what it is, is decided by its headings, not by its name.

Above the headings may stand lines `# name: value`: `started` (ISO 8601 with its zone), `gauge`, `equipment`, `step`,
and any derived value by its code, such as `# drying.endpoint_min: 22`, which is then checked against the record.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lots.science.raw_records import (
    BORDER,
    CODES,
    LANE,
    MOST_CELLS,
    MOST_ROWS,
    RecordKind,
    checked_columns,
    rounding_of,
)
from mes.connectors.files import UnreadableFile, read_bounded

MAX_BYTES = 32_000_000
_HEAD_BYTES = 16_000
_HEAD_LINES = 100
_SEPARATORS = (",", ";", "\t")
_WORDS = ("started", "gauge", "equipment", "step")


@dataclass(frozen=True)
class SeriesFile:
    """Columns checked; `posted` are derived values that the file itself states, as text, by code."""

    kind: RecordKind
    columns: dict[str, NDArray[np.float64]] = field(repr=False)
    started_at: datetime
    gauge: str
    equipment: str
    step: str
    posted: dict[str, str]
    sha256: str
    size_bytes: int


def is_series_file(path: Path) -> bool:
    """Whether the file begins with the headings of a raw record."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return _headings(head.decode("utf-8-sig", errors="replace").splitlines()) is not None


def read_series_file(path: Path, *, max_bytes: int = MAX_BYTES) -> SeriesFile:
    """Read a raw record.

    Raises:
        UnreadableFile: no such file, too large, not a raw record, or a value that cannot be used; the message names it.
    """
    content = read_bounded(path, max_bytes=max_bytes)
    # Lines take many times the memory of their bytes; blank ones between the rows are borne.
    if content.count(b"\n") > 2 * MOST_ROWS + _HEAD_LINES:
        raise UnreadableFile(
            f"{path.name} holds more than {MOST_ROWS:,} rows: export it in parts or thinned out."
        )
    lines = content.decode("utf-8-sig", errors="replace").splitlines()
    found = _headings(lines)
    if found is None:
        raise UnreadableFile(
            f"{path.name} is no raw record: its headings are time_min, mass_g or time_s, pressure_mbar or metre and"
            " lane_1 … (border_1 … for lanes in the coating border)."
        )
    kind, names, separator, first = found
    words = dict(_word(line) for line in lines[: first - 1] if line.startswith("#") and ":" in line)
    try:
        columns = checked_columns(kind, _table(lines[first:], names, separator, offset=first))
        posted = {name: text for name, text in words.items() if "." in name}
        _check_posted(kind, posted)
        started = _instant(words.get("started", ""))
    except ValueError as error:
        raise UnreadableFile(f"{path.name} cannot be used: {error}.") from error
    return SeriesFile(
        kind=kind,
        columns=columns,
        started_at=started,
        posted=posted,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        gauge=words.get("gauge", ""),
        equipment=words.get("equipment", ""),
        step=words.get("step", ""),
    )


def _headings(lines: list[str]) -> tuple[RecordKind, tuple[str, ...], str, int] | None:
    """Kind, column names, separator and the number of the first row of values."""
    for number, line in enumerate(lines[:_HEAD_LINES]):
        if not line.strip() or line.startswith("#"):
            continue
        for separator in _SEPARATORS:
            names = tuple(part.strip().strip('"').lower() for part in line.split(separator))
            kind = _kind(names)
            if kind is not None and len(set(names)) == len(names):
                return kind, names, separator, number + 1
        return None
    return None


def _kind(names: tuple[str, ...]) -> RecordKind | None:
    if names == ("time_min", "mass_g"):
        return RecordKind.MASS
    if names == ("time_s", "pressure_mbar"):
        return RecordKind.PRESSURE
    is_map = len(names) > 1 and names[0] == "metre" and all(n.startswith((LANE, BORDER)) for n in names[1:])
    return RecordKind.THICKNESS if is_map else None


def _word(line: str) -> tuple[str, str]:
    name, _, text = line.removeprefix("#").partition(":")
    return name.strip().lower(), text.strip()


def _table(
    lines: list[str], names: tuple[str, ...], separator: str, *, offset: int
) -> dict[str, NDArray[np.float64]]:
    """Columns of the rows; an empty field is not-a-number. A decimal comma goes with `;` and tabs only."""
    rows: list[list[float]] = []
    most = min(MOST_ROWS, MOST_CELLS // len(names))
    for number, line in enumerate(lines, start=offset + 1):
        if not line.strip():
            continue
        if len(rows) == most:
            raise ValueError(
                f"{names[0]}: a record holds at most {MOST_ROWS:,} rows and {MOST_CELLS:,} values, here {most:,} rows"
            )
        parts = line.split(separator)
        if len(parts) != len(names):
            raise ValueError(f"line {number} holds {len(parts)} values, the headings are {len(names)}")
        if separator != ",":
            parts = [part.replace(",", ".") for part in parts]
        try:
            rows.append([float(part) if part.strip() else np.nan for part in parts])
        except ValueError:
            raise ValueError(f"line {number} holds a value that is not a number") from None
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    return {name: table[:, index] for index, name in enumerate(names)}


def _check_posted(kind: RecordKind, posted: dict[str, str]) -> None:
    for code, text in posted.items():
        if code not in CODES[kind]:
            raise ValueError(f"{code} does not follow from a record of kind {kind}")
        try:
            is_number = np.isfinite(float(text)) and np.isfinite(rounding_of(text))
        except (ArithmeticError, ValueError):
            is_number = False
        if not is_number:
            raise ValueError(f"{code} is {text!r}, not a number")


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("give a line '# started: 2026-03-01T08:30:00+01:00' above the headings") from None
    if instant.tzinfo is None:
        raise ValueError(f"started {text} has no zone; add one, such as +01:00")
    if not 2000 <= instant.year < 2200:
        raise ValueError(f"started {text}: the year is not between 2000 and 2199")
    return instant
