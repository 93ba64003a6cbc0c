"""Compute derived measurements in the transaction that completes their inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from lots.catalogue import characteristics, dew_point_sensors
from lots.models import Lot, Measurement, OpenInterval, StepExecution
from lots.queries import current_measurements, executions_by_step, recipe_values, valid_measurements
from lots.steps import DERIVATIONS
from lots.steps.base import (
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    NotComputable,
    OpenExposure,
    Reading,
)

SERIES_MARGIN = timedelta(minutes=5)


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
    finished: StepExecution | None = None,
    superseded: Sequence[Measurement] = (),
) -> Derived:
    """Derive everything whose inputs changed with `new_rows` (they carry their ids already).

    `executions` are the latest of the lots by (lot, step); without them they are read when they are needed. With
    `finished`, the summaries of that execution's step are computed as well. `superseded` are rows that a correction
    takes away: what was computed from them is computed anew or withdrawn.
    """
    rows = [row for row in new_rows if row.lot_id is not None and row.quality == Measurement.Quality.GOOD]
    touched: dict[int, set[str]] = {}
    gone = [row for row in superseded if row.lot_id is not None]
    for row in [*rows, *gone]:
        touched.setdefault(row.lot_id, set()).add(row.characteristic.code)
    if finished is not None:
        touched.setdefault(finished.lot_id, set())
    result = Derived([], [], [])
    if not touched:
        return result
    wanted = {
        lot_id: _wanted(codes, finished if finished and finished.lot_id == lot_id else None)
        for lot_id, codes in touched.items()
    }
    wanted = {lot_id: declarations for lot_id, declarations in wanted.items() if declarations}
    if not wanted:
        return result
    work = _Derivation(wanted, rows, lots, executions, now, finished, {row.id for row in gone})
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
        finished: StepExecution | None,
        gone: set[int],
    ) -> None:
        self.wanted, self.lots, self.gone = wanted, lots, gone
        self.executions = executions_by_step(wanted) if executions is None else executions
        self.now, self.finished = now, finished
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
                self._withdraw(lot_id, declaration.output, result)

    def _withdraw(self, lot_id: int, output: str, result: Derived) -> None:
        """Take back what was computed from a row that is gone and could not be computed without it."""
        for row in list(self.values.get((lot_id, output), [])):
            if self.gone.intersection(row.input_ids or ()):
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
        exposures = self._exposures(lot_id) if declaration.needs_exposures else ()
        return declaration.compute(DerivationInputs(readings=readings, recipe=recipe, exposures=exposures))

    def _exposures(self, lot_id: int) -> tuple[OpenExposure, ...]:
        intervals = OpenInterval.objects.filter(lot_id=lot_id).order_by("opened_at")
        return tuple(_exposure(interval) for interval in intervals if interval.closed_at is not None)

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
            measured_at=self._measured_at(sources),
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

    def _measured_at(self, sources: list[Measurement]) -> datetime:
        if sources:
            return max(row.measured_at for row in sources)
        if self.finished is not None and self.finished.finished_at is not None:
            return self.finished.finished_at
        return self.now


def _reading(row: Measurement) -> Reading:
    return Reading(
        value=float(row.value),
        position=row.position,
        roll_position_mm=row.roll_position_mm,
        at_s=row.measured_at.timestamp(),
        id=row.id,
    )


def _exposure(interval: OpenInterval) -> OpenExposure:
    """The zone's frost points around the interval, the highest of its sensors at each instant."""
    assert interval.closed_at is not None
    window = (interval.opened_at - SERIES_MARGIN, interval.closed_at + SERIES_MARGIN)
    rows = current_measurements(
        Measurement.objects.filter(
            zone_id=interval.zone_id,
            quality=Measurement.Quality.GOOD,
            characteristic__code__in=("dry_room.frost_point_c", "dry_room.air_temperature_c"),
            measured_at__range=window,
        )
    ).select_related("characteristic")
    frost: dict[float, float] = {}
    temperatures = []
    dew_sensors = dew_point_sensors(interval.zone_id)
    for row in rows.order_by("measured_at"):
        value, at = float(row.value), row.measured_at.timestamp()
        if row.characteristic.code == "dry_room.air_temperature_c":
            temperatures.append(value)
        elif row.gauge_id not in dew_sensors:
            frost[at] = max(value, frost.get(at, value))
    return OpenExposure(
        opened_at_s=interval.opened_at.timestamp(),
        closed_at_s=interval.closed_at.timestamp(),
        series_t_s=tuple(sorted(frost)),
        frost_point_c=tuple(frost[at] for at in sorted(frost)),
        air_temperature_c=sum(temperatures) / len(temperatures) if temperatures else float("nan"),
    )
