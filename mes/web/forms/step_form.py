"""The collection form of a running step, generated only from the control-plan lines that the lot's order pins.

Field names: `v-CHARACTERISTIC-SLOT` a value, `s-…` its sample size, `p-…` a position typed by hand,
`m-CHARACTERISTIC-ROW` the roll position of a row in metres, `t-CHARACTERISTIC-ROW` minutes after the start of
the step, `gauge-KIND` the gauge of that kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lots.actions.validate import calibrated_at
from lots.models import Calibration, Characteristic, Gauge, Lot, Measurement, StepExecution
from lots.queries import current_measurements
from lots.steps.base import DataType, PositionKind, SubjectKind
from quality.in_force import Asked, asked_of
from quality.models import ControlPlanLine, SpecificationLine, Tightening
from quality.plans import lines_for, revision_of
from quality.specifications import SpecificationBook

DEFAULT_LANES = 5
LARGEST_SIMULTANEOUS = 3  # more replicates than this are a series in time
LARGEST_ROWS = 40
POSITION_WORDS = {
    PositionKind.LANE: "Lane",
    PositionKind.ZONE: "Zone",
    PositionKind.CYCLE: "Cycle",
    PositionKind.REPLICATE: "Replicate",
}
ROLLS = {"mother_roll", "daughter_roll"}


@dataclass(frozen=True)
class Slot:
    """One input. `position` is empty where there is none, or where it is typed into `position_name`."""

    name: str
    label: str
    position: str = ""
    position_name: str = ""
    size_name: str = ""


@dataclass(frozen=True)
class Row:
    """Inputs that share a place on the roll (`roll_name`) or an instant (`minutes_name`).

    A series is planned as one reading a minute: `planned_minute` stands in the field until somebody types another.
    """

    slots: tuple[Slot, ...]
    roll_name: str = ""
    minutes_name: str = ""
    planned_minute: str = ""


@dataclass(frozen=True)
class Block:
    """One control-plan line: what is asked, its limits, and what has been recorded of it in this run.

    `tightening`: why more is asked than the plan says.
    """

    line: ControlPlanLine
    tightening: Tightening | None
    characteristic: Characteristic
    limits: SpecificationLine | None
    recorded: tuple[Measurement, ...]
    rows: tuple[Row, ...]

    @property
    def is_check(self) -> bool:
        return self.characteristic.data_type == DataType.PASS_FAIL

    @property
    def required(self) -> int:
        return self.line.required_count

    @property
    def is_complete(self) -> bool:
        """What the plan demands is there; more may be added."""
        return bool(self.recorded) and len(self.recorded) >= self.required

    @property
    def is_single(self) -> bool:
        """One plain number without a place."""
        row = self.rows[0]
        slot = row.slots[0]
        alone = len(self.rows) == 1 and len(row.slots) == 1
        return alone and not (row.roll_name or row.minutes_name or slot.position_name or slot.size_name)


@dataclass(frozen=True)
class GaugeChoice:
    gauge: Gauge
    calibrated: bool
    due_at: datetime | None


@dataclass(frozen=True)
class GaugeSelect:
    """The gauges of one kind that the step's lines ask for; the fit and fitting ones first."""

    kind: str
    choices: tuple[GaugeChoice, ...]

    @property
    def name(self) -> str:
        return f"gauge-{self.kind}"

    @property
    def words(self) -> str:
        return self.kind.replace("_", " ").capitalize()


@dataclass(frozen=True)
class StepForm:
    """The form of one execution. `computed` and `posted` are lines that nobody types in."""

    execution: StepExecution
    blocks: tuple[Block, ...]
    computed: tuple[ControlPlanLine, ...]
    posted: tuple[ControlPlanLine, ...]
    gauges: tuple[GaugeSelect, ...]

    @property
    def incomplete(self) -> list[Block]:
        return [block for block in self.blocks if len(block.recorded) < block.required]


def step_form(
    lot: Lot, execution: StepExecution, *, site_now: datetime, before: int | None = None
) -> StepForm:
    """Build the form in a fixed number of queries. Without a plan it has no blocks.

    `before` is the key of a submission: the form as it was before that arrived.
    """
    revision = revision_of(lot)
    step_id = execution.route_step.step_id
    planned = lines_for(revision, step_id, lot.material_id) if revision is not None else []
    asked = asked_of(lot, execution, planned)
    lines = [each.line for each in asked]
    typed = [x for x in lines if _is_typed(x.characteristic)]
    book = SpecificationBook((line.characteristic_id for line in typed), at=site_now)
    recorded: dict[int, list[Measurement]] = {}
    done = current_measurements(Measurement.objects.filter(lot_id=lot.pk, execution=execution))
    if before is not None:
        done = done.filter(submission_id__lt=before)
    for row in done.select_related("characteristic").order_by("id"):
        recorded.setdefault(row.characteristic_id, []).append(row)
    blocks = tuple(
        _block(each, lot, recorded.get(each.line.characteristic_id, []), book)
        for each in asked
        if _is_typed(each.line.characteristic)
    )
    return StepForm(
        execution=execution,
        blocks=blocks,
        computed=tuple(line for line in lines if line.characteristic.derived),
        posted=tuple(
            line
            for line in lines
            if not line.characteristic.derived and line.characteristic.subject_kind != SubjectKind.LOT
        ),
        gauges=_gauges(lot, typed, site_now),
    )


def _is_typed(characteristic: Characteristic) -> bool:
    return not characteristic.derived and characteristic.subject_kind == SubjectKind.LOT


