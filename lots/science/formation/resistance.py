"""Direct-current resistance at every step of current: ``R = ΔV / ΔI`` at a stated time after the step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lots.science.formation.capacity import dc_resistance_mohm
from lots.science.formation.records import CyclerRecords
from lots.science.formation.segments import StepTable

STATED_TIMES_S = (0.1, 1.0, 10.0, 30.0)
# The reading may be taken this much later or earlier than stated, but never at the step itself.
_TIME_TOLERANCE = 0.25
# A change of current smaller than this share of the largest current of the test is none.
_STEP_SHARE = 0.05


@dataclass(frozen=True)
class StepResistance:
    """Resistance at the start of one step. `after_s` is the actual time of the reading, near `stated_s`.

    `before_v` is the voltage just before the current changed; currents in A, positive on charge.
    """

    step: int
    cycle: int
    stated_s: float
    after_s: float
    resistance_mohm: float
    before_v: float
    current_step_a: float


def step_resistances(
    records: CyclerRecords, table: StepTable, *, stated_s: float
) -> tuple[StepResistance, ...]:
    """Resistance at `stated_s` after each change of current that the records resolve.

    A step whose records come too rarely for this time gives none: a resistance at another time is another
    quantity. So does one in which the voltage moved against the current.
    """
    least_a = _STEP_SHARE * float(np.max(np.abs(records.current_a)))
    found = []
    for row in range(1, table.size):
        before, first, last = int(table.last[row - 1]), int(table.first[row]), int(table.last[row])
        began_s = float(table.start_s[row])
        since = records.time_s[first : last + 1] - began_s
        at = first + int(np.argmin(np.abs(since - stated_s)))
        after_s = float(records.time_s[at]) - began_s
        if abs(after_s - stated_s) > _TIME_TOLERANCE * stated_s:
            continue
        step_a = float(records.current_a[at] - records.current_a[before])
        if abs(step_a) < least_a:
            continue
        try:
            resistance = dc_resistance_mohm(
                voltage_before_v=float(records.voltage_v[before]),
                voltage_after_v=float(records.voltage_v[at]),
                current_before_a=float(records.current_a[before]),
                current_after_a=float(records.current_a[at]),
            )
        except ValueError:
            continue
        found.append(
            StepResistance(
                step=int(table.number[row]),
                cycle=int(table.cycle[row]),
                stated_s=stated_s,
                after_s=after_s,
                resistance_mohm=resistance,
                before_v=float(records.voltage_v[before]),
                current_step_a=step_a,
            )
        )
    return tuple(found)


def resistance_jump_pct(earlier_mohm: float, later_mohm: float) -> float:
    """Change of resistance between two formation cycles, % of the earlier one.

    Raises:
        ValueError: a resistance is not finite or not above zero.
    """
    for name, value in (("earlier_mohm", earlier_mohm), ("later_mohm", later_mohm)):
        if not np.isfinite(value) or value <= 0:
            raise ValueError(f"{name} must be finite and above zero")
    return 100.0 * (later_mohm - earlier_mohm) / earlier_mohm
