"""The line overview as data: what runs, what is held, what waits, what signals, how dry the air is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from lots.models import Hold, HoldLot, Lot, Measurement, ProcessStep, Site, StepExecution, Zone
from lots.queries import active_holds, current_measurements, held_lots
from mes.web.waiting import (
    by_next_step,
    charts_ready_to_freeze,
    lots_in_line,
    open_holds,
    open_signals,
    process_steps,
    running,
)
from quality.cases import overdue_cases
from quality.in_force import open_stops
from quality.models import SpecificationLine, StreamStop
from quality.shelf_life import Life, expiring_soon
from quality.shift_checks import ZoneStanding, standing_of_zones
from quality.specifications import SpecificationBook
from spc.engine.special_rules import rule_named
from spc.models import Chart, Signal

RUNNING_SHOWN = 4  # of one step; a formation cabinet runs dozens
RUNNING_READ = 1_000
WAITING_READ = 500
NEWEST = 6
ZONES = 8
FROST_POINT = "dry_room.frost_point_c"


@dataclass(frozen=True)
class RunningLot:
    execution: StepExecution
    held: bool
    values: list[Measurement]


@dataclass(frozen=True)
class StepState:
    """One process step: who runs it and which lots come next."""

    step: ProcessStep
    running: list[RunningLot]
    running_count: int
    waiting: list[Lot]
    waiting_count: int

    @property
    def more_running(self) -> int:
        return self.running_count - len(self.running)


@dataclass(frozen=True)
class HoldState:
    hold: Hold
    lots: list[Lot]
    count: int


@dataclass(frozen=True)
class SignalState:
    signal: Signal
    words: str
    place: str


@dataclass(frozen=True)
class ZoneState:
    zone: Zone
    reading: Measurement | None
    line: SpecificationLine | None
    is_old: bool
    standing: ZoneStanding


@dataclass(frozen=True)
class Board:
    steps: list[StepState]
    running_count: int
    holds: list[HoldState]
    held_count: int
    signals: list[SignalState]
    signal_count: int
    zones: list[ZoneState]
    expiring: list[tuple[Lot, Life]]
    charts: list[Chart]
    chart_count: int
    waiting_count: int
    overdue_count: int
    stops: tuple[StreamStop, ...]


def board(site: Site, *, now: datetime, site_now: datetime) -> Board:
    """Everything the overview shows, in a number of queries that does not depend on how much there is."""
    steps = _steps(site)
    signals = open_signals(site, since=site_now - timedelta(hours=24))
    charts = charts_ready_to_freeze(site)
    return Board(
        steps=steps,
        running_count=sum(step.running_count for step in steps),
        holds=_holds(site),
        held_count=held_lots(site.pk).count(),
        signals=_signals(signals),
        signal_count=signals.count(),
        zones=_zones(site, now, site_now),
        expiring=expiring_soon(site, now=now)[:NEWEST],
        charts=list(charts.select_related("stream__plan__characteristic", "stream__equipment")[:NEWEST]),
        chart_count=charts.count(),
        waiting_count=sum(step.waiting_count for step in steps),
        stops=open_stops(site),
        overdue_count=len(overdue_cases(site, site_now.date())),
    )


def _steps(site: Site) -> list[StepState]:
    executions: dict[int, list[StepExecution]] = {}
    for execution in running(site)[:RUNNING_READ]:
        executions.setdefault(execution.route_step.step_id, []).append(execution)
    shown = {step: rows[:RUNNING_SHOWN] for step, rows in executions.items()}
    values = _last_values([row for rows in shown.values() for row in rows])
    held = set(
        active_holds(row.lot_id for rows in shown.values() for row in rows).values_list("lot_id", flat=True)
    )
    waiting = by_next_step(list(lots_in_line(site).select_related("material").order_by("id")[:WAITING_READ]))
    return [
        StepState(
            step=step,
            running=[
                RunningLot(row, row.lot_id in held, values.get(row.pk, [])) for row in shown.get(step.pk, [])
            ],
            running_count=len(executions.get(step.pk, [])),
            waiting=waiting.get(step.pk, [])[:RUNNING_SHOWN],
            waiting_count=len(waiting.get(step.pk, [])),
        )
        for step in process_steps()
    ]


def _last_values(executions: list[StepExecution]) -> dict[int, list[Measurement]]:
    """Execution → its three newest current values."""
    rows = current_measurements(
        Measurement.objects.filter(
            lot_id__in=[execution.lot_id for execution in executions],
            execution__in=[execution.pk for execution in executions],
        )
    )
    newest = rows.annotate(
        rank=Window(RowNumber(), partition_by="execution", order_by=F("id").desc())
    ).filter(rank__lte=3)
    found: dict[int, list[Measurement]] = {}
    for row in newest.select_related("characteristic").order_by("-id"):
        found.setdefault(row.execution_id or 0, []).append(row)
    return found


def _holds(site: Site) -> list[HoldState]:
    holds = list(
        open_holds(site).annotate(
            open_members=Count("members", filter=Q(members__disposition_id__isnull=True))
        )[:NEWEST]
    )
    members: dict[int, list[Lot]] = {}
    direct = HoldLot.objects.filter(
        hold__in=holds, disposition_id__isnull=True, inherited_from__isnull=True
    ).select_related("lot")
    for member in direct.order_by("id")[: 20 * NEWEST]:
        members.setdefault(member.hold_id, []).append(member.lot)
    return [HoldState(hold, members.get(hold.pk, [])[:3], hold.open_members) for hold in holds]


def _signals(signals: QuerySet[Signal]) -> list[SignalState]:
    rows = signals.select_related(
        "chart__stream__plan__characteristic", "chart__stream__equipment", "chart__stream__zone", "point"
    )[:NEWEST]
    return [SignalState(row, rule_named(row.rule).label, _place(row)) for row in rows]


def _place(signal: Signal) -> str:
    stream = signal.chart.stream
    return next((part.code for part in (stream.equipment, stream.zone) if part is not None), "all equipment")


def _zones(site: Site, now: datetime, site_now: datetime) -> list[ZoneState]:
    """Each zone's last frost point; older than ten minutes it says nothing about the air now."""
    states = []
    zones = list(Zone.objects.filter(site=site, retired_at__isnull=True).order_by("code")[:ZONES])
    readings = {
        zone.pk: Measurement.objects.filter(zone=zone, characteristic__code=FROST_POINT)
        .select_related("characteristic")
        .order_by("-measured_at")
        .first()
        for zone in zones
    }
    characteristics = {row.characteristic_id for row in readings.values() if row is not None}
    book = SpecificationBook(characteristics, at=site_now) if characteristics else None
    standing = {state.zone.pk: state for state in standing_of_zones(site, now=now)}
    for zone in zones:
        reading = readings[zone.pk]
        lines = (
            book.lines_for_zone(reading.characteristic_id) if book is not None and reading is not None else []
        )
        strictest = min(
            lines, key=lambda line: line.usl if line.usl is not None else Decimal("Infinity"), default=None
        )
        is_old = reading is not None and site_now - reading.measured_at > timedelta(minutes=10)
        states.append(ZoneState(zone, reading, strictest, is_old, standing[zone.pk]))
    return states
