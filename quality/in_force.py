"""What reactions have left in force on a stream: tightened sampling, and stops."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lots.masters import remembered
from lots.models import Equipment, Lot, RouteStep, Site, StepExecution
from lots.queries import recipe_revision_of
from quality.blockers import Blocker, Code
from quality.models import ControlPlanLine, StreamStop, Tightening
from quality.models.reaction import OfStream


@dataclass(frozen=True)
class Asked:
    """A control-plan line as it asks one run of a lot; with a tightening its count is that many times the plan's."""

    line: ControlPlanLine
    tightening: Tightening | None = None


def asked_of(lot: Lot, execution: StepExecution, lines: Iterable[ControlPlanLine]) -> list[Asked]:
    """The lines as they ask this run: tightened where it started while a tightening of its stream was in force."""
    known = [t for t in _tightenings(lot.site_id) if _was_in_force(t, execution)]
    if not known:
        return [Asked(line) for line in lines]
    recipe = recipe_revision_of([lot]).get(lot.pk)
    own = {
        tightening.characteristic_id: tightening
        for tightening in known
        if _concerns(tightening, lot, recipe) and tightening.equipment_id in {None, execution.equipment_id}
    }
    return [_asked(line, own.get(line.characteristic_id)) for line in lines]


def open_tightening(site: Site, chart_id: int) -> Tightening | None:
    """The tightening in force on the chart's stream."""
    return next((t for t in _tightenings(site.pk) if t.chart_id == chart_id and t.ended_at is None), None)


def open_stops(site: Site) -> tuple[StreamStop, ...]:
    """Stops that nobody has lifted, the oldest first."""
    return _stops(site.pk)


def stops_for(lot: Lot, step_id: int) -> list[StreamStop]:
    """Open stops of the step that concern the lot, on whatever machine."""
    stops = [stop for stop in _stops(lot.site_id) if stop.step_id == step_id]
    if not stops:
        return []
    recipe = recipe_revision_of([lot]).get(lot.pk)
    return [stop for stop in stops if _concerns(stop, lot, recipe)]


def stop_blockers(
    lot: Lot, step: RouteStep, machines: Mapping[int, Equipment | None] | None
) -> list[Blocker]:
    """Stops that keep the lot from starting the step.

    `machines` are those on which the lots start (None: without one, which a stop of any machine refuses); while
    nobody has chosen, a stop blocks when it leaves no machine of the step.
    """
    stops = stops_for(lot, step.step_id)
    if not stops:
        return []
    if machines is None:
        blocking = [stop for stop in stops if stop.equipment_id is None] or _all_stopped(lot, step, stops)
    else:
        machine = machines.get(lot.pk)
        blocking = [stop for stop in stops if machine is None or is_stopped(machine, [stop])]
    return [
        Blocker(Code.STOPPED, f"{stop.reason}; a quality engineer must lift the stop", "stop", stop.pk)
        for stop in blocking
    ]


def is_stopped(machine: Equipment, stops: Iterable[StreamStop]) -> bool:
    """Whether one of the stops holds for the machine, or for the one that it is a part of."""
    return any(stop.equipment_id in {None, machine.pk, machine.parent_id or machine.pk} for stop in stops)


def _all_stopped(lot: Lot, step: RouteStep, stops: list[StreamStop]) -> list[StreamStop]:
    machines = Equipment.objects.filter(site=lot.site_id, step=step.step_id, retired_at__isnull=True)
    parents = {machine.parent_id for machine in machines}
    leaves = [machine for machine in machines if machine.pk not in parents]
    return stops if all(is_stopped(machine, stops) for machine in leaves) else []


@remembered(Tightening)
def _tightenings(site_id: int) -> tuple[Tightening, ...]:
    return tuple(Tightening.objects.filter(site=site_id).order_by("pk"))


@remembered(StreamStop)
def _stops(site_id: int) -> tuple[StreamStop, ...]:
    return tuple(StreamStop.objects.filter(site=site_id, lifted_at__isnull=True).order_by("pk"))


def _asked(line: ControlPlanLine, tightening: Tightening | None) -> Asked:
    if tightening is None:
        return Asked(line)
    more = copy.copy(line)  # what is remembered of the plan stays as it is
    more.required_count = max(1, line.required_count) * tightening.factor
    return Asked(more, tightening)


def _was_in_force(tightening: Tightening, execution: StepExecution) -> bool:
    return tightening.opened_at <= execution.started_at and (
        tightening.ended_at is None or tightening.ended_at > execution.started_at
    )


def _concerns(stream: OfStream, lot: Lot, recipe: int | None) -> bool:
    return (
        stream.material_id in {None, lot.material_id}
        and stream.product_revision_id in {None, lot.product_revision_id}
        and stream.recipe_revision_id in {None, recipe}
    )
