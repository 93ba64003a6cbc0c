"""Tables as the file that an artifact is: PDF, workbook, or comma-separated values."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import xlsxwriter

from mes.documents.cells import harmless
from mes.documents.pdf import render
from quality.package.table import Cell, Table

WIDE, NARROW = 44, 16
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


def tables_pdf(title: str, tables: Sequence[Table], *, head: Mapping[str, Any], link: str) -> bytes:
    """`head` names the record and its site: `package`, `subject`, `site_name`, `site`, `simulated`, `built_at`."""
    content = {
        **head,
        "title": title,
        "tables": [
            {
                "title": table.title,
                "head": list(table.head),
                "rows": [["" if cell is None else str(cell) for cell in row] for row in table.rows],
                "words": table.words,
                "wide": list(table.wide),
            }
            for table in tables
        ],
    }
    return render("tables", content, link=link)


def tables_xlsx(title: str, tables: Sequence[Table]) -> bytes:
    """One sheet per table. Texts stay texts: a code such as `1E5` is no number and `=x` no formula."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"title": title})
        bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
        for table in tables:
            sheet = book.add_worksheet(table.title[:31])
            sheet.write_row(0, 0, table.head, bold)
            sheet.freeze_panes(1, 1)
            for column in range(len(table.head)):
                sheet.set_column(column, column, WIDE if column in table.wide else NARROW, wrapped)
            for number, row in enumerate(table.rows, start=1):
                for column, cell in enumerate(row):
                    if isinstance(cell, int | float | Decimal):  # exact ones stand in the raw data
                        sheet.write_number(number, column, float(cell))
                    elif cell is not None:
                        sheet.write_string(number, column, cell)
            sheet.autofilter(0, 0, max(1, len(table.rows)), len(table.head) - 1)
    return buffer.getvalue()


def tables_csv(tables: Sequence[Table]) -> bytes:
    """The tables one below the other, each under its head, an empty line between them.

    A text that a spreadsheet would take for a formula has an apostrophe before it; a number stays one.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    for number, table in enumerate(tables):
        if number:
            writer.writerow([])
        writer.writerow(table.head)
        writer.writerows([_csv_cell(cell) for cell in row] for row in table.rows)
    return buffer.getvalue().encode()


def _csv_cell(cell: Cell) -> Cell:
    return harmless(cell) if isinstance(cell, str) and not NUMBER.fullmatch(cell) else cell
