"""A control plan as a workbook, there and back."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from mes.connectors.files import UnreadableFile, unpack_bounded
from quality.plan_table import COLUMNS, EDITABLE, PlanRefused, Row

SHEET = "Control plan"
LARGEST_ROWS = 2_000
LARGEST_BYTES = 5_000_000
LARGEST_UNPACKED_BYTES = 20_000_000
LARGEST_COLUMNS = 100
_PLACE = re.compile(rb"""\br=["']([A-Z]*)([0-9]+)["']""")


def plan_xlsx(rows: Sequence[Row], *, title: str) -> bytes:
    """The rows under their heads; grey columns are for the reader and not read back."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"title": title})
        bold, grey = book.add_format({"bold": True}), book.add_format({"font_color": "#777777"})
        sheet = book.add_worksheet(SHEET)
        for column, name in enumerate(COLUMNS):
            sheet.write_string(0, column, name, bold)
            sheet.set_column(column, column, 26 if name in {"characteristic", "rules", "frequency"} else 15)
            for number, row in enumerate(rows, start=1):
                sheet.write_string(number, column, row[name], None if name in EDITABLE else grey)
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, len(rows), len(COLUMNS) - 1)
    return buffer.getvalue()


def read_plan(content: bytes) -> list[dict[str, str]]:
    """The rows of an uploaded workbook's first sheet. Raises PlanRefused for what is no such workbook."""
    if len(content) > LARGEST_BYTES:
        raise PlanRefused(f"file: larger than {LARGEST_BYTES // 1_000_000} MB")
    _refuse_oversized(content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        table = book.get_sheet_by_index(0).to_python(skip_empty_area=True)
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise PlanRefused(f"file: cannot be read as a workbook (xlsx): {error}") from error
    heads = [str(head).strip() for head in table[0]] if table else []
    missing = [name for name in EDITABLE if name not in heads]
    if missing:
        raise PlanRefused(f"file: the first row lacks {', '.join(missing)}; export a plan to see the form")
    if len(table) > LARGEST_ROWS:
        raise PlanRefused(f"file: at most {LARGEST_ROWS} rows")
    return [
        {head: _text(cell) for head, cell in zip(heads, row, strict=False)}
        for row in table[1:]
        if any(str(cell).strip() for cell in row)
    ]


def _refuse_oversized(content: bytes) -> None:
    """A workbook that unfolds, or whose far cells span a table, beyond any plan: the reader would build all of it."""
    try:
        members = unpack_bounded(
            "file", content, suffixes=(".xml",), max_unpacked_bytes=LARGEST_UNPACKED_BYTES
        )
    except UnreadableFile as error:
        raise PlanRefused(
            "file: cannot be read as a workbook (xlsx): it is damaged, or unpacks to far more than a plan"
        ) from error
    for name, text in members.items():
        if not name.startswith("xl/worksheets/"):
            continue
        for column, row in _PLACE.findall(text):
            if int(row) > LARGEST_ROWS or _number_of(column) > LARGEST_COLUMNS:
                raise PlanRefused(f"file: at most {LARGEST_ROWS} rows and {LARGEST_COLUMNS} columns")


def _number_of(letters: bytes) -> int:
    """Column A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number


def _text(cell: object) -> str:
    """Numbers that a spreadsheet made of whole numbers are whole numbers again."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
