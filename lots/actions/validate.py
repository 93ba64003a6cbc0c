"""Turn delivered readings into measurements, or say of every field what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from lots.catalogue import calibrations_of, characteristics, gauges_of, zones_of
from lots.clock import FUTURE_TOLERANCE, site_time
from lots.envelope import Envelope, Problem, ReadingIn
from lots.models import Calibration, Characteristic, Equipment, Gauge, Lot, Measurement, StepExecution, Zone
from lots.queries import executions_by_step
from lots.steps.base import DataType, PositionKind, SubjectKind

LARGEST = Decimal("1e15")
LARGEST_POSITION = Decimal("1e9")
LARGEST_COUNT = 2**31 - 1
LONGEST_TEXT = 40
T = TypeVar("T")


@dataclass
class Known:
    """What the envelope's codes refer to; `executions` are the latest of each lot at each step."""

    characteristics: Mapping[str, Characteristic]
    lots: dict[str, Lot]
    zones: Mapping[str, Zone]
    equipment: dict[str, Equipment]
    gauges: Mapping[str, Gauge]
    executions: Mapping[tuple[int, int], StepExecution] = field(default_factory=dict)


def look_up(envelope: Envelope) -> Known:
    """Fetch every record that the readings name."""
    site = envelope.site
    codes = {reading.lot for reading in envelope.readings} - {""}
    machine_codes = {reading.equipment for reading in envelope.readings} - {""}
    lots = Lot.objects.filter(site=site, code__in=codes).select_related("material", "work_order")
    machines = Equipment.objects.filter(site=site, code__in=machine_codes)
    known = Known(
        characteristics=characteristics(),
        lots={lot.code: lot for lot in lots},
        zones=zones_of(site.pk),
        equipment={machine.code: machine for machine in machines},
        gauges=gauges_of(site.pk),
    )
    if known.lots:
        known.executions = executions_by_step(lot.pk for lot in known.lots.values())
    return known


def calibrated_at(calibrations: Iterable[Calibration], at: datetime) -> bool:
    """Whether the latest calibration before `at` had passed and was not yet due."""
    earlier = [c for c in calibrations if c.calibrated_at <= at]
    latest = max(earlier, key=lambda c: c.calibrated_at, default=None)
    return latest is not None and latest.passed and at < latest.due_at


def to_measurements(
    envelope: Envelope, known: Known, *, now: datetime
) -> tuple[list[Measurement], list[Problem]]:
    """One measurement per reading (without key, submission and order), and all problems found."""
    rows: list[Measurement] = []
    problems: list[Problem] = []
    latest_allowed = site_time(envelope.site, now) + FUTURE_TOLERANCE
    for index, reading in enumerate(envelope.readings):
        found = _Check(index, reading, envelope, known)
        row = found.measurement(now=now, latest_allowed=latest_allowed)
        problems.extend(found.problems)
        if row is not None:
            rows.append(row)
    return rows, problems


def _decimal(text: str) -> Decimal | None:
    """A plain decimal number, or None: Python would also take `1_000` and other scripts' digits."""
    if not text.isascii() or "_" in text:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


