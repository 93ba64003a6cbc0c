"""Compute derived measurements in the transaction that completes their inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lots.actions.air import exposures_of, of_the_air
from lots.catalogue import characteristics
from lots.models import Lot, Measurement, StepExecution
from lots.queries import executions_by_step, recipe_values, valid_measurements
from lots.steps import DERIVATIONS
from lots.steps.base import (
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    NotComputable,
    Reading,
)


@dataclass(frozen=True)
class Uncomputed:
    """A derived value that stays missing, and why."""

    lot_id: int
    characteristic: str
    reason: str


@dataclass
class Derived:
    """New derived rows (unsaved), the rows that they supersede, and what could not be computed.

    A row superseded by None lost an input and cannot be computed without it.
    """

    rows: list[Measurement]
    superseded: list[tuple[Measurement, Measurement | None]]
    missing: list[Uncomputed]


def derive(
    new_rows: Iterable[Measurement],
    lots: dict[int, Lot],
    executions: Mapping[tuple[int, int], StepExecution] | None,
    *,
    now: datetime,
    ended: Mapping[int, StepExecution] | None = None,
    superseded: Sequence[Measurement] = (),
) -> Derived:
    """Derive everything whose inputs changed with `new_rows` (they carry their ids already).

    `executions` are the latest of the lots by (lot, step); without them they are read when they are needed. `ended`
    names by lot a run whose step's summaries are computed as well: it finishes now, or the air that it lay in is
    known better now. `superseded` are rows that a correction takes away: what was computed from them is computed anew
    or withdrawn.
    """
    listed, ended = list(new_rows), ended or {}
    rows = [row for row in listed if row.lot_id is not None and row.quality == Measurement.Quality.GOOD]
    touched: dict[int, set[str]] = {}
    gone = [row for row in superseded if row.lot_id is not None]
    for row in [*rows, *gone]:
        touched.setdefault(row.lot_id, set()).add(row.characteristic.code)
    for lot_id in ended:
        touched.setdefault(lot_id, set())
    result = Derived([], [], [])
    if not touched:
        return result
    wanted = {lot_id: _wanted(codes, ended.get(lot_id)) for lot_id, codes in touched.items()}
    wanted = {lot_id: declarations for lot_id, declarations in wanted.items() if declarations}
    if not wanted:
        return result
    work = _Derivation(wanted, rows, lots, executions, now, ended, {row.id for row in superseded})
    work.air = of_the_air(listed)
    work.run(result)
    return result


def _wanted(codes: set[str], finished: StepExecution | None) -> list[DerivationDeclaration]:
    """Declarations to run, in order; an output that was just computed may complete a later one."""
    step = finished.route_step.step.code if finished else None
    known = set(codes)
    found = []
    for declaration in DERIVATIONS:
        if declaration.at_step_end:
            due = declaration.output.split(".")[0] == step
        else:
            due = bool(known & set(declaration.inputs))
        if due:
            found.append(declaration)
            known.add(declaration.output)
    return found


class _Derivation:
    def __init__(
        self,
        wanted: dict[int, list[DerivationDeclaration]],
        rows: list[Measurement],
        lots: dict[int, Lot],
        executions: Mapping[tuple[int, int], StepExecution] | None,
        now: datetime,
        ended: Mapping[int, StepExecution],
        gone: set[int],
    ) -> None:
        self.wanted, self.lots, self.gone = wanted, lots, gone
        self.air: list[Measurement] = []  # readings of zones that come with the rows
        self.executions = executions_by_step(wanted) if executions is None else executions
        self.now, self.ended = now, ended
        codes = {d.output for ds in wanted.values() for d in ds}
        codes |= {code for ds in wanted.values() for d in ds for code in d.inputs}
        declared = characteristics()
        self.characteristics = {code: declared[code] for code in codes if code in declared}
        self.recipes = recipe_values(lots[key] for key in wanted)
        self.values: dict[tuple[int, str], list[Measurement]] = {}
        stored = valid_measurements(wanted).filter(characteristic__in=self.characteristics.values())
        names = {c.pk: code for code, c in self.characteristics.items()}
        for row in stored.exclude(id__in=gone).order_by("measured_at", "id"):
            self.values.setdefault((row.lot_id, names[row.characteristic_id]), []).append(row)
        for row in rows:
            self.values.setdefault((row.lot_id, row.characteristic.code), []).append(row)

    def run(self, result: Derived) -> None:
        for lot_id, declarations in self.wanted.items():
            for declaration in declarations:
                try:
                    outputs = self._compute(lot_id, declaration)
                except NotComputable as reason:
                    result.missing.append(Uncomputed(lot_id, declaration.output, str(reason)))
                    outputs = ()
                for output in outputs:
                    self._store(lot_id, declaration, output, result)
                unknown = declaration.needs_exposures and not outputs
                self._withdraw(lot_id, declaration.output, result, every=unknown)

    def _withdraw(self, lot_id: int, output: str, result: Derived, *, every: bool) -> None:
        """Take back what was computed from a row that is gone and could not be computed without it; `every`: from
        air of which too little is known now."""
        for row in list(self.values.get((lot_id, output), [])):
            if every or self.gone.intersection(row.input_ids or ()):
                self.values[lot_id, output].remove(row)
                self.gone.add(row.id)
                result.superseded.append((row, None))

    def _compute(self, lot_id: int, declaration: DerivationDeclaration) -> tuple[DerivedReading, ...]:
        readings = {}
        for code, needed in declaration.inputs.items():
            rows = self.values.get((lot_id, code), [])
            if len(rows) < needed:
                return ()
            readings[code] = tuple(_reading(row) for row in rows)
        recipe = self.recipes.get(lot_id, {})
        absent = [name for name in declaration.recipe if name not in recipe]
        if absent:
            raise NotComputable(
                f"the recipe of lot {self.lots[lot_id].code} does not give {', '.join(absent)}"
            )
        exposures = exposures_of(lot_id, new=self.air, gone=self.gone) if declaration.needs_exposures else ()
        return declaration.compute(DerivationInputs(readings=readings, recipe=recipe, exposures=exposures))

    def _store(
        self, lot_id: int, declaration: DerivationDeclaration, output: DerivedReading, result: Derived
    ) -> None:
        characteristic = self.characteristics[declaration.output]
        execution = self.executions.get((lot_id, characteristic.step_id))
        value = Decimal(repr(output.value)).quantize(Decimal("1e-10"))
        inputs = sorted(output.input_ids)
        sources = [
            row
            for code in declaration.inputs
            for row in self.values.get((lot_id, code), [])
            if row.id in inputs
        ]
        row = Measurement(
            site_id=self.lots[lot_id].site_id,
            received_at=self.now,
            measured_at=self._measured_at(lot_id, sources),
            lot_id=lot_id,
            execution=execution,
            equipment_id=execution.equipment_id if execution else None,
            characteristic=characteristic,
            position=output.position,
            roll_position_mm=output.roll_position_mm,
            entered_text=repr(output.value)[:40],
            entered_unit=characteristic.unit,
            value=value,
            formula_version=declaration.version,
            input_ids=inputs,
        )
        known = self.values.setdefault((lot_id, declaration.output), [])
        place = (row.position, row.roll_position_mm)
        before = next((old for old in known if (old.position, old.roll_position_mm) == place), None)
        if before is not None:
            if before.value == value and (before.input_ids or []) == inputs:
                return
            known.remove(before)
            self.gone.add(before.id)
            result.superseded.append((before, row))
        known.append(row)
        result.rows.append(row)

    def _measured_at(self, lot_id: int, sources: list[Measurement]) -> datetime:
        if sources:
            return max(row.measured_at for row in sources)
        run = self.ended.get(lot_id)
        return self.now if run is None or run.finished_at is None else run.finished_at


def _reading(row: Measurement) -> Reading:
    return Reading(
        value=float(row.value),
        position=row.position,
        roll_position_mm=row.roll_position_mm,
        at_s=row.measured_at.timestamp(),
        id=row.id,
    )
