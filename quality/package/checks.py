"""The four checks of the data's integrity (handbook 12.5). Each says what is missing or does not agree."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from lots.models import CurveFile
from lots.queries import recipe_revision_of
from lots.science.formation.integrity import TOLERANCE_PCT, charge_moved, deviation_pct
from lots.science.formation.records import CyclerRecords
from quality.package.subject import Subject

CHARGE, DISCHARGE = "formation.charge_capacity_ah", "formation.discharge_capacity_ah"
RESISTANCE, TEMPERATURE = "formation.resistance_mohm", "formation.temperature_c"
SOC_SPREAD_PCT, TEMPERATURE_SPREAD_C = 1, 2
CLOCKS_APART = timedelta(minutes=5)
NAMED = 5

Load = Callable[
    [str], CyclerRecords
]  # the stored records of a curve; raises where they are not what was stored


class Check(StrEnum):
    CAPACITY = "capacity"
    SOC = "state of charge"
    TEMPERATURE = "temperature"
    SERIALS = "serials"


TITLES = {
    Check.CAPACITY: "Capacity is the integral of current over time",
    Check.SOC: "States of charge refer to the same",
    Check.TEMPERATURE: "Temperatures were taken while the test ran",
    Check.SERIALS: "Serial numbers match the traceability map",
}


@dataclass(frozen=True)
class Finding:
    """What keeps a package from being signed: the check or artifact, and what is missing."""

    check: str
    words: str


def integrity(subject: Subject, *, load: Load) -> list[Finding]:
    """Everything that the four checks find; empty when the data hold together."""
    if not subject.cells:
        return [Finding(Check.SERIALS, "the package speaks of no cell")]
    return [*_capacity(subject, load), *_soc(subject), *_temperature(subject), *_serials(subject)]


def _some(check: Check, codes: list[str], words: str) -> Iterator[Finding]:
    """One finding for all cells with the same shortcoming; the first few are named."""
    if codes:
        more = f" and {len(codes) - NAMED} more" if len(codes) > NAMED else ""
        yield Finding(check, f"{', '.join(codes[:NAMED])}{more}: {words}")


def _capacity(subject: Subject, load: Load) -> Iterator[Finding]:
    curves: dict[int, list[CurveFile]] = defaultdict(list)
    for curve in subject.curves:
        if curve.kind == CurveFile.Kind.CYCLING:
            curves[curve.lot_id].append(curve)
    recorded: dict[tuple[int, str], dict[object, float]] = defaultdict(dict)
    for row in subject.measurements:
        if row.characteristic.code in (CHARGE, DISCHARGE):
            recorded[row.lot_id or 0, row.characteristic.code][row.position] = float(row.value)
    without = [cell.code for cell in subject.cells if not curves[cell.pk]]
    yield from _some(Check.CAPACITY, without, "no cycler file is kept, so that no current can be integrated")
    for cell in subject.cells:
        try:
            tests = [charge_moved(load(curve.storage_sha256)) for curve in curves[cell.pk]]
        except ValueError as error:
            yield Finding(Check.CAPACITY, f"{cell.code}: {error}")
            continue
        for name, code, sums in (
            ("charge", CHARGE, [(one.charge_ah, one.charge_resolved_ah) for one in tests]),
            ("discharge", DISCHARGE, [(one.discharge_ah, one.discharge_resolved_ah) for one in tests]),
        ):
            said = sum(recorded[cell.pk, code].values())
            integral, resolved = (sum(column) for column in zip(*sums, strict=True)) if sums else (0.0, 0.0)
            if (
                tests
                and not min(deviation_pct(said, integral), deviation_pct(said, resolved)) <= TOLERANCE_PCT
            ):
                words = f"recorded {name} {said:.4f} A·h, the current integrates to {integral:.4f} A·h"
                yield Finding(Check.CAPACITY, f"{cell.code}: {words}")


def _soc(subject: Subject) -> Iterator[Finding]:
    spectra = [curve for curve in subject.curves if curve.kind == CurveFile.Kind.IMPEDANCE]
    known = {curve.lot_id for curve in spectra}
    without = [
        cell.code
        for cell in subject.cells
        if cell.pk not in known and (cell.pk, RESISTANCE) not in subject.latest
    ]
    yield from _some(Check.SOC, without, "no impedance and no resistance was measured")
    unsaid = sorted({c.lot.code for c in spectra if c.soc_pct is None or c.temperature_c is None})
    yield from _some(Check.SOC, unsaid, "a spectrum does not say its state of charge or its temperature")
    for name, values, most, unit in (
        ("state of charge", [c.soc_pct for c in spectra if c.soc_pct is not None], SOC_SPREAD_PCT, "%"),
        (
            "temperature",
            [c.temperature_c for c in spectra if c.temperature_c is not None],
            TEMPERATURE_SPREAD_C,
            "°C",
        ),
    ):
        if values and max(values) - min(values) > most:
            words = f"spectra at a {name} from {min(values)} to {max(values)} {unit} do not compare"
            yield Finding(Check.SOC, words)
    protocols = set(recipe_revision_of(subject.cells).values())
    if len(protocols) > 1:
        yield Finding(
            Check.SOC, f"the cells ran under {len(protocols)} recipe revisions, which set it differently"
        )


def _temperature(subject: Subject) -> Iterator[Finding]:
    without, outside, unlike = [], [], []
    for cell in subject.cells:
        run, taken = subject.formation.get(cell.pk), subject.latest.get((cell.pk, TEMPERATURE))
        if run is None or taken is None:
            without.append(cell.code)
        elif not (
            run.started_at - CLOCKS_APART
            <= taken.measured_at
            <= (run.finished_at or taken.measured_at) + CLOCKS_APART
        ):
            outside.append(cell.code)
    for curve in subject.curves:
        run = curve.execution
        end = run.finished_at or curve.ended_at
        if curve.started_at > end + CLOCKS_APART or curve.ended_at > end + CLOCKS_APART:
            unlike.append(curve.lot.code)
    yield from _some(Check.TEMPERATURE, without, "no temperature of the formation was recorded")
    yield from _some(Check.TEMPERATURE, outside, "the temperature was not taken while the formation ran")
    yield from _some(Check.TEMPERATURE, unlike, "the cycler's clock runs past the end of the step")


def _serials(subject: Subject) -> Iterator[Finding]:
    unmade = [cell.code for cell in subject.cells if not subject.ancestors.get(cell.pk)]
    yield from _some(Check.SERIALS, unmade, "nothing says what it was made from")
    untested = [cell.code for cell in subject.cells if cell.pk not in subject.formation]
    yield from _some(Check.SERIALS, untested, "it never ran formation")
    nowhere = [
        cell.code
        for cell in subject.cells
        if cell.pk in subject.formation and subject.formation[cell.pk].equipment_id is None
    ]
    yield from _some(Check.SERIALS, nowhere, "its formation names no channel")
    owners: dict[str, set[str]] = defaultdict(set)
    for curve in subject.curves:
        owners[curve.file_sha256].add(curve.lot.code)
    for codes in owners.values():
        if len(codes) > 1:
            yield Finding(
                Check.SERIALS, f"{', '.join(sorted(codes))}: one instrument file stands for all of them"
            )
    occupied: dict[int, list[int]] = defaultdict(list)
    for key, run in subject.formation.items():
        if run.equipment is not None and run.equipment.parent_id is not None:
            occupied[run.equipment.pk].append(key)
    for keys in occupied.values():
        runs = sorted((subject.formation[key] for key in keys), key=lambda run: run.started_at)
        for earlier, later in itertools.pairwise(runs):
            if earlier.finished_at is None or earlier.finished_at > later.started_at:
                words = f"{earlier.lot.code}, {later.lot.code}: both ran on {later.equipment} at once"
                yield Finding(Check.SERIALS, words)
