"""The cycles of a cell's test with the efficiencies that are on record, and what the test breaks of its recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from lots.models import CurveFile
from lots.queries import valid_measurements
from lots.science.formation.cycles import CutoffSource, Cycle
from lots.science.formation.features import FormationResult, formation_result
from lots.science.formation.protocol import FormationProtocol
from lots.steps.formation_protocols import protocol_of_recipe
from mes.connectors.formation_readings import CHARGE, CUTOFFS, DISCHARGE, recipe_of
from mes.curves import load_records

EFFICIENCY = "formation.ce_pct"


@dataclass(frozen=True)
class ShownCycle:
    """What was recorded of a cycle. Capacities are the file's where none is on record, as of a cycle that still runs;
    `ce_pct` is None with the reason where nothing was recorded."""

    values: Cycle
    charge_ah: float
    discharge_ah: float
    ce_pct: float | None
    reason: str


def result_of(cycling: CurveFile) -> FormationResult:
    """The stored test under the recipe that its cell's order pins, as the import evaluated it. Raises CurveMissing."""
    name, parameters = recipe_of(cycling.lot)
    protocol = protocol_of_recipe(name, parameters)
    return _result(cycling.storage_sha256, protocol, parameters.get("nominal_capacity_ah"))


@lru_cache(maxsize=32)
def _result(
    storage_sha256: str, protocol: FormationProtocol | None, nominal_ah: float | None
) -> FormationResult:
    records = load_records(storage_sha256)
    return formation_result(records, protocol=protocol, nominal_capacity_ah=nominal_ah)


def shown_cycles(cycling: CurveFile, found: Sequence[Cycle]) -> tuple[ShownCycle, ...]:
    """The record decides: the file's own step table, which may have told the cut-offs, is not stored with the curve."""
    rows = valid_measurements([cycling.lot_id]).filter(
        execution=cycling.execution_id, characteristic__code__in=(CHARGE, DISCHARGE, EFFICIENCY, CUTOFFS)
    )
    recorded = {
        (code, int(position)): float(value)
        for code, position, value in rows.order_by("received_at", "id").values_list(
            "characteristic__code", "position", "value"
        )
        if position is not None
    }
    return tuple(
        ShownCycle(
            cycle,
            recorded.get((CHARGE, cycle.number), cycle.charge_ah),
            recorded.get((DISCHARGE, cycle.number), cycle.discharge_ah),
            recorded.get((EFFICIENCY, cycle.number)),
            _reason(cycle, recorded.get((EFFICIENCY, cycle.number)), recorded.get((CUTOFFS, cycle.number))),
        )
        for cycle in found
    )


def _reason(cycle: Cycle, ce_pct: float | None, reached: float | None) -> str:
    if ce_pct is not None:
        return ""
    if reached == 0:
        return "a step of the cycle ended before its cut-off"
    if cycle.cutoff_source is CutoffSource.PROTOCOL and cycle.reason:
        return cycle.reason
    if reached is None:
        return "no verdict on its cut-offs is recorded"
    return "no efficiency is recorded"
