"""Steps of a test: what each moved by integration, what the instrument counted, and how it began and ended.

``Q = ∫ I dt`` by trapezoid inside a step. Instruments that write a record only every so often leave out the
moment before the first and after the last record of a step; where the step's own clock tells when it began, these
two pieces are taken at the current of the nearest record.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from lots.science.formation.records import CyclerRecords, Floats, Ints

# A mean current below this share of the largest current of the test is rest.
REST_SHARE = 0.002
# Two records this close in voltage, with a falling current, belong to a hold.
_HELD_V = 0.002
# A gap this many times longer than the step's typical interval is a pause and not a piece of the step.
_PAUSE_FACTOR = 3.0
# A step that moves less than this share of the largest charge of the test is no half cycle.
_HALF_CYCLE_SHARE = 0.2
# When the counter drops at nearly every border between steps it counts per step.
_RESETS_EACH_STEP = 0.8
# A counter may begin this long before the first record of its step, s: what it counted then no integral sees.
_UNSEEN_S = 1.0


class StepKind(StrEnum):
    CHARGE = "charge"
    DISCHARGE = "discharge"
    REST = "rest"


@dataclass(frozen=True)
class StepTable:
    """One row per step run, all arrays of the same length m.

    `first` and `last` are record indices (inclusive). `charge_ah` and `discharge_ah` are integrated, not negative;
    `counted_ah` is what the instrument counted (NaN without counter), charge less discharge where it counts both;
    `slack_ah` is how far an integral can be off because the current changes between records, ``½ Σ|ΔI|Δt``, and
    because the counter began up to a second before the first record. `mean_a` is signed.
    """

    number: Ints
    cycle: Ints
    first: Ints
    last: Ints
    start_s: Floats
    duration_s: Floats
    charge_ah: Floats
    discharge_ah: Floats
    counted_ah: Floats
    slack_ah: Floats
    start_v: Floats
    end_v: Floats
    max_v: Floats
    min_v: Floats
    mean_a: Floats
    end_a: Floats
    kind: tuple[StepKind, ...]

    @property
    def size(self) -> int:
        return int(self.number.size)

    @property
    def net_ah(self) -> Floats:
        """Charge moved, positive on charge, shape (m,)."""
        return self.charge_ah - self.discharge_ah


def step_table(records: CyclerRecords) -> StepTable:
    """Summarise every step run of checked records."""
    n = records.size
    first = np.concatenate(([0], np.flatnonzero(np.diff(records.step)) + 1)).astype(np.int64)
    last = np.concatenate((first[1:] - 1, [n - 1])).astype(np.int64)
    time, current = records.time_s, records.current_a

    moved = np.zeros(n)
    moved[1:] = _mean_current(current, records.voltage_v) * np.diff(time)
    moved[first] = 0.0
    slack = np.zeros(n)
    slack[1:] = 0.5 * np.abs(np.diff(current)) * np.diff(time)
    slack[first] = 0.0
    lead, tail = _edges(records, first, last)
    edge = (current[first] * lead, current[last] * tail)
    charge = np.add.reduceat(np.maximum(moved, 0.0), first) + sum(np.maximum(part, 0.0) for part in edge)
    discharge = np.add.reduceat(np.maximum(-moved, 0.0), first) + sum(np.maximum(-part, 0.0) for part in edge)

    duration = time[last] - time[first] + lead + tail
    mean = np.where(duration > 0, (charge - discharge) / np.maximum(duration, 1e-9), current[first])
    rest_a = REST_SHARE * float(np.max(np.abs(current)))
    kind = tuple(
        StepKind.REST if abs(a) <= rest_a else StepKind.CHARGE if a > 0 else StepKind.DISCHARGE for a in mean
    )
    counted, unseen = _counted(records, first, last, lead)
    cycle = records.cycle[first] if records.cycle is not None else np.ones(first.size, dtype=np.int64)
    if cycle.size and cycle[0] == cycle[-1]:
        cycle = _pair_cycles(kind, np.abs(charge - discharge), int(cycle[0]))
    return StepTable(
        number=records.step[first],
        cycle=cycle,
        first=first,
        last=last,
        start_s=time[first] - lead,
        duration_s=duration,
        charge_ah=charge / 3600.0,
        discharge_ah=discharge / 3600.0,
        counted_ah=counted,
        slack_ah=np.add.reduceat(slack, first) / 3600.0 + unseen,
        start_v=records.voltage_v[first],
        end_v=records.voltage_v[last],
        max_v=np.maximum.reduceat(records.voltage_v, first),
        min_v=np.minimum.reduceat(records.voltage_v, first),
        mean_a=mean,
        end_a=current[last],
        kind=kind,
    )


def step_curve(records: CyclerRecords, table: StepTable, row: int) -> tuple[Floats, Floats]:
    """Voltage (V) and charge moved since the step began (Ah, not negative) of one step, both (k,)."""
    part = slice(int(table.first[row]), int(table.last[row]) + 1)
    time, current, voltage = records.time_s[part], records.current_a[part], records.voltage_v[part]
    moved = np.concatenate(([0.0], np.cumsum(_mean_current(current, voltage) * np.diff(time))))
    moved += current[0] * (time[0] - float(table.start_s[row]))
    return voltage, np.abs(moved) / 3600.0


def _mean_current(current: Floats, voltage: Floats) -> Floats:
    """Mean current between neighbouring records, shape (n-1,).

    The trapezoid, but where the current decays at held voltage the logarithmic mean, which is exact for an
    exponential: at coarse records the trapezoid is 0.1 to 0.2 % too large there.
    """
    before, after = current[:-1], current[1:]
    trapezoid = 0.5 * (before + after)
    decays = (before * after > 0) & (np.abs(after) < 0.99 * np.abs(before))
    decays &= np.abs(np.diff(voltage)) <= _HELD_V
    ratio = np.where(decays, before / np.where(decays, after, 1.0), np.e)
    return np.where(decays, (before - after) / np.log(ratio), trapezoid)


def _edges(records: CyclerRecords, first: Ints, last: Ints) -> tuple[Floats, Floats]:
    """Seconds before the first and after the last record of each step that belong to it."""
    lead, tail = np.zeros(first.size), np.zeros(first.size)
    if records.step_time_s is None:
        return lead, tail
    time = records.time_s
    counts = last - first
    typical = np.where(counts > 0, (time[last] - time[first]) / np.maximum(counts, 1), 0.0)
    since = records.step_time_s[first]
    before = np.concatenate(([np.inf], time[first[1:]] - time[last[:-1]]))
    allowed = np.where(typical > 0, _PAUSE_FACTOR * typical, np.inf)
    usable = (since > 0) & (since <= np.minimum(allowed, before + 0.05))
    lead[usable] = since[usable]
    began = time[first] - lead
    gap = np.concatenate((began[1:] - time[last[:-1]], [0.0]))
    usable = (gap > 0) & (gap <= np.where(typical > 0, _PAUSE_FACTOR * typical, 0.0))
    tail[usable] = gap[usable]
    return lead, tail


def _counted(records: CyclerRecords, first: Ints, last: Ints, lead: Floats) -> tuple[Floats, Floats]:
    """What the counters moved in each step, whichever way the instrument resets them, and what they moved unseen.

    A counter each for charge and discharge may both move in one step: their difference is what the current moved.
    Unseen is what a counter moved before the first record of a step, beyond the `lead` that the step's own clock
    tells, as far as it was counted within a second. More than that in the very first record is of an
    earlier part of the test, from which this file goes on.
    """
    if not records.counters_ah:
        return np.full(first.size, np.nan), np.zeros(first.size)
    parts, unseen = [], np.zeros(first.size)
    current = np.abs(records.current_a[first])
    for signed in records.counters_ah:
        counter = np.abs(np.nan_to_num(signed))
        begins = float(counter[0])
        begins = 0.0 if begins <= current[0] * (lead[0] + _UNSEEN_S) / 3600.0 else begins
        before, after = counter[last[:-1]], counter[first[1:]]
        ran = before > 0
        resets = float(np.mean(after[ran] < 0.5 * before[ran])) if np.any(ran) else 0.0
        if resets >= _RESETS_EACH_STEP:
            part = np.maximum.reduceat(counter, first)
            part[0] -= begins
            parts.append(part)
            stands = counter[first]
        else:
            moved = np.diff(counter, prepend=begins)
            dropped = moved < -0.5 * np.concatenate(([begins], counter[:-1]))
            moved[dropped] = counter[dropped]
            parts.append(np.add.reduceat(moved, first))
            stands = moved[first]
        ahead = stands - current * lead / 3600.0
        unseen += np.where(ahead <= current * _UNSEEN_S / 3600.0, np.maximum(ahead, 0.0), 0.0)
    total = parts[0] - parts[1] if len(parts) == 2 else np.sum(parts, axis=0)
    return np.abs(total), unseen


def _pair_cycles(kind: tuple[StepKind, ...], moved: Floats, number: int) -> Ints:
    """Cycle numbers where the instrument counts none: a new cycle begins when its first half comes again.

    Only steps that move a good part of the largest charge count: pulses belong to the cycle in which they stand.
    """
    least = _HALF_CYCLE_SHARE * float(np.max(moved))
    opening: StepKind | None = None
    seen_other = False
    numbers = []
    for step, charge in zip(kind, moved, strict=True):
        if step is not StepKind.REST and charge >= least:
            if opening is None:
                opening = step
            elif step is not opening:
                seen_other = True
            elif seen_other:
                number, seen_other = number + 1, False
        numbers.append(number)
    return np.asarray(numbers, dtype=np.int64)
