"""A cycler's file becomes the formation readings of a cell: capacities of each cycle and whether it was complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from lots.actions.keep_curve import Curve, keep_curve, latest_curve, lock_curves, lock_file
from lots.clock import site_time
from lots.envelope import Envelope
from lots.models import (
    CurveFile,
    IdempotencyKey,
    Lot,
    Site,
    Source,
    StepExecution,
    Submission,
    User,
)
from lots.steps.formation_protocols import protocol_of_recipe
from mes import pipeline
from mes.connectors.cycler.file import CyclerCycle, CyclerFile, read_file_of_cell
from mes.connectors.cycler.read import MAX_BYTES
from mes.connectors.files import UnreadableFile
from mes.connectors.formation_readings import (
    contradictions,
    new_cycles,
    readings_of_cycles,
    readings_of_run,
    recipe_of,
    recorded_cycles,
)
from mes.curves import CurveMissing, continues, load_records, store_records
from quality.actions.hold_gap import hold_for_record
from quality.permissions import Action, require

STEP = "formation"
NAMED = 3  # cycles in the reason of a hold
SOURCE_CODE = "cycler-files"


class ImportRefused(Exception):
    """The file does not fit the cell; the message says what to do. Nothing was stored."""


class NotYet(ImportRefused):
    """It may fit later without anyone touching the file: the step has not begun, or the test has not come so far."""


class StaysAsImported(ImportRefused):
    """The formation was finished while the last cycle of this file, which is imported, was still left out."""


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
    with transaction.atomic():
        lock_file(site.pk, file.sha256)
        return _recorded(file, cell, source, user, now, running=running)


def _recorded(
    file: CyclerFile, cell: Lot, source: Source, user: User, now: datetime, *, running: bool
) -> ImportedTest:
    """Record what is new in a file that nobody else brings meanwhile."""
    site, here = cell.site, site_time(cell.site, now)
    cycles = _finished(file.cycles) if running else file.cycles
    left_out = file.cycles[-1] if len(cycles) < len(file.cycles) else None
    remarks = file.remarks if left_out is None else (*file.remarks, _left_out_words(left_out))
    # The same file counts once more when its last cycle, left out as still running, is said to have ended.
    own_key = f"{file.sha256}:{cell.code}"
    key = own_key + (":running" if left_out else "")
    earlier = IdempotencyKey.objects.filter(source=source, key=key).first()
    if earlier is not None:
        return ImportedTest(file, earlier.answer, recognised=True, remarks=remarks)
    if not file.cycles:
        raise NotYet("The file holds no cycle that moved charge: choose the file of the formation test.")
    # What breaks the protocol does not wait for the end of a cycle.
    broken = file.result.compliance is not None and file.result.compliance.passed is False
    if left_out and not cycles and not broken:
        raise NotYet(f"The first cycle still runs, as far as the file tells. {_left_out_words(left_out)}")
    refuse_mistaken(file.sha256, file.test.names, cell)
    try:
        execution = running_formation(cell)
    except NotYet:
        raise
    except ImportRefused as refusal:
        if IdempotencyKey.objects.filter(source=source, key=f"{own_key}:running").exists():
            raise StaysAsImported(f"{refusal} The file stays as it was imported.") from None
        raise
    lock_curves(execution, CurveFile.Kind.CYCLING)
    shift, mapping = _mapping(file, execution, site, here)
    outgrown = _outgrown(execution, file)
    new = new_cycles(cycles, recorded_cycles(cell, execution), goes_on=outgrown is not None)
    contradicting = contradictions(cycles)
    known = latest_curve(execution, CurveFile.Kind.CYCLING)
    fresh = [words for words in contradicting if known is None or words not in known.unresolved]
    if not new and not broken and not fresh:
        raise NotYet(
            f"Every cycle of this file is recorded for {cell.code} already, from another file or by hand."
            if left_out is None
            else f"No further cycle for {cell.code}. {_left_out_words(left_out)}"
        )
    if len(new) < len(cycles):
        mapping.append(
            f"{len(cycles) - len(new)} of {len(cycles)} cycles were recorded before, from another file or"
            " by hand; those values stay as they are."
        )
    if outgrown is not None:
        mapping.append(f"The file goes on where the one of {outgrown.received_at:%Y-%m-%d %H:%M} UTC ended.")
    since = None if outgrown is None else outgrown.ended_at
    stored = store_records(file.test.records)
    envelope = Envelope(
        site=site,
        source=source,
        key=key,
        user=user,
        readings=(
            *readings_of_cycles(new, cell, shift, not_before=since),
            *readings_of_run(file, cell, shift),
        ),
        file_sha256=file.sha256,
    )
    answer = pipeline.record(envelope, now=now)
    kept = keep_curve(
        _curve(file, stored, shift, "; ".join(contradicting)),
        execution=execution,
        submission=Submission.objects.filter(source=source, file_sha256=file.sha256).order_by("-pk").first(),
        user=user,
        now=now,
        supersedes=outgrown,
    )
    if fresh:
        why = _contradiction_words(fresh)
        hold_for_record(kept, now=now, words=why)
        mapping.append(f"{cell.code} is held: {why}.")
    return ImportedTest(file, answer.body, recognised=answer.replayed, remarks=(*remarks, *mapping))


def _read(path: Path, cell: Lot, zone: ZoneInfo, here: datetime, max_bytes: int) -> CyclerFile:
    """The stored name is a generated one: messages must not show it."""
    name, parameters = recipe_of(cell)
    try:
        return read_file_of_cell(
            path,
            max_bytes=max_bytes,
            wall_clock_zone=zone,
            fallback_end=here,
            protocol=protocol_of_recipe(name, parameters),
            nominal_capacity_ah=parameters.get("nominal_capacity_ah"),
        )
    except UnreadableFile as error:
        raise UnreadableFile(str(error).replace(path.name, "The file")) from error


def _finished(cycles: tuple[CyclerCycle, ...]) -> tuple[CyclerCycle, ...]:
    return cycles if cycles and cycles[-1].cutoffs_reached else cycles[:-1]


def _left_out_words(cycle: CyclerCycle) -> str:
    """A rest is no end of a cycle: pulsed and stepped half cycles rest, too, and a part of one would hold its cell."""
    why = "has not reached its cut-offs"
    if cycle.cutoffs_reached is None:
        why = "may still run (neither the file nor upper_cutoff_v and lower_cutoff_v of the recipe say where it ends)"
    return (
        f"Cycle {cycle.number} is left out: it {why}. When the test has ended, import the file as that of a finished"
        " test; a watched folder does so by itself some time after the last write."
    )


def _outgrown(execution: StepExecution, file: CyclerFile) -> CurveFile | None:
    """The file of this run of which the new one is a longer export; None when it is another test."""
    earlier = latest_curve(execution, CurveFile.Kind.CYCLING)
    if earlier is None:
        return None
    try:
        return earlier if continues(load_records(earlier.storage_sha256), file.test.records) else None
    except CurveMissing:
        return None


def _contradiction_words(cycles: list[str]) -> str:
    more = f"; and in {len(cycles) - NAMED} more" if len(cycles) > NAMED else ""
    return f"the cycler's counter contradicts its current: {'; '.join(cycles[:NAMED])}{more}"


def _curve(file: CyclerFile, stored: str, shift: timedelta, contradiction: str) -> Curve:
    return Curve(
        kind=CurveFile.Kind.CYCLING,
        format=file.format,
        file_sha256=file.sha256,
        file_bytes=file.size_bytes,
        storage_sha256=stored,
        rows=file.rows,
        started_at=file.started_at + shift,
        ended_at=file.ended_at + shift,
        unresolved=contradiction,
    )


def file_source(site: Site, user: User) -> Source:
    """One door for cycler files of a site, so that a file is recognised whoever brings it."""
    source, _ = Source.objects.get_or_create(
        site=site, code=SOURCE_CODE, defaults={"name": "Cycler files", "user": user}
    )
    return source


def refuse_mistaken(sha256: str, names: frozenset[str], cell: Lot) -> None:
    """A test belongs to one cell: refuse a file that was imported for another one, or that names another one."""
    other = CurveFile.objects.filter(file_sha256=sha256, lot__site=cell.site_id).exclude(lot=cell).first()
    if other is not None:
        raise ImportRefused(
            f"This very file was imported for {other.lot.code} already: a test belongs to one cell. Check which cell"
            " ran on this channel."
        )
    if cell.code in names:
        return
    named = Lot.objects.filter(site=cell.site_id, material=cell.material_id, code__in=names).exclude(
        pk=cell.pk
    )
    codes = list(named.values_list("code", flat=True)[:2])
    if codes:
        raise ImportRefused(
            f"The file calls its cell {codes[0]}, not {cell.code}: choose the file of this cell or scan that one."
        )


def running_formation(cell: Lot) -> StepExecution:
    runs = StepExecution.objects.filter(lot=cell, route_step__step__code=STEP).order_by("-attempt")
    latest = runs.first()
    if latest is None:
        raise NotYet(f"Formation of {cell.code} has not been started: start it at the station first.")
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
