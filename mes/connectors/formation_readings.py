"""The readings that a cycler file gives of a cell: what is recorded of each cycle, and of the run as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from lots.catalogue import recipe_parameters, recipe_revision
from lots.envelope import ReadingIn
from lots.models import Lot, Measurement, RecipeRevision, StepExecution
from lots.queries import current_measurements
from lots.science.formation.counters import CounterVerdict
from mes.connectors.cycler.file import CyclerCycle, CyclerFile

CHARGE = "formation.charge_capacity_ah"
DISCHARGE = "formation.discharge_capacity_ah"
CUTOFFS = "formation.cutoffs_reached"
COMPLIANT = "formation.compliant"
RESISTANCE = "formation.resistance_mohm"
# The recipe's time after a step of current at which the resistance is read; those of its protocol are named in
# `lots.steps.formation_protocols`.
RESISTANCE_TIME = "resistance_time_s"


def recipe_of(cell: Lot) -> tuple[str, Mapping[str, float]]:
    """Name and parameters of the recipe that the cell's order pins; empty where there is none."""
    if cell.work_order_id is None:
        return "", {}
    revision = recipe_revision(cell.work_order_id, cell.material_id)
    if revision is None:
        return "", {}
    name = str(RecipeRevision.objects.select_related("recipe").get(pk=revision))
    return name, recipe_parameters(revision)


def recorded_cycles(cell: Lot, execution: StepExecution) -> dict[int, dict[str, Decimal]]:
    """Latest capacities of each cycle of this run that has one, by cycle and characteristic."""
    rows = Measurement.objects.filter(
        lot_id=cell.pk,
        execution=execution,
        characteristic__code__in=(CHARGE, DISCHARGE),
    )
    recorded: dict[int, dict[str, Decimal]] = {}
    found = current_measurements(rows).order_by("received_at", "id")
    for position, code, value in found.values_list("position", "characteristic__code", "value"):
        if position is not None:
            recorded.setdefault(int(position), {})[code] = value
    return recorded


def new_cycles(
    cycles: tuple[CyclerCycle, ...], recorded: dict[int, dict[str, Decimal]], *, goes_on: bool
) -> list[CyclerCycle]:
    """Cycles that are not recorded; of the same test gone on, those whose values are others now too."""
    new = []
    for cycle in cycles:
        known = recorded.get(cycle.number)
        if known is None or (goes_on and known != _values(cycle, known)):
            new.append(cycle)
    return new


def _values(cycle: CyclerCycle, like: dict[str, Decimal]) -> dict[str, Decimal]:
    values = {CHARGE: Decimal(f"{cycle.charge_ah:.6f}"), DISCHARGE: Decimal(f"{cycle.discharge_ah:.6f}")}
    return {code: values[code] for code in like}


def readings_of_cycles(
    cycles: Iterable[CyclerCycle], cell: Lot, shift: timedelta, *, not_before: datetime | None = None
) -> list[ReadingIn]:
    """Two capacities a cycle, and the cut-off verdict where the file gives one.

    `not_before`: the end of the earlier part of the same test. What has changed since ended after it; a simulated
    site moves the times of each part on its own, and an older time would leave the old value the latest.
    """
    readings = []
    for cycle in cycles:
        values = [(CHARGE, f"{cycle.charge_ah:.6f}", "A.h"), (DISCHARGE, f"{cycle.discharge_ah:.6f}", "A.h")]
        if cycle.cutoffs_reached is not None:
            values.append((CUTOFFS, str(int(cycle.cutoffs_reached)), "1"))
        readings += [
            ReadingIn(
                characteristic=characteristic,
                value=value,
                unit=unit,
                measured_at=max(cycle.ended_at + shift, not_before or cycle.ended_at + shift),
                lot=cell.code,
                position=str(cycle.number),
            )
            for characteristic, value, unit in values
        ]
    return readings


def contradictions(cycles: Iterable[CyclerCycle]) -> list[str]:
    """In words, each cycle whose records and whose counter contradict each other."""
    return [
        f"in cycle {one.number} the current integrates to {one.values.charge_integrated_ah:.6g} A·h charged and"
        f" {one.values.discharge_integrated_ah:.6g} A·h discharged, the cycler counted"
        f" {one.values.charge_counter_ah:.6g} and {one.values.discharge_counter_ah:.6g}"
        for one in cycles
        if one.values.counters is CounterVerdict.DIFFERS
    ]


def readings_of_run(file: CyclerFile, cell: Lot, shift: timedelta) -> list[ReadingIn]:
    """Whether the run followed its protocol, and the resistance at the time that the recipe states."""
    at = file.cycles[-1].ended_at + shift
    values = []
    if file.result.compliance is not None and file.result.compliance.passed is not None:
        values.append((COMPLIANT, str(int(file.result.compliance.passed)), "1"))
    _, parameters = recipe_of(cell)
    stated = parameters.get(RESISTANCE_TIME)
    known = [one.resistance_mohm for one in file.result.resistances if one.stated_s == stated]
    if known:
        values.append((RESISTANCE, f"{known[-1]:.6f}", "mOhm"))
    return [
        ReadingIn(characteristic=code, value=value, unit=unit, measured_at=at, lot=cell.code)
        for code, value, unit in values
    ]
