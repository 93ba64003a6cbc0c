"""manage.py spc FILE.csv: a control chart of a table, as JSON."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from django.core.management.base import BaseCommand, CommandError, CommandParser
from numpy.typing import NDArray

from spc.engine import RULE_SETS, Rule
from spc.engine.analysis import KINDS, VECTORS, ChartKind, Options, Readings, analyse
from spc.engine.conformance import to_plain
from spc.engine.rare_events import Limits

MOST_BYTES = 500_000_000


class Command(BaseCommand):
    help = "Draw a control chart of a CSV table: limits, statistics, signals and capability as JSON."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, help="CSV with a header line, one reading a line, in time order"
        )
        parser.add_argument("--chart", required=True, choices=[kind.value for kind in KINDS])
        parser.add_argument(
            "--value", metavar="COL", help="column of readings or counts; several, A,B, for t2 and mewma"
        )
        parser.add_argument(
            "--subgroup",
            metavar="COL",
            help="column that neighbours of a subgroup share: the part of short-run, the time of group",
        )
        parser.add_argument(
            "--stream", metavar="COL", help="column of the lane, spindle or zone of each reading (group)"
        )
        parser.add_argument("--size", metavar="COL", help="column of the number inspected (p, np, u, laney)")
        parser.add_argument("--phase1", type=int, metavar="N", help="estimate limits from the first N points")
        parser.add_argument(
            "--rules",
            default="default",
            help=f"{', '.join(RULE_SETS)}, or names separated by commas: {', '.join(rule.value for rule in Rule)}",
        )
        for name, words in (
            ("lsl", "lower specification limit"),
            ("usl", "upper specification limit"),
            ("target", "target; of EWMA and CUSUM the centre line, too"),
        ):
            parser.add_argument(f"--{name}", type=float, help=words)
        parser.add_argument("--weight", type=float, help="lambda of ewma (0.2) and mewma (0.1)")
        parser.add_argument("--width", type=float, default=3.0, help="L of ewma (3)")
        parser.add_argument(
            "--shift", type=float, default=1.0, help="shift that a cusum looks for, in sigma (1)"
        )
        parser.add_argument("--interval", type=float, default=5.0, help="decision interval h of a cusum (5)")
        parser.add_argument(
            "--head-start", type=float, default=0.0, help="of a cusum, half of the interval is usual (0)"
        )
        parser.add_argument(
            "--limits",
            default=Limits.SIGMA.value,
            choices=[kind.value for kind in Limits],
            help="of g and t (sigma)",
        )
        parser.add_argument(
            "--fraction", type=float, default=0.01, help="beyond a specification limit, still accepted (0.01)"
        )
        parser.add_argument(
            "--alpha", type=float, default=0.00135, help="risk of an acceptance chart to reject it (0.00135)"
        )
        parser.add_argument(
            "--span", type=int, default=2, metavar="N", help="readings that a moving range of imr is of (2)"
        )
        parser.add_argument("--limit", type=float, default=8.66, help="h4 of mewma (8.66)")
        parser.add_argument("--confidence", type=float, default=0.9973, help="of a t2 limit (0.9973)")
        parser.add_argument(
            "--coverage", type=float, help="tolerance intervals that hold this fraction, such as 0.99"
        )
        parser.add_argument(
            "--coverage-confidence", type=float, default=0.95, help="of the tolerance intervals (0.95)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        kind = ChartKind(options["chart"])
        table = read_table(options["file"])
        try:
            found = analyse(
                _readings(table, kind, options),
                Options(
                    kind=kind,
                    rules=rules_named(options["rules"]),
                    phase1=options["phase1"],
                    lsl=options["lsl"],
                    usl=options["usl"],
                    target=options["target"],
                    weight=options["weight"] or (0.1 if kind is ChartKind.MEWMA else 0.2),
                    width=options["width"],
                    shift=options["shift"],
                    interval=options["interval"],
                    limit=options["limit"],
                    confidence=options["confidence"],
                    head_start=options["head_start"],
                    limits=Limits(options["limits"]),
                    fraction=options["fraction"],
                    alpha=options["alpha"],
                    span=options["span"],
                    coverage=options["coverage"],
                    coverage_confidence=options["coverage_confidence"],
                ),
            )
        except ValueError as error:  # every refusal of the engine is one, and says what would be right
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(to_plain(found)))


def read_table(file: Path) -> pd.DataFrame:
    """The CSV as text cells; empty ones stay empty. Raises CommandError."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise CommandError(f"{file} is larger than {MOST_BYTES // 10**6} MB: split it")
        table = pd.read_csv(file, dtype=str, keep_default_na=False, skipinitialspace=True)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise CommandError(
            f"{file} is not a CSV table with a header line: {str(error).strip()}. Columns are separated by commas;"
            " a number has a decimal point, such as 12.5"
        ) from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the cells too many for names of rows
        raise CommandError(
            f"{file}: line 2 has more cells than the header line. Columns are separated by commas; a number has a"
            " decimal point, such as 12.5"
        )
    if table.empty:
        raise CommandError(f"{file} has a header line and no readings below it")
    if len(table.columns) == 1 and ";" in table.columns[0]:
        raise CommandError(
            f"{file} separates its columns by semicolons: save it with commas and decimal points"
        )
    if len(table.columns) == 1:
        table = _with_gaps(file, table)
    return table.rename(columns=str.strip)


def _with_gaps(file: Path, table: pd.DataFrame) -> pd.DataFrame:
    """A table of one column with its blank lines: each is a missing reading, but for those at either end."""
    own = pd.read_csv(
        file, dtype=str, keep_default_na=False, skipinitialspace=True, skip_blank_lines=False, header=None
    )
    lines = own[0].fillna("").str.strip()
    written = lines.index[lines != ""]
    if len(written) != len(table) + 1:  # a quoted empty cell, or lines that only seem blank: as read before
        return table
    kept = lines.loc[written[0] + 1 : written[-1]].reset_index(drop=True)
    return pd.DataFrame({table.columns[0]: kept})


def rules_named(text: str) -> tuple[Rule, ...]:
    """The rules of a set's name, or of a list of names. Raises CommandError naming those there are."""
    if text in RULE_SETS:
        return RULE_SETS[text]
    try:
        return tuple(Rule(name.strip()) for name in text.split(","))
    except ValueError:
        known = ", ".join([*RULE_SETS, *(rule.value for rule in Rule)])
        raise CommandError(f"--rules {text!r}: choose from {known}") from None


def _readings(table: pd.DataFrame, kind: ChartKind, options: dict[str, Any]) -> Readings:
    used = {options["subgroup"], options["size"], options["stream"]} - {None}
    if options["value"]:
        names = [name.strip() for name in options["value"].split(",")]
    else:
        free = [name for name in table.columns if name not in used]
        # Where there is but one column, what is wrong with it is told by line.
        names = free if len(free) == 1 else [name for name in free if _is_numeric(table[name])]
        if kind not in VECTORS and len(names) != 1:
            raise CommandError(
                f"--value: name the column of readings; the file has {', '.join(map(str, table.columns)) or 'none'}"
            )
    columns = [_numbers(table, name, "--value") for name in names]
    values = np.column_stack(columns) if columns else np.empty((len(table), 0))
    subgroup: tuple[Hashable, ...] | None = None
    if options["subgroup"]:
        subgroup = tuple(_column(table, options["subgroup"], "--subgroup"))
    size = _numbers(table, options["size"], "--size") if options["size"] else None
    stream = tuple(_column(table, options["stream"], "--stream")) if options["stream"] else None
    return Readings(values, subgroup, size, stream)


def _is_numeric(column: pd.Series) -> bool:
    cells = column[column.str.strip() != ""]
    return len(cells) > 0 and bool(pd.to_numeric(cells, errors="coerce").notna().all())


def _column(table: pd.DataFrame, name: str, option: str) -> pd.Series:
    if name not in table.columns:
        raise CommandError(
            f"{option} {name!r} is not a column; the file has {', '.join(map(str, table.columns)) or 'none'}"
        )
    return table[name]


def _numbers(table: pd.DataFrame, name: str, option: str) -> NDArray[np.float64]:
    """A column as numbers, empty cells as NaN. Raises CommandError naming the line of the first that is none."""
    cells = _column(table, name, option).str.strip()
    numbers = pd.to_numeric(cells, errors="coerce")
    wrong = (numbers.isna() & (cells != "")).to_numpy()
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise CommandError(
            f"line {row + 2}, column {name!r}: {cells.iloc[row]!r} is not a number; use a point, such as 12.5,"
            " and leave a missing reading's cell empty"
        )
    return np.asarray(numbers, dtype=np.float64)
