"""The step table of a Neware test: which cut-off ends a step, and whether a step reached it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Step types as Neware numbers them.
_ENDED_BY_VOLTAGE = frozenset({1, 2, 8, 9, 10, 11})  # constant current, power or load
_ENDED_BY_CURRENT = frozenset({3, 7, 18, 19, 20, 26, 27, 28, 29})  # constant voltage, alone or as second half

_VOLTS_PER_UNIT = 1e-4
_AMPERES_PER_UNIT = 1e-3
# The last record may be taken just before the cut-off is met: a record's resolution, not a judgement.
_VOLTAGE_TOLERANCE_V = 0.002
_CURRENT_TOLERANCE = 1.02


@dataclass(frozen=True)
class StepLimits:
    """Cut-offs that the step table sets for one step; None where it sets none."""

    step_type: int
    stop_voltage_v: float | None
    stop_current_a: float | None


@dataclass(frozen=True)
class StepEnd:
    """A step that was run: its last record, and its charge moved (positive on charge), integrated and counted."""

    step_index: int
    step_type: int
    net_ah: float
    counter_ah: float
    voltage_v: float
    current_a: float
    started_unix_s: float
    ended_unix_s: float


def step_limits(metadata: Mapping[str, Any]) -> dict[int, StepLimits]:
    """Cut-offs by step index from the file's metadata; empty when the file holds no step table that is known.

    A table scaled otherwise than in mA and 0.1 mV is not guessed at.
    """
    table = metadata.get("Step")
    if not isinstance(table, Mapping) or _at(table, "Head_Info", "Scale", "Value") != "1":
        return {}
    steps = table.get("Step_Info")
    limits: dict[int, StepLimits] = {}
    for step in steps.values() if isinstance(steps, Mapping) else ():
        index, step_type = _number(step, "Step_ID"), _number(step, "Step_Type")
        if index is None or step_type is None:
            continue
        voltage = _number(step, "Limit", "Main", "Stop_Volt", "Value")
        current = _number(step, "Limit", "Main", "Stop_Curr", "Value")
        limits[int(index)] = StepLimits(
            step_type=int(step_type),
            stop_voltage_v=None if voltage is None else voltage * _VOLTS_PER_UNIT,
            stop_current_a=None if current is None else abs(current) * _AMPERES_PER_UNIT,
        )
    return limits


def reached_cutoff(step: StepEnd, limits: Mapping[int, StepLimits]) -> bool | None:
    """Whether a step ended at its cut-off and not by a time limit, a stop or a truncated file.

    None when the table does not say where the step should have ended.
    """
    limit = limits.get(step.step_index)
    if limit is None or limit.step_type != step.step_type:
        return None
    if step.step_type in _ENDED_BY_VOLTAGE and limit.stop_voltage_v is not None:
        if step.net_ah >= 0:
            return step.voltage_v >= limit.stop_voltage_v - _VOLTAGE_TOLERANCE_V
        return step.voltage_v <= limit.stop_voltage_v + _VOLTAGE_TOLERANCE_V
    if step.step_type in _ENDED_BY_CURRENT and limit.stop_current_a is not None:
        return abs(step.current_a) <= limit.stop_current_a * _CURRENT_TOLERANCE
    return None


def _at(node: Any, *keys: str) -> Any:
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def _number(node: Any, *keys: str) -> float | None:
    try:
        return float(_at(node, *keys))
    except (TypeError, ValueError):
        return None
