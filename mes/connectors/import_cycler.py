"""A cycler's file becomes the formation readings of a cell: capacities of each cycle and whether it was complete."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from lots.actions.keep_curve import Curve, keep_curve, latest_curve
from lots.catalogue import recipe_parameters, recipe_revision
from lots.clock import site_time
from lots.envelope import Envelope, ReadingIn
from lots.models import (
    CurveFile,
    IdempotencyKey,
    Lot,
    Measurement,
    Site,
    Source,
    StepExecution,
    Submission,
    User,
)
from lots.queries import current_measurements
from lots.science.formation.cycles import Cutoffs
from mes import pipeline
from mes.connectors.cycler.file import CyclerCycle, CyclerFile, read_file_of_cell
from mes.connectors.cycler.read import MAX_BYTES
from mes.connectors.files import UnreadableFile
from mes.curves import CurveMissing, continues, load_records, store_records
from quality.permissions import Action, require

STEP = "formation"
CHARGE = "formation.charge_capacity_ah"
DISCHARGE = "formation.discharge_capacity_ah"
CUTOFFS = "formation.cutoffs_reached"
SOURCE_CODE = "cycler-files"
# Parameters of a formation recipe that say where a half cycle ends.
UPPER, LOWER, HOLD_CURRENT = "upper_cutoff_v", "lower_cutoff_v", "hold_cutoff_a"


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
    path: Path, *, cell: Lot, user: User, now: datetime, max_bytes: int = MAX_BYTES, running: bool = False
) -> ImportedTest:
    """Read a cycler file, record its cycles as formation readings of the cell and keep its curves.

    The same file for the same cell is recognised whoever brings it. A file that goes on where an earlier one ended
    supersedes it: cycles that have changed since are recorded again, and the latest reading counts. With `running` the
    test goes on, so that a last cycle that has not reached its cut-offs is left for the next time.

    Raises UnreadableFile, ImportRefused, NotPermitted or InvalidSubmission; nothing is recorded then.
    """
    site = cell.site
    require(user, site, Action.IMPORT_FILE)
    here = site_time(site, now)
    file = _read(path, cell, ZoneInfo(site.time_zone), here, max_bytes)
    source = file_source(site, user)
    key = f"{file.sha256}:{cell.code}"
    earlier = IdempotencyKey.objects.filter(source=source, key=key).first()
    if earlier is not None:
        return ImportedTest(file, earlier.answer, recognised=True, remarks=file.remarks)
    cycles = _finished(file.cycles) if running else file.cycles
    if not cycles:
        raise ImportRefused(
            "The file holds no cycle that moved charge: choose the file of the formation test."
            if not file.cycles
            else "The first cycle still runs: import the file again when it has ended."
        )
    execution = running_formation(cell)
    shift, mapping = _mapping(file, execution, site, here)
    outgrown = _outgrown(execution, file)
    new = _new_cycles(cycles, _recorded_cycles(cell, execution), goes_on=outgrown is not None)
    if not new:
        raise ImportRefused(
            f"Every cycle of this file is recorded for {cell.code} already, from another file or by hand."
        )
    if len(new) < len(cycles):
        mapping.append(
            f"{len(cycles) - len(new)} of {len(cycles)} cycles were recorded before, from another file or"
            " by hand; those values stay as they are."
        )
    if outgrown is not None:
        mapping.append(f"The file goes on where the one of {outgrown.received_at:%Y-%m-%d %H:%M} UTC ended.")
    stored = store_records(file.test.records)
    envelope = Envelope(
        site=site,
        source=source,
        key=key,
        user=user,
        readings=tuple(_readings(new, cell, shift)),
        file_sha256=file.sha256,
    )
    with transaction.atomic():
        answer = pipeline.record(envelope, now=now)
        keep_curve(
            _curve(file, stored, shift),
            execution=execution,
            submission=Submission.objects.filter(source=source, file_sha256=file.sha256)
            .order_by("-pk")
            .first(),
            user=user,
            now=now,
            supersedes=outgrown,
        )
    return ImportedTest(file, answer.body, recognised=answer.replayed, remarks=(*file.remarks, *mapping))


def _read(path: Path, cell: Lot, zone: ZoneInfo, here: datetime, max_bytes: int) -> CyclerFile:
    """The stored name is a generated one: messages must not show it."""
    try:
        return read_file_of_cell(
            path, max_bytes=max_bytes, wall_clock_zone=zone, fallback_end=here, cutoffs=_recipe_cutoffs(cell)
        )
    except UnreadableFile as error:
        raise UnreadableFile(str(error).replace(path.name, "The file")) from error


def _recipe_cutoffs(cell: Lot) -> Cutoffs | None:
    """Cut-offs of the recipe that the cell's order pins; without them a file's own step table decides."""
    if cell.work_order_id is None:
        return None
    revision = recipe_revision(cell.work_order_id, cell.material_id)
    parameters = recipe_parameters(revision) if revision is not None else {}
    if not {UPPER, LOWER} <= parameters.keys():
        return None
    return Cutoffs(parameters[UPPER], parameters[LOWER], parameters.get(HOLD_CURRENT))


def _finished(cycles: tuple[CyclerCycle, ...]) -> tuple[CyclerCycle, ...]:
    return cycles if cycles and cycles[-1].cutoffs_reached else cycles[:-1]


def _outgrown(execution: StepExecution, file: CyclerFile) -> CurveFile | None:
    """The file of this run of which the new one is a longer export; None when it is another test."""
    earlier = latest_curve(execution, CurveFile.Kind.CYCLING)
    if earlier is None:
        return None
    try:
        return earlier if continues(load_records(earlier.storage_sha256), file.test.records) else None
    except CurveMissing:
        return None


def _new_cycles(
    cycles: tuple[CyclerCycle, ...], recorded: dict[int, dict[str, Decimal]], *, goes_on: bool
) -> list[CyclerCycle]:
    """Cycles that are not recorded; of the same test gone on, those whose values are others now too."""
    new = []
    for cycle in cycles:
        known = recorded.get(cycle.number)
        if known is None or (goes_on and known != _values(cycle, known)):
            new.append(cycle)
    return new


def _values(cycle: CyclerCycle, like: dict[str, Decimal]) -> dict[str, Decimal]:
    values = {CHARGE: Decimal(f"{cycle.charge_ah:.6f}"), DISCHARGE: Decimal(f"{cycle.discharge_ah:.6f}")}
    return {code: values[code] for code in like}


def _curve(file: CyclerFile, stored: str, shift: timedelta) -> Curve:
    return Curve(
        kind=CurveFile.Kind.CYCLING,
        format=file.format,
        file_sha256=file.sha256,
        file_bytes=file.size_bytes,
        storage_sha256=stored,
        rows=file.rows,
        started_at=file.started_at + shift,
        ended_at=file.ended_at + shift,
    )


def file_source(site: Site, user: User) -> Source:
    """One door for cycler files of a site, so that a file is recognised whoever brings it."""
    source, _ = Source.objects.get_or_create(
        site=site, code=SOURCE_CODE, defaults={"name": "Cycler files", "user": user}
    )
    return source


def running_formation(cell: Lot) -> StepExecution:
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


def _recorded_cycles(cell: Lot, execution: StepExecution) -> dict[int, dict[str, Decimal]]:
    """Latest capacities of each cycle of this run that has one, by cycle and characteristic."""
    rows = Measurement.objects.filter(
        lot_id=cell.pk,
        execution=execution,
        characteristic__code__in=(CHARGE, DISCHARGE),
    )
    recorded: dict[int, dict[str, Decimal]] = {}
    found = current_measurements(rows).order_by("received_at", "id")
    for position, code, value in found.values_list("position", "characteristic__code", "value"):
        if position is not None:
            recorded.setdefault(int(position), {})[code] = value
    return recorded


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
