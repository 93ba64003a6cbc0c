"""The readings of a gauge study as a CSV table: written for the bench, read back with every error named."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from mes.documents.cells import harmless
from quality.actions.gauge_study import MOST_RUNS, GaugeStudyRefused
from quality.gauge_studies import Run, written_value
from quality.models import GaugeStudy

COLUMNS = ("run", "part", "operator", "trial", "value")
MOST_BYTES = 200_000
PROBLEMS_SHOWN = 8


def sheet(runs: Iterable[Run]) -> str:
    """The frozen order with the readings that count; empty values are still to be taken."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for run in runs:
        writer.writerow(
            [
                run.number + 1,
                *(harmless(name) for name in (run.part, run.operator)),
                run.trial,
                run.reading.value if run.reading else "",
            ]
        )
    return out.getvalue()


def read_sheet(raw: bytes, study: GaugeStudy, runs: list[Run]) -> dict[int, str]:
    """Run → text of every row that has a value and whose run is not read yet.

    Raises GaugeStudyRefused that names row and column of everything that is wrong.
    """
    if len(raw) > MOST_BYTES:
        raise GaugeStudyRefused(f"file: more than {MOST_BYTES} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise GaugeStudyRefused("file: is not UTF-8 text; save it as CSV (UTF-8)") from None
    delimiter = ";" if text.split("\n", 1)[0].count(";") > text.split("\n", 1)[0].count(",") else ","
    table = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    header = [name.strip().lower() for name in table[0]] if table else []
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise GaugeStudyRefused(
            f"file: row 1 must name the columns {', '.join(COLUMNS)}; {', '.join(missing)} is missing"
        )
    if len(table) > MOST_RUNS + 1:
        raise GaugeStudyRefused(f"file: more than {MOST_RUNS} rows")
    problems: list[str] = []
    found: dict[int, str] = {}
    for number, cells in enumerate(table[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            problems.append(f"row {number}: {len(cells)} columns, row 1 names {len(header)}")
            continue
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        problems += _take(row, number, study.design, runs, found)
    if problems:
        more = f"; and {len(problems) - PROBLEMS_SHOWN} more" if len(problems) > PROBLEMS_SHOWN else ""
        raise GaugeStudyRefused(f"file: {'; '.join(problems[:PROBLEMS_SHOWN])}{more}")
    if not found:
        raise GaugeStudyRefused("file: no row has a value that is still to be taken")
    return found


def _take(row: dict[str, str], number: int, design: str, runs: list[Run], found: dict[int, str]) -> list[str]:
    """Put the row's reading into `found`; answers what is wrong with it."""
    if not row["run"].isdecimal() or not 1 <= int(row["run"]) <= len(runs):
        return [f"row {number}, column run: {row['run']!r} is not between 1 and {len(runs)}"]
    run = runs[int(row["run"]) - 1]
    expected = {
        "part": harmless(run.part),
        "operator": harmless(run.operator),
        "trial": str(run.trial),
    }
    wrong = [
        f"row {number}, column {name}: {row[name]!r}, but run {run.number + 1} is {value!r}"
        for name, value in expected.items()
        if row[name] != value
    ]
    if wrong:
        return wrong
    if not row["value"] or run.reading is not None:
        return []
    if run.number in found:
        return [f"row {number}, column run: run {run.number + 1} stands twice"]
    try:
        written_value(design, row["value"])
    except ValueError as error:
        return [f"row {number}, column value: {error}"]
    found[run.number] = row["value"]
    return []
