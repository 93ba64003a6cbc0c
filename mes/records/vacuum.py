"""The chamber pressure of a filling as data: evacuations, the soaks between them and what the recipe misses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lots.models import CurveFile
from lots.science.wetting import VacuumStepSet, missed_steps, soaks_s, vacuum_steps
from mes.connectors.formation_readings import recipe_of
from mes.connectors.series.record import derived_values
from mes.records.find import described, digits, thinned, values_out

POINTS_SHOWN = 1_500
MOST_STEPS = 20


def pressure_json(record: CurveFile) -> dict[str, Any]:
    """The stored profile and what follows from it. Raises CurveMissing."""
    columns, derived = derived_values(record)
    time, pressure = columns["time_s"], columns["pressure_mbar"]
    shown = thinned(time, POINTS_SHOWN)
    asked = asked_of(recipe_of(record.lot)[1])
    steps: list[dict[str, float]] = []
    missed: list[str] = []
    if not derived.problems:
        found, soaks = vacuum_steps(time, pressure), soaks_s(time, pressure)
        steps = [
            {
                "started_s": digits(step.started_s),
                "lowest_mbar": digits(step.lowest_mbar),
                "held_s": digits(step.held_s),
                "soak_s": digits(soak),
            }
            for step, soak in zip(found, soaks, strict=True)
        ]
        missed = list(missed_steps(time, pressure, asked)) if asked else []
    return {
        "time_s": [digits(float(value)) for value in time[shown]],
        "pressure_mbar": [digits(float(value)) for value in pressure[shown]],
        "steps": steps[:MOST_STEPS],
        "asked": len(asked),
        "missed": missed,
        "values": values_out(derived),
        "problems": list(derived.problems),
        "source": described(record),
    }


def asked_of(recipe: Mapping[str, float]) -> list[VacuumStepSet]:
    """The recipe's evacuations: `vacuum_1_target_mbar` and `vacuum_1_hold_s`, then 2 and so on; none, none asked."""
    asked = []
    for number in range(1, MOST_STEPS + 1):
        target, hold = recipe.get(f"vacuum_{number}_target_mbar"), recipe.get(f"vacuum_{number}_hold_s")
        if target is None or hold is None:
            break
        asked.append(VacuumStepSet(target_mbar=target, hold_s=hold))
    return asked
