"""Text exports of cyclers: find the header, recognise the layout, read the columns that matter."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lots.science.formation.counters import CounterPrecision
from lots.science.formation.records import CyclerRecords, Floats, Ints, runs, steps_from_current
from lots.science.formation.segments import REST_SHARE
from mes.connectors.cycler import layouts
from mes.connectors.cycler.layouts import Clock, Column, CurrentSign, Layout, normal
from mes.connectors.cycler.model import CyclerTest, from_unix_time, names_in
from mes.connectors.files import UnreadableFile

_HEADER_WITHIN_LINES = 300
_HEADER_WITHIN_BYTES = 256_000
_SEPARATORS = (",", "\t", ";")
MAX_ROWS = 5_000_000
_DECODED_AT_ONCE = 1 << 20
_LARGEST_COUNT = 1e9
_AROUND = ' \t\r"'  # what may stand around a value


@dataclass(frozen=True)
class _Header:
    layout: Layout
    headings: tuple[str, ...]
    separator: str
    data_offset: int


def read_text(name: str, content: bytes) -> CyclerTest | None:
    """The test that a text export holds, None when its columns are those of no known layout.

    Raises:
        UnreadableFile: a known layout whose records are missing, cut off or not numbers.
    """
    content = _utf8(content)
    header = _find_header(content)
    if header is None:
        return None
    frame = _Table(name, content, header)
    head = content[: header.data_offset].decode("utf-8", errors="replace")
    return replace(_test(name, header.layout, frame), names=names_in(head))


def _utf8(content: bytes) -> bytes:
    """EC-Lab and others write their unit signs in Latin-1."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(content), _DECODED_AT_ONCE):
            decoder.decode(content[start : start + _DECODED_AT_ONCE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return content.decode("latin-1").encode("utf-8")
    return content


def _find_header(content: bytes) -> _Header | None:
    offset = 0
    for line in content[:_HEADER_WITHIN_BYTES].splitlines(keepends=True)[:_HEADER_WITHIN_LINES]:
        offset += len(line)
        text = line.decode("utf-8", errors="replace").strip("\r\n")
        for separator in _SEPARATORS:
            headings = tuple(normal(part) for part in text.split(separator))
            if len(headings) < 3:
                continue
            for layout in layouts.LAYOUTS:
                if layout.required() <= set(headings):
                    return _Header(layout, headings, separator, offset)
    return None


class _Table:
    """The columns of the layout as text, named by their headings, each read when it is asked for.

    Text takes several times the memory of its numbers, so only one column of it is held at a time.

    Raises:
        UnreadableFile: no records, too many, or columns that the header names and the records lack.
    """

    def __init__(self, name: str, content: bytes, header: _Header) -> None:
        self._name, self._header = name, header
        if not content.endswith(b"\n", 0, header.data_offset):
            raise UnreadableFile(f"{name} holds no records: export it again after the test has run.")
        self._content = content
        self._lines_before = content.count(b"\n", 0, header.data_offset)
        self.columns = frozenset(_wanted(header.layout, header.headings))
        self._held = ("", pl.Series())
        self.height = self[header.layout.time.heading].len()
        if self.height == 0:
            raise UnreadableFile(f"{name} holds no records: export it again after the test has run.")
        if self.height > MAX_ROWS:
            raise UnreadableFile(f"{name} holds more than {MAX_ROWS:,} records: export the test in parts.")

    def __getitem__(self, heading: str) -> pl.Series:
        if self._held[0] != heading:
            self._held = ("", pl.Series())  # before the next is read
            self._held = (heading, self._read(heading))
        return self._held[1]

    def _read(self, heading: str) -> pl.Series:
        name = self._name
        try:
            frame = pl.read_csv(
                self._content,
                has_header=False,
                skip_lines=self._lines_before,
                separator=self._header.separator,
                columns=[self._header.headings.index(heading)],
                infer_schema=False,
                truncate_ragged_lines=True,
                quote_char=None,  # a stray quote must not swallow the records after it
                n_rows=MAX_ROWS + 1,
            )
        except pl.exceptions.NoDataError as error:
            raise UnreadableFile(
                f"{name} holds no records: export it again after the test has run."
            ) from error
        except pl.exceptions.PolarsError as error:
            raise UnreadableFile(f"{name} is not a complete table: export it again.") from error
        if frame.width != 1:
            raise UnreadableFile(f"{name} has fewer columns than its header says: export it again.")
        return frame.to_series()


def _wanted(layout: Layout, headings: Sequence[str]) -> set[str]:
    optional = [layout.temperature, layout.date, *layouts.OPTIONAL_TEMPERATURE]
    optional += [*layouts.OPTIONAL_STEP, *layouts.OPTIONAL_CYCLE, *layouts.UNIX_TIME]
    optional += [heading for pair in layouts.OPTIONAL_COUNTERS for heading in pair]
    optional += [layout.step_time.heading] if layout.step_time else []
    return set(layout.required()) | {heading for heading in optional if heading in headings}


def _test(name: str, layout: Layout, frame: _Table) -> CyclerTest:
    time = _time(name, frame, layout.time, layout.time_clock)
    current = _numbers(name, frame, layout.current)
    step_time = None
    if layout.step_time is not None and layout.step_time.heading in frame.columns:
        step_time = _time(name, frame, layout.step_time, layout.time_clock)
    counters, resolution = _counters(name, layout, frame)
    if layout.sign is CurrentSign.BY_STATE:
        state = frame[layout.state].str.strip_chars(_AROUND).fill_null("")
        direction = np.where(state.is_in(list(layout.discharge_states)).to_numpy(), -1.0, 0.0)
        direction += state.is_in(list(layout.charge_states)).to_numpy()
        current = np.abs(current) * direction
    records = CyclerRecords(
        time_s=time,
        voltage_v=_numbers(name, frame, layout.voltage),
        current_a=current,
        step=_steps(name, layout, frame, current),
        cycle=_optional_integers(name, frame, (layout.cycle, *layouts.OPTIONAL_CYCLE)),
        step_time_s=step_time,
        counters_ah=counters,
        temperature_c=_temperature(frame, layout),
    )
    started_at, is_utc = _started_at(name, layout, frame)
    return CyclerTest(layout.name, records, started_at, is_utc=is_utc, counter=CounterPrecision(resolution))


def _numbers(name: str, frame: _Table | pl.DataFrame, column: Column) -> Floats:
    text = frame[column.heading].str.strip_chars(_AROUND)
    values = text.cast(pl.Float64, strict=False)
    if values.null_count() and text.str.contains(",", literal=True).any():
        values = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    if values.null_count():
        row = int(values.is_null().arg_max() or 0) + 1
        words = "is cut off" if row == frame.height else "has no number there"
        raise UnreadableFile(
            f"{name}: column {column.heading!r} cannot be read in record {row} of {frame.height}, which {words}:"
            " export it again when the test has stopped."
        )
    if values.is_infinite().any():
        row = int(values.is_infinite().arg_max() or 0) + 1
        raise UnreadableFile(
            f"{name}: column {column.heading!r} holds no measured number in record {row}: export it again."
        )
    return np.asarray(values.to_numpy(), dtype=np.float64) * column.scale


def _time(name: str, frame: _Table, column: Column, clock: Clock) -> Floats:
    if clock is Clock.NUMBER:
        return _numbers(name, frame, column)
    text = frame[column.heading].str.strip_chars(_AROUND)
    days = text.str.extract(r"^(\d+)d").cast(pl.Float64, strict=False).fill_null(0.0)
    parts = [text.str.extract(r"(?:^|\s)(\d+):(\d+):([\d.]+)$", group) for group in (1, 2, 3)]
    hours, minutes, seconds = (part.cast(pl.Float64, strict=False) for part in parts)
    total = days * 86400.0 + hours * 3600.0 + minutes * 60.0 + seconds
    return _numbers(name, pl.DataFrame({column.heading: total.cast(pl.String)}), column)


def _counters(name: str, layout: Layout, frame: _Table) -> tuple[tuple[Floats, ...], float]:
    columns = list(layout.counters)
    if not columns:
        for pair in layouts.OPTIONAL_COUNTERS:
            if set(pair) <= set(frame.columns):
                columns = [Column(heading) for heading in pair]
    if layout.net_counter is not None:
        net = _numbers(name, frame, layout.net_counter)
        moved = np.diff(net, prepend=net[:1])
        counted = (np.cumsum(np.maximum(moved, 0.0)), np.cumsum(np.maximum(-moved, 0.0)))
        return counted, _resolution(frame, layout.net_counter)
    if not columns:
        return (), 0.0
    return (
        tuple(_numbers(name, frame, column) for column in columns),
        max(_resolution(frame, column) for column in columns),
    )


def _resolution(frame: _Table, column: Column) -> float:
    """One unit of the last decimal that the column is written with; floats in full give none."""
    text = frame[column.heading].str.strip_chars(_AROUND)
    if text.str.contains("(?i)e").any():
        return 0.0
    decimals = text.str.extract(r"\.(\d+)$").str.len_chars().max()
    return float(10.0 ** -int(decimals)) * column.scale if isinstance(decimals, int) else 0.0


def _steps(name: str, layout: Layout, frame: _Table, current: Floats) -> Ints:
    heading = next((known for known in (layout.step, *layouts.OPTIONAL_STEP) if known in frame.columns), None)
    if heading is None:
        return steps_from_current(current, rest_a=REST_SHARE * float(np.max(np.abs(current))))
    labels: list[NDArray[np.generic]] = [_numbers(name, frame, Column(heading))]
    cycles = (layout.cycle, *layouts.OPTIONAL_CYCLE)
    labels += [_numbers(name, frame, Column(other)) for other in cycles if other and other in frame.columns]
    if layout.sign is CurrentSign.BY_STATE:
        labels.append(np.sign(current))
    return runs(*labels)


def _optional_integers(name: str, frame: _Table, headings: Sequence[str]) -> Ints | None:
    heading = next((known for known in headings if known and known in frame.columns), None)
    if heading is None:
        return None
    return whole_numbers(name, heading, _numbers(name, frame, Column(heading)))


def whole_numbers(name: str, heading: str, values: Floats) -> Ints:
    """Counts as integers.

    Raises:
        UnreadableFile: a value that no count has.
    """
    if not np.all(np.abs(values) < _LARGEST_COUNT):
        raise UnreadableFile(f"{name}: column {heading!r} holds a value that is no count: export it again.")
    return np.asarray(np.rint(values), dtype=np.int64)


def _temperature(frame: _Table, layout: Layout) -> Floats | None:
    for heading in (layout.temperature, *layouts.OPTIONAL_TEMPERATURE):
        if heading and heading in frame.columns:
            values = frame[heading].str.strip_chars(_AROUND).cast(pl.Float64, strict=False).to_numpy()
            return np.asarray(values, dtype=np.float64)
    return None


def _started_at(name: str, layout: Layout, frame: _Table) -> tuple[datetime | None, bool]:
    """Instant of the first record, None where the file tells none, and whether it is UTC."""
    heading = next((known for known in layouts.UNIX_TIME if known in frame.columns), None)
    if heading is not None:
        seconds = frame[heading].head(1).str.strip_chars(_AROUND).cast(pl.Float64, strict=False).item()
        if seconds is not None:
            return from_unix_time(name, heading, seconds), True
    if not layout.date or layout.date not in frame.columns:
        return None, False
    first = frame[layout.date].head(1).str.strip_chars(_AROUND)
    for pattern in layout.dates:
        try:
            parsed = first.str.to_datetime(pattern, strict=False).item()
        except pl.exceptions.PolarsError:
            continue
        if isinstance(parsed, datetime):
            return parsed, False
    return None, False