class _Check:
    """Checks one reading field by field."""

    def __init__(self, index: int, reading: ReadingIn, envelope: Envelope, known: Known) -> None:
        self.index, self.reading, self.envelope, self.known = index, reading, envelope, known
        self.problems: list[Problem] = []

    def problem(self, name: str, message: str) -> None:
        self.problems.append(Problem(self.index, name, message))

    def measurement(self, *, now: datetime, latest_allowed: datetime) -> Measurement | None:
        reading = self.reading
        characteristic = self.known.characteristics.get(reading.characteristic)
        if characteristic is None:
            self.problem("characteristic", f"{reading.characteristic!r} is not declared by any step")
            return None
        if characteristic.derived:
            self.problem(
                "characteristic", f"{characteristic.code} is computed by Halite and cannot be entered"
            )
        if reading.unit != characteristic.unit:
            self.problem(
                "unit", f"{reading.unit!r} given; send {characteristic.code} in {characteristic.unit!r}"
            )
        if reading.measured_at.tzinfo is None:
            self.problem("measured_at", "has no time zone; send an offset such as +00:00")
        if reading.roll_position_mm is not None and not 0 <= reading.roll_position_mm <= LARGEST_POSITION:
            self.problem("roll_position_mm", "send millimetres along the roll, from 0")
        if reading.qualifier not in {"", "<", ">"}:
            self.problem("qualifier", "must be empty, '<' or '>'")
        row = Measurement(
            site=self.envelope.site,
            received_at=now,
            measured_at=reading.measured_at,
            characteristic=characteristic,
            entered_text=reading.value.strip(),
            entered_unit=reading.unit,
            qualifier=reading.qualifier,
            operator=self.envelope.user,
            roll_position_mm=reading.roll_position_mm,
        )
        self._value(row, characteristic)
        self._position(row, characteristic)
        self._subject(row, characteristic)
        self._gauge(row)
        if self.problems:
            return None
        if reading.measured_at > latest_allowed:
            row.quality = Measurement.Quality.QUARANTINED
        return row

    def _value(self, row: Measurement, characteristic: Characteristic) -> None:
        text = self.reading.value.strip()
        value = _decimal(text)
        if value is None:
            self.problem(
                "value", f"{text[:LONGEST_TEXT]!r} is not a decimal number; use a point, such as 12.5"
            )
            return
        if len(text) > LONGEST_TEXT or not value.is_finite() or abs(value) > LARGEST:
            self.problem("value", f"is not a finite number below 1e15 of at most {LONGEST_TEXT} characters")
            return
        size = self.reading.sample_size
        whole = characteristic.data_type in {DataType.COUNT, DataType.PROPORTION}
        if whole and (value != value.to_integral_value() or value < 0):
            self.problem("value", f"{text} is not a count; send a whole number from 0")
        if characteristic.data_type == DataType.PASS_FAIL and value not in {0, 1}:
            self.problem("value", f"{text} is neither 1 (passed) nor 0 (failed)")
        if characteristic.data_type == DataType.PROPORTION:
            if not size or not value <= size <= LARGEST_COUNT:
                self.problem("sample_size", "is needed, and at least the value, for a proportion")
        elif size is not None:
            self.problem("sample_size", "goes with proportions only")
        row.value = value.quantize(Decimal("1e-10"))
        row.sample_size = size

    def _position(self, row: Measurement, characteristic: Characteristic) -> None:
        text = self.reading.position.strip()
        if characteristic.position_kind == PositionKind.NONE:
            if text:
                self.problem("position", f"{characteristic.code} has no positions")
            return
        position = _decimal(text)
        if position is None or not position.is_finite() or abs(position) > LARGEST_POSITION:
            self.problem("position", f"send the {characteristic.position_kind} as a number, such as 1")
        else:
            row.position = position.quantize(Decimal("1e-4"))

    def _subject(self, row: Measurement, characteristic: Characteristic) -> None:
        reading = self.reading
        given = {"lot": reading.lot, "zone": reading.zone, "equipment": reading.equipment}
        wanted = str(characteristic.subject_kind)
        if characteristic.subject_kind == SubjectKind.GAUGE:
            row.gauge_is_subject = True
            if not reading.gauge:
                self.problem("gauge", f"{characteristic.code} is measured on a gauge: name it")
            return
        for kind, code in given.items():
            if kind != wanted and code:
                self.problem(kind, f"{characteristic.code} is measured on a {wanted}, not on a {kind}")
        code = given[wanted]
        if not code:
            self.problem(wanted, f"{characteristic.code} is measured on a {wanted}: name it")
        elif wanted == "zone":
            row.zone = self._found("zone", code, self.known.zones)
        elif wanted == "equipment":
            row.equipment = self._found("equipment", code, self.known.equipment)
        else:
            self._lot(row, characteristic, code)

    def _lot(self, row: Measurement, characteristic: Characteristic, code: str) -> None:
        lot = self._found("lot", code, self.known.lots)
        if lot is None:
            return
        row.lot_id = lot.pk
        execution = self.known.executions.get((lot.pk, characteristic.step_id))
        if execution is None:
            self.problem(
                "lot", f"{code} has not started {characteristic.step.name.lower()}; start the step first"
            )
            return
        row.execution = execution
        row.equipment_id = execution.equipment_id

    def _gauge(self, row: Measurement) -> None:
        if not self.reading.gauge:
            return
        gauge = self._found("gauge", self.reading.gauge, self.known.gauges)
        row.gauge = gauge
        if gauge is None or self.reading.measured_at.tzinfo is None:
            return
        if not calibrated_at(calibrations_of(gauge.pk), self.reading.measured_at):
            row.quality = Measurement.Quality.SUSPECT

    def _found(self, name: str, code: str, known: Mapping[str, T]) -> T | None:
        found = known.get(code)
        if found is None:
            self.problem(name, f"{code!r} is not known at site {self.envelope.site.code}")
        return found
