"""The station's card of a lot: its next step, what blocks it, what can be started, or the form of what runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lots.models import (
    Characteristic,
    Equipment,
    Hold,
    HoldLot,
    Lot,
    OpenInterval,
    RouteStep,
    Site,
    StepExecution,
    Zone,
)
from lots.queries import active_holds, latest_executions, route_steps
from mes.web.forms.step_form import StepForm, step_form
from mes.web.links import BlockerRow, blocker_rows, hold_rows
from quality.gates import can_proceed, standing
from quality.in_force import is_stopped, stops_for
from quality.models import StreamStop

EQUIPMENT_COOKIE = "halite_equipment"
# Steps at which a container is opened in dry air.
OPENED_AT = {"dry_room", "stacking", "filling"}
MANY_MACHINES = 8


@dataclass(frozen=True)
class Machine:
    equipment: Equipment
    runs: str  # code of the lot that it runs now


@dataclass(frozen=True)
class Card:
    lot: Lot
    holds: list[HoldLot]
    step: RouteStep | None
    execution: StepExecution | None
    blockers: list[BlockerRow]
    preferred: Machine | None
    machines: list[Machine]
    stops: list[StreamStop]
    form: StepForm | None
    open_interval: OpenInterval | None
    zones: list[Zone]
    skip_to: RouteStep | None
    skip_machines: list[Machine]

    @property
    def may_start(self) -> bool:
        return self.execution is None and self.step is not None and not self.blockers


def card_of(lot: Lot, *, now: datetime, site_now: datetime, cookies: Mapping[str, str]) -> Card:
    """Everything the card shows. A running step has the form; otherwise the gate of the next step decides."""
    running = [row for row in latest_executions([lot.pk]).values() if row.finished_at is None]
    execution = min(running, key=lambda row: row.route_step.sequence, default=None)
    preferred: Machine | None = None
    machines: list[Machine] = []
    stops: list[StreamStop] = []
    holds = list(active_holds([lot.pk]))
    step: RouteStep | None
    if execution is not None:
        step, blockers = execution.route_step, hold_rows(holds)
    else:
        step, found = standing(lot, now=now)
        blockers = blocker_rows(lot, found)
        if step is not None and not blockers:
            stops = stops_for(lot, step.step_id)
            preferred, machines = _machines(lot.site, step, cookies.get(EQUIPMENT_COOKIE, ""), stops)
    skip_to, skip_machines = None, []
    if execution is None and step is not None and not step.required:
        skip_to = _required_after(lot, step)
    if skip_to is not None and can_proceed(lot, skip_to.step.code, now=now):
        skip_to = None
    if skip_to is not None:
        first, others = _machines(lot.site, skip_to, "", stops_for(lot, skip_to.step_id))
        skip_machines = [*([first] if first is not None else []), *others]
    is_opened = step is not None and step.step.code in OPENED_AT
    return Card(
        lot=lot,
        holds=holds,
        step=step,
        execution=execution,
        blockers=blockers,
        preferred=preferred,
        machines=machines,
        stops=stops,
        form=step_form(lot, execution, site_now=site_now) if execution is not None else None,
        open_interval=OpenInterval.objects.filter(lot=lot, closed_at__isnull=True)
        .select_related("zone")
        .first(),
        zones=list(Zone.objects.filter(site=lot.site, retired_at__isnull=True).order_by("code"))
        if is_opened
        else [],
        skip_to=skip_to,
        skip_machines=skip_machines,
    )


def _required_after(lot: Lot, step: RouteStep) -> RouteStep | None:
    """The first step behind an optional one that the route demands."""
    return next((s for s in route_steps(lot) if s.sequence > step.sequence and s.required), None)


def _machines(
    site: Site, step: RouteStep, remembered: str, stops: list[StreamStop]
) -> tuple[Machine | None, list[Machine]]:
    """The one machine to offer first, and the others. Neither a cabinet of channels nor what is stopped is offered."""
    rows = list(
        Equipment.objects.filter(site=site, step=step.step_id, retired_at__isnull=True).order_by("code")
    )
    parents = {row.parent_id for row in rows}
    leaves = [row for row in rows if row.pk not in parents and not is_stopped(row, stops)]
    busy = dict(
        StepExecution.objects.filter(equipment__in=leaves, finished_at__isnull=True)
        .order_by("-started_at")
        .values_list("equipment_id", "lot__code")
    )
    machines = [Machine(row, busy.get(row.pk, "")) for row in leaves]
    if len(machines) > MANY_MACHINES:
        machines = [machine for machine in machines if not machine.runs] or machines
    own = next((m for m in machines if m.equipment.code == remembered), None)
    preferred = own or (machines[0] if len(machines) == 1 else None)
    return preferred, [machine for machine in machines if machine is not preferred]


def explain(answer: dict[str, Any], *, replayed: bool) -> dict[str, Any]:
    """A recording's answer in words: names instead of codes, links to the holds that it placed."""
    codes = {entry["characteristic"] for key in ("derived", "missing", "violations") for entry in answer[key]}
    named = {row.code: row for row in Characteristic.objects.filter(code__in=codes)}
    uuids = {entry["hold"] for entry in answer["violations"]} - {None}
    holds = {str(row.uuid): row.pk for row in Hold.objects.filter(uuid__in=uuids)}
    return {
        "replayed": replayed,
        "measurements": answer["measurements"],
        "suspect": answer["suspect"],
        "derived": [{**entry, "known": named.get(entry["characteristic"])} for entry in answer["derived"]],
        "missing": [{**entry, "known": named.get(entry["characteristic"])} for entry in answer["missing"]],
        "violations": _by_hold(answer["violations"], holds),
        "charts": answer["charts"],
    }


def _by_hold(violations: list[dict[str, Any]], holds: Mapping[str, int]) -> list[dict[str, Any]]:
    """One entry for each hold (and lot), with its first sentence and how many more values stand behind it."""
    groups: dict[tuple[str, str | None, str], list[dict[str, Any]]] = {}
    for entry in violations:
        groups.setdefault((entry["lot"], entry["hold"], entry["characteristic"]), []).append(entry)
    return [
        {**group[0], "hold_id": holds.get(group[0]["hold"] or ""), "more": len(group) - 1}
        for group in groups.values()
    ]
