"""What the page of one lot shows, read in a number of queries that does not depend on how much was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Exists, OuterRef, Q

from lots.models import (
    Characteristic,
    GenealogyLink,
    HoldLot,
    Lot,
    Measurement,
    OpenInterval,
    ProcessStep,
    RouteStep,
    StepExecution,
    Supersession,
)
from lots.queries import route_steps
from quality.models import DispositionItem, Judgement, Nonconformance
from spc.models import Chart

MEASUREMENTS_SHOWN = 2_000
LINKS_SHOWN = 30
INPUTS_NAMED = 5


@dataclass(frozen=True)
class Progress:
    """A route step with the lot's attempts at it."""

    step: RouteStep
    attempts: list[StepExecution]

    @property
    def is_running(self) -> bool:
        return any(run.finished_at is None for run in self.attempts)


@dataclass(frozen=True)
class Value:
    """One measurement with its judgement; `inputs` names what a derived value was computed from."""

    row: Measurement
    judgement: Judgement | None
    superseded: Supersession | None
    inputs: str

    @property
    def violates(self) -> bool:
        return self.judgement is not None and self.judgement.verdict == Judgement.Verdict.VIOLATES


@dataclass
class Measured:
    """The values of one characteristic: current ones, and those that were superseded."""

    characteristic: Characteristic
    current: list[Value] = field(default_factory=list)
    former: list[Value] = field(default_factory=list)

    @property
    def only(self) -> Value | None:
        return self.current[0] if len(self.current) == 1 else None

    @property
    def violations(self) -> int:
        return sum(value.violates for value in self.current)

    @property
    def judged(self) -> int:
        return sum(value.judgement is not None for value in self.current)

    @property
    def passed(self) -> int:
        """How many of the current values of a check say that it passed."""
        return sum(value.row.value == 1 for value in self.current)

    @property
    def lowest(self) -> Decimal:
        return min(value.row.value for value in self.current)

    @property
    def highest(self) -> Decimal:
        return max(value.row.value for value in self.current)


@dataclass(frozen=True)
class StepValues:
    step: ProcessStep
    measured: list[Measured]


def progress_of(lot: Lot) -> list[Progress]:
    runs: dict[int, list[StepExecution]] = {}
    rows = StepExecution.objects.filter(lot=lot).select_related("equipment", "operator", "route_step__step")
    for row in rows.order_by("attempt"):
        runs.setdefault(row.route_step_id, []).append(row)
    return [Progress(step, runs.get(step.pk, [])) for step in route_steps(lot)]


def values_of(lot: Lot) -> tuple[list[StepValues], bool]:
    """All values by step and characteristic, and whether some were left out because there are too many."""
    rows = list(
        Measurement.objects.filter(lot_id=lot.pk)
        .select_related("characteristic__step", "gauge", "operator", "submission")
        .order_by("-id")[: MEASUREMENTS_SHOWN + 1]
    )
    truncated = len(rows) > MEASUREMENTS_SHOWN
    rows = sorted(rows[:MEASUREMENTS_SHOWN], key=_order)
    ids = [row.id for row in rows]
    former = {
        s.old_id: s for s in Supersession.objects.filter(old_id__in=ids).select_related("superseded_by")
    }
    judged = {
        judgement.measurement_id: judgement
        for judgement in Judgement.objects.filter(lot_id=lot.pk, measurement_id__in=ids).select_related(
            "line__requirement"
        )
    }
    names = {row.id: _name(row) for row in rows}
    steps: dict[int, StepValues] = {}
    found: dict[int, Measured] = {}
    for row in rows:
        characteristic = row.characteristic
        measured = found.get(characteristic.pk)
        if measured is None:
            measured = found[characteristic.pk] = Measured(characteristic)
            step = steps.setdefault(characteristic.step_id, StepValues(characteristic.step, []))
            step.measured.append(measured)
        value = Value(row, judged.get(row.id), former.get(row.id), _inputs(row, names))
        (measured.former if value.superseded else measured.current).append(value)
    return sorted(steps.values(), key=lambda entry: entry.step.sequence), truncated


def _order(row: Measurement) -> tuple[int, bool, int, int, Decimal, int]:
    return (
        row.characteristic.step.sequence,
        row.characteristic.derived,
        row.characteristic_id,
        row.roll_position_mm or 0,
        row.position or Decimal(0),
        row.id,
    )


def _name(row: Measurement) -> str:
    place = (
        "" if row.position is None else f" {row.characteristic.position_kind} {row.position.normalize():f}"
    )
    return f"{row.characteristic.name}{place} {row.value.normalize():f}"


def _inputs(row: Measurement, names: dict[int, str]) -> str:
    if not row.input_ids:
        return ""
    named = [names.get(key, f"value {key}") for key in row.input_ids[:INPUTS_NAMED]]
    more = len(row.input_ids) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


@dataclass(frozen=True)
class HoldEntry:
    member: HoldLot
    item: DispositionItem | None


def holds_of(lot: Lot) -> list[HoldEntry]:
    """Every hold the lot ever had, newest first, with the disposition that closed it."""
    members = HoldLot.objects.filter(lot=lot).select_related("hold__placed_by", "inherited_from")
    items = {
        item.hold_lot_id: item
        for item in DispositionItem.objects.filter(lot=lot).select_related("disposition__decided_by")
    }
    return [HoldEntry(member, items.get(member.pk)) for member in members.order_by("-id")]


def cases_of(lot: Lot) -> list[Nonconformance]:
    """Nonconformances about the lot or about a hold that reached it, newest first."""
    held = HoldLot.objects.filter(hold=OuterRef("hold"), lot=lot)
    return list(Nonconformance.objects.filter(Q(lot=lot) | Exists(held), site=lot.site_id).order_by("-id"))


@dataclass(frozen=True)
class Exposure:
    intervals: list[OpenInterval]
    total: timedelta

    @property
    def minutes(self) -> float:
        return self.total.total_seconds() / 60


def exposure_of(lot: Lot, *, site_now: datetime) -> Exposure:
    """Open intervals, newest first, and how long the lot lay open in all until now."""
    intervals = list(
        OpenInterval.objects.filter(lot=lot).select_related("zone", "opened_by", "closed_by").order_by("-id")
    )
    total = sum(((i.closed_at or site_now) - i.opened_at for i in intervals), start=timedelta(0))
    return Exposure(intervals, total)


def links_of(lot: Lot) -> tuple[list[GenealogyLink], list[GenealogyLink], bool]:
    """Links to parents, links to children, and whether some of them were left out."""
    rows = GenealogyLink.objects.select_related("parent__material", "child__material").order_by("id")
    parents = list(rows.filter(child=lot)[: LINKS_SHOWN + 1])
    children = list(rows.filter(parent=lot)[: LINKS_SHOWN + 1])
    truncated = max(len(parents), len(children)) > LINKS_SHOWN
    return parents[:LINKS_SHOWN], children[:LINKS_SHOWN], truncated


def charts_of(lot: Lot) -> Sequence[Chart]:
    """Charts on which values of the lot stand."""
    return list(
        Chart.objects.filter(subgroups__members__lot_id=lot.pk)
        .select_related("stream__plan__characteristic", "stream__equipment")
        .distinct()
        .order_by("stream__plan__characteristic__step__sequence", "id")
    )
