"""A cycler's file becomes the formation readings of a cell: capacities of each cycle and whether it was complete."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lots.clock import site_time
from lots.envelope import Envelope, ReadingIn
from lots.models import IdempotencyKey, Lot, Measurement, Site, Source, StepExecution, User
from lots.queries import current_measurements
from mes import pipeline
from mes.connectors.files import UnreadableFile
from mes.connectors.neware import MAX_BYTES, CyclerFile, read_neware
from mes.connectors.neware_cycles import CyclerCycle
from quality.permissions import Action, require

STEP = "formation"
CHARGE = "formation.charge_capacity_ah"
DISCHARGE = "formation.discharge_capacity_ah"
CUTOFFS = "formation.cutoffs_reached"
SOURCE_CODE = "cycler-files"


class ImportRefused(Exception):
    """The file does not fit the cell as it is now; the message says what to do. Nothing was stored."""


@dataclass(frozen=True)
class ImportedTest:
    """What came of a file. `answer` is the pipeline's; `remarks` are sentences for a person.

    `recognised`: the same file had been imported for this cell before, so that nothing was stored now.
    """

    file: CyclerFile
    answer: dict[str, Any]
    recognised: bool
    remarks: tuple[str, ...]


def import_cycler_file(
    path: Path, *, cell: Lot, user: User, now: datetime, max_bytes: int = MAX_BYTES
) -> ImportedTest:
    """Read a Neware file and record its cycles as formation readings of the cell, in one submission.

    The same file for the same cell is recognised whoever brings it. Raises UnreadableFile, ImportRefused,
    NotPermitted or InvalidSubmission; nothing is stored then.
    """
    site = cell.site
    require(user, site, Action.IMPORT_FILE)
    file = _read(path, ZoneInfo(site.time_zone), max_bytes)
    source = _source(site, user)
    key = f"{file.sha256}:{cell.code}"
    earlier = IdempotencyKey.objects.filter(source=source, key=key).first()
    if earlier is not None:
        return ImportedTest(file, earlier.answer, recognised=True, remarks=file.remarks)
    if not file.cycles:
        raise ImportRefused(
            "The file holds no cycle that moved charge: choose the file of the formation test."
        )
    execution = _running_formation(cell)
    here = site_time(site, now)
    shift, mapping = _mapping(file, execution, site, here)
    recorded = _recorded_cycles(cell, execution)
    new = [cycle for cycle in file.cycles if cycle.number not in recorded]
    if not new:
        raise ImportRefused(
            f"Every cycle of this file is recorded for {cell.code} already, from another file or by hand."
        )
    if len(new) < len(file.cycles):
        mapping.append(
            f"{len(file.cycles) - len(new)} of {len(file.cycles)} cycles were recorded before, from another file or"
            " by hand; those values stay as they are."
        )
    envelope = Envelope(
        site=site,
        source=source,
        key=key,
        user=user,
        readings=tuple(_readings(new, cell, shift)),
        file_sha256=file.sha256,
    )
    answer = pipeline.record(envelope, now=now)
    return ImportedTest(file, answer.body, recognised=answer.replayed, remarks=(*file.remarks, *mapping))


def _read(path: Path, zone: ZoneInfo, max_bytes: int) -> CyclerFile:
    """The stored name is a generated one: messages must not show it."""
    try:
        return read_neware(path, max_bytes=max_bytes, wall_clock_zone=zone)
    except UnreadableFile as error:
        raise UnreadableFile(str(error).replace(path.name, "The file")) from error


def _source(site: Site, user: User) -> Source:
    """One door for cycler files of a site, so that a file is recognised whoever brings it."""
    source, _ = Source.objects.get_or_create(
        site=site, code=SOURCE_CODE, defaults={"name": "Cycler files", "user": user}
    )
    return source


def _running_formation(cell: Lot) -> StepExecution:
    runs = StepExecution.objects.filter(lot=cell, route_step__step__code=STEP).order_by("-attempt")
    latest = runs.first()
    if latest is None:
        raise ImportRefused(f"Formation of {cell.code} has not been started: start it at the station first.")
    if latest.finished_at is not None:
        raise ImportRefused(
            f"Formation of {cell.code} is finished already: its readings can no longer be added."
        )
    return latest


def _mapping(
    file: CyclerFile, execution: StepExecution, site: Site, here: datetime
) -> tuple[timedelta, list[str]]:
    """How the file's instants become the site's: as they are, but on a simulated site moved to its clock."""
    first, last = file.cycles[0].ended_at, file.cycles[-1].ended_at
    remarks = []
    if not site.simulated:
        if last > here:
            remarks.append(
                f"The file's clock is ahead: its last cycle ends at {last:%Y-%m-%d %H:%M} UTC. Values from the"
                " future are quarantined; set the clock of the cycler's computer."
            )
        return timedelta(0), remarks
    if execution.started_at <= first and last <= here:
        remarks.append(
            f"Site {site.code} is simulated; the file's times lie within this formation and are kept."
        )
        return timedelta(0), remarks
    shift = here - last
    remarks.append(
        f"Site {site.code} is simulated: its clock stands at {here:%Y-%m-%d %H:%M} UTC, the file ran from"
        f" {file.started_at:%Y-%m-%d %H:%M} to {file.ended_at:%Y-%m-%d %H:%M} UTC. All cycle ends were moved by the"
        " same time, so that the last one is now."
    )
    return shift, remarks


def _recorded_cycles(cell: Lot, execution: StepExecution) -> set[int]:
    """Cycles of this run that have a capacity: a test exported again, and longer, adds only what is new."""
    rows = Measurement.objects.filter(
        lot_id=cell.pk,
        execution=execution,
        characteristic__code__in=(CHARGE, DISCHARGE),
    )
    positions = current_measurements(rows).values_list("position", flat=True)
    return {int(position) for position in positions if position is not None}


def _readings(cycles: Iterable[CyclerCycle], cell: Lot, shift: timedelta) -> list[ReadingIn]:
    """Two capacities a cycle, and the cut-off verdict where the file gives one."""
    readings = []
    for cycle in cycles:
        values = [(CHARGE, f"{cycle.charge_ah:.6f}", "A.h"), (DISCHARGE, f"{cycle.discharge_ah:.6f}", "A.h")]
        if cycle.cutoffs_reached is not None:
            values.append((CUTOFFS, str(int(cycle.cutoffs_reached)), "1"))
        readings += [
            ReadingIn(
                characteristic=characteristic,
                value=value,
                unit=unit,
                measured_at=cycle.ended_at + shift,
                lot=cell.code,
                position=str(cycle.number),
            )
            for characteristic, value, unit in values
        ]
    return readings