def _block(asked: Asked, lot: Lot, recorded: list[Measurement], book: SpecificationBook) -> Block:
    line, characteristic = asked.line, asked.line.characteristic
    return Block(
        line=line,
        tightening=asked.tightening,
        characteristic=characteristic,
        limits=book.line_for_lot(characteristic.pk, lot),
        recorded=tuple(recorded),
        rows=tuple(_rows(line, lot, recorded)),
    )


def _rows(line: ControlPlanLine, lot: Lot, recorded: list[Measurement]) -> Iterable[Row]:
    """Inputs for what is still missing; where nothing is, for one more."""
    kind = PositionKind(line.characteristic.position_kind)
    left = max(1, line.required_count - len(recorded))
    if kind == PositionKind.LANE:
        return _profiles(line, lot, len(recorded))
    if kind in {PositionKind.CYCLE, PositionKind.ZONE}:
        taken = {row.position for row in recorded}
        numbers = [n for n in range(1, max(1, line.required_count) + 1) if n not in taken]
        return [Row(_numbered(line, numbers or range(1, line.required_count + 1)))]
    if kind == PositionKind.REPLICATE:
        first = len(recorded) + 1 if recorded or line.required_count <= LARGEST_SIMULTANEOUS else 0
        return _replicates(line, first, min(left, LARGEST_ROWS))
    if kind == PositionKind.NONE:
        return [Row(tuple(_slot(line, n, "") for n in range(min(left, LARGEST_ROWS))))]
    word = "Metre" if kind == PositionKind.METRE else "mm across"
    return [Row((_slot(line, n, word, typed=True),)) for n in range(min(left, LARGEST_ROWS))]


def _profiles(line: ControlPlanLine, lot: Lot, recorded: int) -> list[Row]:
    """One row of lanes for every place on the roll that the plan asks for."""
    pk = line.characteristic_id
    lanes = _lanes(line)
    places = max(1, math.ceil(line.required_count / lanes) - recorded // lanes)
    return [
        Row(
            tuple(
                _slot(line, place * lanes + lane - 1, f"Lane {lane}", position=str(lane))
                for lane in range(1, lanes + 1)
            ),
            roll_name=f"m-{pk}-{place}" if lot.material.kind in ROLLS else "",
        )
        for place in range(min(places, LARGEST_ROWS))
    ]


def _lanes(line: ControlPlanLine) -> int:
    if line.subgroup_by == "profile":
        return line.subgroup_size
    return line.required_count if 0 < line.required_count <= DEFAULT_LANES else DEFAULT_LANES


def _replicates(line: ControlPlanLine, first: int, count: int) -> list[Row]:
    """Repeated readings: side by side, or with the minute of each where they are a curve over time."""
    numbers = range(first, first + count)
    if line.required_count <= LARGEST_SIMULTANEOUS:
        return [Row(_numbered(line, numbers))]
    pk = line.characteristic_id
    return [Row(_numbered(line, [n]), minutes_name=f"t-{pk}-{n}", planned_minute=str(n)) for n in numbers]


def _numbered(line: ControlPlanLine, numbers: Iterable[int]) -> tuple[Slot, ...]:
    word = POSITION_WORDS[PositionKind(line.characteristic.position_kind)]
    return tuple(_slot(line, n, f"{word} {n}", position=str(n)) for n in numbers)


def _slot(line: ControlPlanLine, number: int, label: str, *, position: str = "", typed: bool = False) -> Slot:
    tail = f"{line.characteristic_id}-{number}"
    return Slot(
        name=f"v-{tail}",
        label=label,
        position=position,
        position_name=f"p-{tail}" if typed else "",
        size_name=f"s-{tail}" if line.characteristic.data_type == DataType.PROPORTION else "",
    )


def _gauges(lot: Lot, lines: list[ControlPlanLine], site_now: datetime) -> tuple[GaugeSelect, ...]:
    units: dict[str, set[str]] = {}
    for line in lines:
        if line.gauge_kind:
            units.setdefault(line.gauge_kind, set()).add(line.characteristic.unit)
    gauges = list(
        Gauge.objects.filter(
            site=lot.site_id, kind__in=units, zone__isnull=True, retired_at__isnull=True
        ).order_by("code")
    )
    calibrations: dict[int, list[Calibration]] = {}
    for calibration in Calibration.objects.filter(gauge__in=gauges).order_by("calibrated_at"):
        calibrations.setdefault(calibration.gauge_id, []).append(calibration)

    def choice(gauge: Gauge) -> GaugeChoice:
        own = calibrations.get(gauge.pk, [])
        return GaugeChoice(gauge, calibrated_at(own, site_now), own[-1].due_at if own else None)

    def order(entry: GaugeChoice) -> tuple[bool, bool, str]:
        return (not entry.calibrated, entry.gauge.unit not in units[entry.gauge.kind], entry.gauge.code)

    present = sorted({gauge.kind for gauge in gauges})
    return tuple(
        GaugeSelect(kind, tuple(sorted((choice(g) for g in gauges if g.kind == kind), key=order)))
        for kind in present
    )


def remembered(form: StepForm, cookies: Mapping[str, str]) -> dict[str, str]:
    """Gauge kind → code: what this terminal used last, or the only one; one among several is never guessed."""
    chosen = {}
    for select in form.gauges:
        last = cookies.get(f"halite_{select.name}", "")
        fit = [c.gauge.code for c in select.choices if c.calibrated]
        chosen[select.kind] = last if last in fit else (fit[0] if len(fit) == 1 else "")
    return chosen
