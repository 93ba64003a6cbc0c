"""Load the process-window table, every row of it, verbatim."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from lots.actions.acting import act_as
from lots.models import Characteristic
from quality.actions.load_table import DATA, LoadRefused, find, read_table, weakest_source_type
from quality.models import ProcessWindow, Requirement

WINDOWS = DATA / "process_windows.csv"
LINKS = DATA / "process_window_links.csv"


@transaction.atomic
def load_windows(path: Path = WINDOWS, links_path: Path = LINKS) -> int:
    """Add rows that are new; how many the table has. Requirements and characteristics must be loaded before.

    Raises LoadRefused when a stored row reads differently: the table is a record, it grows at its end.
    """
    act_as(None, process="load_masters")
    links = _links(links_path, rows := read_table(path), path)
    characteristics = {c.code: c for c in Characteristic.objects.all()}
    requirements = {r.code: r for r in Requirement.objects.all()}
    stored = {window.number: window for window in ProcessWindow.objects.all()}
    for number, row in enumerate(rows, start=1):
        link = links.get(number, {"characteristic": "", "requirement": ""})
        window = _window(number, row)
        window.characteristic = find(
            characteristics, link["characteristic"], path=links_path, what="characteristic"
        )
        window.requirement = find(requirements, link["requirement"], path=links_path, what="requirement")
        if number in stored:
            _refuse_change(stored[number], window, path)
        else:
            window.save(force_insert=True)
    return len(rows)


def _links(links_path: Path, rows: list[dict[str, str]], path: Path) -> dict[int, dict[str, str]]:
    """Row number → its link. The name repeats the row's, so that an inserted row cannot shift links silently."""
    links = {}
    for link in read_table(links_path):
        number = int(link["number"])
        if not 1 <= number <= len(rows) or rows[number - 1]["characteristic"] != link["name"]:
            raise LoadRefused(f"{links_path.name}: row {number} of {path.name} is not {link['name']!r}")
        links[number] = link
    return links


def _window(number: int, row: dict[str, str]) -> ProcessWindow:
    return ProcessWindow(
        number=number,
        step=row["step"],
        name=row["characteristic"],
        unit=row["unit"],
        target=row["target"],
        lsl=row["LSL"],
        usl=row["USL"],
        sampling_plan=row["sampling_plan"],
        gauge=row["gauge"],
        within_sd=row["within_sd"],
        between_sd=row["between_sd"],
        source_type_text=row["source_type"],
        source_type=weakest_source_type(row["source_type"]),
        source=row["source"],
        note=row["note"],
    )


def _refuse_change(stored: ProcessWindow, wanted: ProcessWindow, path: Path) -> None:
    for field in ProcessWindow._meta.concrete_fields:
        name = field.attname
        if name != "id" and getattr(stored, name) != getattr(wanted, name):
            raise LoadRefused(
                f"{path.name}: row {stored.number} ({stored.name}) is stored with {name} "
                f"{getattr(stored, name)!r}, the file says {getattr(wanted, name)!r}; add a row at the end instead"
            )
