"""The traceability matrix as a workbook."""

from __future__ import annotations

import io

import xlsxwriter

from quality.traceability import Matrix

HEAD = (
    "Requirement",
    "Kind",
    "Title",
    "Revision",
    "Acceptance",
    "Source",
    "Characteristic",
    "Step",
    "LSL",
    "USL",
    "Unit",
    "Collected by",
    "Judged",
    "Out of specification",
    "Ppk",
    "Last verdict",
    "Suspect",
)


def matrix_xlsx(matrix: Matrix, *, title: str) -> bytes:
    """Two sheets: one row per requirement and specification line, and the gaps by the rule that they break."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as book:
        book.set_properties({"title": title})
        bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True})
        sheet = book.add_worksheet("Matrix")
        sheet.write_row(0, 0, HEAD, bold)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 1, 14)
        sheet.set_column(2, 5, 32, wrapped)
        sheet.set_column(6, 16, 16)
        line = 1
        for row in matrix.rows:
            revision = row.revision
            left = [
                row.requirement.code,
                row.requirement.kind,
                row.requirement.title,
                revision.number if revision else "",
                revision.acceptance if revision else "",
                f"{revision.source_type}: {revision.source}" if revision else "",
            ]
            for link in row.links or (None,):
                sheet.write_row(line, 0, left)
                if link is not None:
                    characteristic = link.line.specification.characteristic
                    right = [
                        characteristic.name,
                        characteristic.step.name,
                        "" if link.line.lsl is None else float(link.line.lsl),
                        "" if link.line.usl is None else float(link.line.usl),
                        characteristic.unit,
                        ", ".join(sorted({str(found.revision) for found in link.collected_by})),
                        link.share.judged if link.share else 0,
                        link.share.violating if link.share else 0,
                        "" if link.ppk is None else link.ppk,
                        link.last.verdict if link.last else "",
                        "suspect" if link.suspect else "",
                    ]
                    sheet.write_row(line, len(left), right)
                line += 1
        sheet.autofilter(0, 0, max(1, line - 1), len(HEAD) - 1)
        gaps = book.add_worksheet("Gaps")
        gaps.write_row(0, 0, ("Rule", "Requirement", "What is missing"), bold)
        gaps.set_column(2, 2, 90)
        for number, gap in enumerate(matrix.gaps, start=1):
            gaps.write_row(number, 0, (gap.rule, gap.requirement, gap.words))
    return buffer.getvalue()
