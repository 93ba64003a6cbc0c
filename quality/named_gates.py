"""The named gates of a lot: the state of each check, and what of it blocks.

A gate stands for a kind of material behind one step and before another, or before the lot leaves; its checks are the
control-plan lines that name it. A check passes when its values are there and within limits. Only a deviation in force
lets a lot pass otherwise. Out of limits it stands beside the disposition of the hold, which alone passes no gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lots.masters import remembered
from lots.models import Lot, ProcessStep, RouteStep, StepExecution
from lots.units import written_unit
from quality.blockers import Blocker, Code
from quality.gate_facts import Evidence, Outside
from quality.in_force import asked_of
from quality.models import ControlPlanLine, ControlPlanRevision, Deviation, NamedGate
from quality.plans import lines_for


class State(StrEnum):
    NOT_DUE = "not due"
    MISSING = "missing"
    UNDETERMINED = "undetermined"
    OUTSIDE = "out of limits"
    DEVIATION = "deviation"
    FLAGGED = "flagged"
    PASSED = "passed"


BLOCKING = {State.MISSING, State.UNDETERMINED, State.OUTSIDE}


@dataclass(frozen=True)
class Check:
    """One line of a gate for one lot: values there and needed, those out of limits, and the deviation in force."""

    line: ControlPlanLine
    have: int
    needed: int
    state: State
    outside: tuple[Outside, ...] = ()
    deviation: Deviation | None = None

    @property
    def blocks(self) -> bool:
        return self.state in BLOCKING


@dataclass(frozen=True)
class GateStanding:
    """A gate with its checks for one lot; `checks` is empty where the control plan names none."""

    gate: NamedGate
    checks: tuple[Check, ...]

    @property
    def is_passed(self) -> bool:
        return all(not check.blocks and check.state != State.NOT_DUE for check in self.checks)


def standings_of(
    lot: Lot,
    revision: ControlPlanRevision,
    steps: list[RouteStep],
    executions: dict[tuple[int, int], StepExecution],
    evidence: Evidence,
) -> list[GateStanding]:
    """Every gate of the lot's material with the state of its checks, along the line."""
    checks: dict[str, list[Check]] = {}
    for step in steps:
        execution = executions.get((lot.pk, step.pk))
        for line in lines_for(revision, step.step_id, lot.material_id):
            if line.gate:
                checks.setdefault(line.gate, []).append(_check(line, lot, execution, evidence))
    return [
        GateStanding(gate, tuple(checks[gate.code]))
        for gate in gates_of(lot.material.kind)
        if gate.code in checks
    ]


def gate_blockers(
    lot: Lot,
    revision: ControlPlanRevision,
    steps: list[RouteStep],
    executions: dict[tuple[int, int], StepExecution],
    evidence: Evidence,
    *,
    target: RouteStep | None,
) -> list[Blocker]:
    """What of the gates before `target` (None: before it leaves) keeps the lot; what is missing is said elsewhere.

    A check of a step that was not done is not due here: that the step comes first is a blocker of its own.
    """
    return [
        Blocker(
            Code.GATE,
            f"{standing.gate.get_code_display()}: {_words(lot, check, evidence)}",
            "gate",
            standing.gate.pk,
        )
        for standing in standings_of(lot, revision, steps, executions, evidence)
        if _stands_before(standing.gate, target)
        for check in standing.checks
        if check.state == State.OUTSIDE
        or (check.state == State.MISSING and check.have >= check.line.required_count)
    ]


@remembered(NamedGate, ProcessStep)
def gates_of(material_kind: str) -> tuple[NamedGate, ...]:
    """The gates of a kind of material, along the line."""
    return tuple(
        NamedGate.objects.filter(material_kind=material_kind)
        .select_related("after_step", "before_step")
        .order_by("position")
    )


def _stands_before(gate: NamedGate, target: RouteStep | None) -> bool:
    if target is None:
        return True
    return gate.before_step is not None and gate.before_step.sequence <= target.step.sequence


def _check(line: ControlPlanLine, lot: Lot, execution: StepExecution | None, evidence: Evidence) -> Check:
    key = (lot.pk, line.characteristic_id)
    have = evidence.counts[key]
    needed = max(1, line.required_count)
    if execution is None or execution.lot_id != lot.pk:
        # What a roll had behind it before it was cut or joined was asked for then.
        return Check(line, have, needed, State.NOT_DUE if execution is None else State.PASSED)
    (asked,) = asked_of(lot, execution, [line])
    needed = max(1, asked.line.required_count)
    outside = tuple(evidence.outside.get(key, ()))
    deviation = evidence.deviations.get((lot.pk, line.gate, line.characteristic_id))
    if have < needed:
        state = State.MISSING
    elif any((row.lot_id, row.characteristic_id) == key for row in evidence.undetermined):
        state = State.UNDETERMINED
    elif any(each.must for each in outside):
        state = State.OUTSIDE
    else:
        state = State.FLAGGED if outside else State.PASSED
    if any(each.needs_more_than(deviation) for each in outside):
        state = State.OUTSIDE
    elif deviation is not None and state in BLOCKING:
        state = State.DEVIATION
    return Check(asked.line, have, needed, state, outside, deviation)


def _words(lot: Lot, check: Check, evidence: Evidence) -> str:
    name, unit = check.line.characteristic.name, written_unit(check.line.characteristic.unit)
    if check.state == State.MISSING:
        return f"{name} has {evidence.present((lot.pk, check.line.characteristic_id), check.needed)}"
    worst = next(each for each in check.outside if each.needs_more_than(check.deviation))
    value = f"{worst.text} {unit}".strip()
    if check.deviation is not None:
        return (
            f"{name} {value} is out of limits, and the deviation was signed for other values; ask for another"
        )
    return f"{name} {value} is out of limits; beside the disposition of its hold it needs a deviation, signed by two"
