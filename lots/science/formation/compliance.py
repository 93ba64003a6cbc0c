"""Did a test run as its protocol says, and what follows if not.

Handbook 7.4, 7.5 and 12.3: the upper voltage is never exceeded (fail); a current off its set value makes the cycle
invalid; an early jump of resistance stops the test; a chamber out of its band rejects the run; a wide spread of early
cycles within a lot holds the lot; any changed element of the profile asks for a new baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from lots.science.formation.cycles import Cutoffs
from lots.science.formation.records import CyclerRecords
from lots.science.formation.resistance import StepResistance, resistance_jump_pct
from lots.science.formation.segments import StepKind, StepTable

# The part of a step in which the set current is not yet, or no longer, expected.
_SETTLING_S = 30.0
_HOLD_V = 0.005
# A reading above the limit by no more than this is the instrument and not the cell.
_VOLTAGE_TOLERANCE_V = 0.005


@dataclass(frozen=True)
class Stage:
    """Cycles that run at one rate: `c_rate` in 1/h of the nominal capacity."""

    cycles: int
    c_rate: float


@dataclass(frozen=True)
class FormationProtocol:
    """One version of a formation profile. Voltages V, times min, temperatures °C, tolerances in %.

    `chamber_tolerance_c`, `current_tolerance_pct` and `resistance_jump_limit_pct` are limits, the rest is the
    profile itself. `revision` 0: the `id` names its revision itself, as that of a recipe does.
    """

    id: str
    revision: int
    stages: tuple[Stage, ...]
    cutoffs: Cutoffs
    rest_before_min: float
    rest_between_min: float
    temperature_c: float
    ocv_low_v: float
    ocv_high_v: float
    current_tolerance_pct: float = 0.5
    chamber_tolerance_c: float = 2.0
    resistance_jump_limit_pct: float = 40.0
    resistance_time_s: float = 10.0

    @property
    def version(self) -> str:
        return f"{self.id} rev {self.revision}" if self.revision else self.id


class Consequence(StrEnum):
    """In order of severity."""

    CYCLE_INVALID = "cycle_invalid"
    STOP = "stop"
    REJECT_RUN = "reject_run"
    FAIL = "fail"


class Rule(StrEnum):
    OVER_VOLTAGE = "over_voltage"
    CURRENT_OFF = "current_off_tolerance"
    RESISTANCE_JUMP = "resistance_jump"
    CHAMBER_OUT_OF_BAND = "chamber_out_of_band"
    OCV_OUT_OF_RANGE = "ocv_out_of_range"


@dataclass(frozen=True)
class Finding:
    rule: Rule
    consequence: Consequence
    cycle: int | None
    words: str


def check_compliance(
    records: CyclerRecords,
    table: StepTable,
    protocol: FormationProtocol,
    *,
    nominal_capacity_ah: float | None = None,
    resistances: Sequence[StepResistance] = (),
) -> tuple[Finding, ...]:
    """What the records break of the protocol; empty when nothing. Works on a test that is still running.

    Without `nominal_capacity_ah` the set currents are not known and the current rule is left out.
    """
    findings = [
        *_over_voltage(table, protocol),
        *_ocv(records, table, protocol),
        *_chamber(records, protocol),
    ]
    if nominal_capacity_ah is not None:
        findings += _current(records, table, protocol, nominal_capacity_ah)
    findings += _resistance(resistances, protocol)
    return tuple(findings)


def _over_voltage(table: StepTable, protocol: FormationProtocol) -> list[Finding]:
    limit = protocol.cutoffs.upper_v + _VOLTAGE_TOLERANCE_V
    return [
        Finding(
            Rule.OVER_VOLTAGE,
            Consequence.FAIL,
            int(table.cycle[row]),
            f"cycle {table.cycle[row]} reaches {table.max_v[row]:.3f} V, above the {protocol.cutoffs.upper_v:g} V of"
            f" {protocol.version}",
        )
        for row in np.flatnonzero(table.max_v > limit)
    ]


def _ocv(records: CyclerRecords, table: StepTable, protocol: FormationProtocol) -> list[Finding]:
    if table.kind[0] is not StepKind.REST:
        return []
    ocv = float(table.end_v[0])
    if protocol.ocv_low_v <= ocv <= protocol.ocv_high_v:
        return []
    return [
        Finding(
            Rule.OCV_OUT_OF_RANGE,
            Consequence.STOP,
            None,
            f"open-circuit voltage before formation is {ocv:.3f} V, outside {protocol.ocv_low_v:g} to"
            f" {protocol.ocv_high_v:g} V: check polarity, contact and shorts",
        )
    ]


def _chamber(records: CyclerRecords, protocol: FormationProtocol) -> list[Finding]:
    if records.temperature_c is None:
        return []
    known = records.temperature_c[np.isfinite(records.temperature_c)]
    if known.size == 0:
        return []
    worst = float(known[int(np.argmax(np.abs(known - protocol.temperature_c)))])
    if abs(worst - protocol.temperature_c) <= protocol.chamber_tolerance_c:
        return []
    return [
        Finding(
            Rule.CHAMBER_OUT_OF_BAND,
            Consequence.REJECT_RUN,
            None,
            f"temperature reaches {worst:.1f} °C; {protocol.version} asks for {protocol.temperature_c:g} ±"
            f" {protocol.chamber_tolerance_c:g} °C",
        )
    ]


def _current(
    records: CyclerRecords, table: StepTable, protocol: FormationProtocol, nominal_ah: float
) -> list[Finding]:
    rates = [stage.c_rate for stage in protocol.stages for _ in range(stage.cycles)]
    findings = []
    for position, cycle in enumerate(np.unique(table.cycle)):
        if position >= len(rates):
            break
        set_a = rates[position] * nominal_ah
        worst = 0.0
        for row in np.flatnonzero(table.cycle == cycle):
            if table.kind[row] is not StepKind.REST:
                worst = max(worst, _off_pct(records, table, int(row), set_a, protocol), key=abs)
        if abs(worst) > protocol.current_tolerance_pct:
            findings.append(
                Finding(
                    Rule.CURRENT_OFF,
                    Consequence.CYCLE_INVALID,
                    int(cycle),
                    f"current of cycle {cycle} is {worst:+.2f} % off its set {set_a:g} A, more than"
                    f" ±{protocol.current_tolerance_pct:g} %",
                )
            )
    return findings


def _off_pct(
    records: CyclerRecords, table: StepTable, row: int, set_a: float, protocol: FormationProtocol
) -> float:
    """Deviation of the median current of the constant-current part of a step, %."""
    part = slice(int(table.first[row]), int(table.last[row]) + 1)
    time, voltage = records.time_s[part], records.voltage_v[part]
    held = voltage >= protocol.cutoffs.upper_v - _HOLD_V
    settled = (time - time[0] >= _SETTLING_S) & ~(held & (table.kind[row] is StepKind.CHARGE))
    if np.count_nonzero(settled) < 3:
        return 0.0
    return 100.0 * (float(np.median(np.abs(records.current_a[part][settled]))) / set_a - 1.0)


def _resistance(resistances: Sequence[StepResistance], protocol: FormationProtocol) -> list[Finding]:
    """A jump between the medians of two neighbouring cycles."""
    by_cycle: dict[int, list[float]] = {}
    for one in resistances:
        if one.stated_s == protocol.resistance_time_s and one.resistance_mohm > 0:
            by_cycle.setdefault(one.cycle, []).append(one.resistance_mohm)
    medians = [(cycle, float(np.median(values))) for cycle, values in sorted(by_cycle.items())]
    findings = []
    for (_, earlier), (cycle, later) in pairwise(medians):
        jump = resistance_jump_pct(earlier, later)
        if jump > protocol.resistance_jump_limit_pct:
            findings.append(
                Finding(
                    Rule.RESISTANCE_JUMP,
                    Consequence.STOP,
                    cycle,
                    f"resistance rises by {jump:.0f} % to {later:.3g} mΩ in cycle {cycle}: stop and look at contact and"
                    " interface",
                )
            )
    return findings


def changed_elements(old: FormationProtocol, new: FormationProtocol) -> tuple[str, ...]:
    """Names of the profile's elements that differ; any of them asks for a new baseline.

    The same elements under a new revision number need none.
    """
    return tuple(
        field.name
        for field in fields(FormationProtocol)
        if field.name != "revision" and getattr(old, field.name) != getattr(new, field.name)
    )


# Handbook 7.4 stops a lot whose early cycles spread widely and gives no number: 2 % is an assumption.
EARLY_SPREAD_LIMIT_PCT = 2.0


def spread_holds_lot(values: ArrayLike, *, limit_cv_pct: float, min_cells: int = 5) -> tuple[bool, float]:
    """Whether the early cycles of a lot spread too widely, and their robust coefficient of variation, %.

    Raises:
        ValueError: fewer than `min_cells` finite values, a median of zero, or a limit not above zero.
    """
    sample = np.asarray(values, dtype=np.float64)
    sample = sample[np.isfinite(sample)]
    if limit_cv_pct <= 0:
        raise ValueError("limit_cv_pct must be above zero")
    if sample.size < min_cells:
        raise ValueError(f"values needs at least {min_cells} cells")
    median = float(np.median(sample))
    if median == 0:
        raise ValueError("values has a median of zero: a relative spread is not defined")
    cv = 100.0 * 1.4826 * float(np.median(np.abs(sample - median))) / abs(median)
    return cv > limit_cv_pct, cv
