"""Did a test run as its protocol says, and what follows if not; what the records cannot tell is not passed.

Handbook 7.4, 7.5 and 12.3: the upper voltage is never exceeded (fail); a current or a rest off its set value makes the
cycle invalid; an early jump of resistance stops the test; a chamber out of its band rejects the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np

from lots.science.formation.protocol import FormationProtocol
from lots.science.formation.records import CyclerRecords
from lots.science.formation.resistance import StepResistance, resistance_jump_pct
from lots.science.formation.segments import StepKind, StepTable

# The part of a step in which the set current is not yet, or no longer, expected.
_SETTLING_S = 30.0
_HOLD_V = 0.005
# A reading above the limit by no more than this is the instrument and not the cell.
_VOLTAGE_TOLERANCE_V = 0.005
# Fewer settled records than this give no current of a step.
_LEAST_SETTLED = 3
# The handbook fixes the rests and gives no tolerance: 5 %, at least a minute, is an assumption.
_REST_TOLERANCE, _LEAST_REST_TOLERANCE_MIN = 0.05, 1.0
# Steps that move less than this share of the largest charge are pulses and not half cycles.
_HALF_CYCLE_SHARE = 0.2


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
    REST_OFF = "rest_off_tolerance"


@dataclass(frozen=True)
class Finding:
    rule: Rule
    consequence: Consequence
    cycle: int | None
    words: str


@dataclass(frozen=True)
class Unjudged:
    """A rule that the protocol asks for and the records cannot answer; `words` name what is missing."""

    rule: Rule
    words: str


@dataclass(frozen=True)
class Compliance:
    """`findings` are what is broken; `unjudged` what could not be looked at, so that the run has not passed."""

    findings: tuple[Finding, ...]
    unjudged: tuple[Unjudged, ...]

    @property
    def passed(self) -> bool | None:
        """None where nothing is broken as far as could be looked at, which was not everything."""
        return False if self.findings else None if self.unjudged else True


def check_compliance(
    records: CyclerRecords,
    table: StepTable,
    protocol: FormationProtocol,
    *,
    nominal_capacity_ah: float | None = None,
    resistances: Sequence[StepResistance] = (),
) -> Compliance:
    """What the records break of the protocol, and what they cannot tell. Works on a test that is still running."""
    judged: list[Finding | Unjudged] = [
        *_over_voltage(table, protocol),
        *_ocv(table, protocol),
        *_chamber(records, protocol),
        *_rests(table, protocol),
        *_current(records, table, protocol, nominal_capacity_ah),
        *_resistance(resistances, protocol),
    ]
    return Compliance(
        findings=tuple(one for one in judged if isinstance(one, Finding)),
        unjudged=tuple(one for one in judged if isinstance(one, Unjudged)),
    )


def _over_voltage(table: StepTable, protocol: FormationProtocol) -> Iterator[Finding]:
    limit = protocol.cutoffs.upper_v + _VOLTAGE_TOLERANCE_V
    for row in np.flatnonzero(table.max_v > limit):
        yield Finding(
            Rule.OVER_VOLTAGE,
            Consequence.FAIL,
            int(table.cycle[row]),
            f"cycle {table.cycle[row]} reaches {table.max_v[row]:.3f} V, above the {protocol.cutoffs.upper_v:g} V of"
            f" {protocol.version}",
        )


def _ocv(table: StepTable, protocol: FormationProtocol) -> Iterator[Finding | Unjudged]:
    if not (np.isfinite(protocol.ocv_low_v) or np.isfinite(protocol.ocv_high_v)):
        return
    if table.kind[0] is not StepKind.REST:
        yield Unjudged(
            Rule.OCV_OUT_OF_RANGE,
            "the open-circuit voltage before formation cannot be judged: the file does not begin with a rest",
        )
        return
    ocv = float(table.end_v[0])
    if not protocol.ocv_low_v <= ocv <= protocol.ocv_high_v:
        yield Finding(
            Rule.OCV_OUT_OF_RANGE,
            Consequence.STOP,
            None,
            f"open-circuit voltage before formation is {ocv:.3f} V, outside {protocol.ocv_low_v:g} to"
            f" {protocol.ocv_high_v:g} V: check polarity, contact and shorts",
        )


def _chamber(records: CyclerRecords, protocol: FormationProtocol) -> Iterator[Finding | Unjudged]:
    if protocol.temperature_c is None:
        return
    readings = records.temperature_c
    known = np.empty(0) if readings is None else readings[np.isfinite(readings)]
    if known.size == 0:
        yield Unjudged(
            Rule.CHAMBER_OUT_OF_BAND,
            f"the temperature cannot be judged: {protocol.version} asks for {protocol.temperature_c:g} °C and the"
            " file has no temperature column with values",
        )
        return
    worst = float(known[int(np.argmax(np.abs(known - protocol.temperature_c)))])
    if abs(worst - protocol.temperature_c) > protocol.chamber_tolerance_c:
        yield Finding(
            Rule.CHAMBER_OUT_OF_BAND,
            Consequence.REJECT_RUN,
            None,
            f"temperature reaches {worst:.1f} °C; {protocol.version} asks for {protocol.temperature_c:g} ±"
            f" {protocol.chamber_tolerance_c:g} °C",
        )


def _rests(table: StepTable, protocol: FormationProtocol) -> Iterator[Finding | Unjudged]:
    """Time before the first charge, at least as asked, and between half cycles, as asked."""
    halves = _half_cycles(table)
    before, between = protocol.rest_before_min, protocol.rest_between_min
    if before:
        rested = float(table.start_s[halves[0]] - table.start_s[0]) / 60.0 if halves else 0.0
        if table.kind[0] is not StepKind.REST or not halves:
            yield Unjudged(
                Rule.REST_OFF,
                f"the rest of {before:g} min before the first charge cannot be judged: the file does not begin with"
                " a rest and go on with a charge",
            )
        elif rested < before - _rest_tolerance_min(before):
            yield _rest_off(table, halves[0], f"{rested:.1f} min before the first charge, not {before:g} min")
    if between:
        neighbours = [pair for pair in pairwise(halves) if table.kind[pair[0]] is not table.kind[pair[1]]]
        if not neighbours:
            yield Unjudged(
                Rule.REST_OFF,
                f"the rests of {between:g} min cannot be judged: the file has no charge with a discharge after it",
            )
        for earlier, later in neighbours:
            ended = float(table.start_s[earlier] + table.duration_s[earlier])
            rested = (float(table.start_s[later]) - ended) / 60.0
            if abs(rested - between) > _rest_tolerance_min(between):
                where = f"{rested:.1f} min before the {table.kind[later]} of cycle {table.cycle[later]}"
                yield _rest_off(table, later, f"{where}, not {between:g} min")


def _rest_tolerance_min(asked_min: float) -> float:
    return max(_LEAST_REST_TOLERANCE_MIN, _REST_TOLERANCE * asked_min)


def _rest_off(table: StepTable, row: int, words: str) -> Finding:
    return Finding(
        Rule.REST_OFF,
        Consequence.CYCLE_INVALID,
        int(table.cycle[row]),
        f"the cell rests {words}",
    )


def _half_cycles(table: StepTable) -> list[int]:
    """Rows that charge or discharge the cell by a good part of what it takes."""
    moved = np.abs(table.net_ah)
    least = _HALF_CYCLE_SHARE * float(np.max(moved))
    return [row for row in range(table.size) if table.kind[row] is not StepKind.REST and moved[row] >= least]


def _current(
    records: CyclerRecords, table: StepTable, protocol: FormationProtocol, nominal_ah: float | None
) -> Iterator[Finding | Unjudged]:
    rates = [stage.c_rate for stage in protocol.stages for _ in range(stage.cycles)]
    if not rates:
        return
    if nominal_ah is None:
        yield Unjudged(
            Rule.CURRENT_OFF,
            f"the currents cannot be judged: nominal_capacity_ah is not known, from which those of {protocol.version}"
            " follow",
        )
        return
    cycles = [int(cycle) for cycle in np.unique(table.cycle)]
    for position, rate in enumerate(rates):
        if rate is None:
            words = f"the current of cycle {position + 1} cannot be judged: no c_rate_{position + 1} is set"
            yield Unjudged(Rule.CURRENT_OFF, words)
        elif position >= len(cycles):
            words = f"the file holds {len(cycles)} of the {len(rates)} cycles of {protocol.version}"
            yield Unjudged(Rule.CURRENT_OFF, words)
            return
        else:
            yield from _current_of_cycle(records, table, protocol, cycles[position], rate * nominal_ah)


def _current_of_cycle(
    records: CyclerRecords, table: StepTable, protocol: FormationProtocol, cycle: int, set_a: float
) -> Iterator[Finding | Unjudged]:
    worst = 0.0
    seen: set[StepKind] = set()
    for row in np.flatnonzero(table.cycle == cycle):
        kind = table.kind[row]
        off_pct = None if kind is StepKind.REST else _off_pct(records, table, int(row), set_a, protocol)
        if off_pct is not None:
            worst = max(worst, off_pct, key=abs)
            seen.add(kind)
    if abs(worst) > protocol.current_tolerance_pct:
        yield Finding(
            Rule.CURRENT_OFF,
            Consequence.CYCLE_INVALID,
            cycle,
            f"current of cycle {cycle} is {worst:+.2f} % off its set {set_a:g} A, more than"
            f" ±{protocol.current_tolerance_pct:g} %",
        )
    for kind in (StepKind.CHARGE, StepKind.DISCHARGE):
        if kind not in seen:
            yield Unjudged(
                Rule.CURRENT_OFF,
                f"the {kind} current of cycle {cycle} cannot be judged: fewer than {_LEAST_SETTLED} records of it"
                " are settled",
            )


def _off_pct(
    records: CyclerRecords, table: StepTable, row: int, set_a: float, protocol: FormationProtocol
) -> float | None:
    """Deviation of the median current of the constant-current part of a step, %; None for too few records."""
    part = slice(int(table.first[row]), int(table.last[row]) + 1)
    time, voltage = records.time_s[part], records.voltage_v[part]
    held = voltage >= protocol.cutoffs.upper_v - _HOLD_V
    settled = (time - time[0] >= _SETTLING_S) & ~(held & (table.kind[row] is StepKind.CHARGE))
    if np.count_nonzero(settled) < _LEAST_SETTLED:
        return None
    return 100.0 * (float(np.median(np.abs(records.current_a[part][settled]))) / set_a - 1.0)


def _resistance(
    resistances: Sequence[StepResistance], protocol: FormationProtocol
) -> Iterator[Finding | Unjudged]:
    """A jump between the medians of two neighbouring cycles."""
    by_cycle: dict[int, list[float]] = {}
    for one in resistances:
        if one.stated_s == protocol.resistance_time_s and one.resistance_mohm > 0:
            by_cycle.setdefault(one.cycle, []).append(one.resistance_mohm)
    medians = [(cycle, float(np.median(values))) for cycle, values in sorted(by_cycle.items())]
    if protocol.resistance_asked and len(medians) < 2:
        yield Unjudged(
            Rule.RESISTANCE_JUMP,
            f"a jump of resistance cannot be judged: {len(medians)} cycles have a resistance at"
            f" {protocol.resistance_time_s:g} s",
        )
    for (_, earlier), (cycle, later) in pairwise(medians):
        jump = resistance_jump_pct(earlier, later)
        if jump > protocol.resistance_jump_limit_pct:
            yield Finding(
                Rule.RESISTANCE_JUMP,
                Consequence.STOP,
                cycle,
                f"resistance rises by {jump:.0f} % to {later:.3g} mΩ in cycle {cycle}: stop and look at contact and"
                " interface",
            )
