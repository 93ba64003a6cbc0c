"""The records of one cycler test as arrays: the one shape that every reader produces and every analysis takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Clocks of cyclers jitter by a few milliseconds; more than this backwards is a fault of the file.
_BACKWARDS_TOLERANCE_S = 0.05
_CREDIBLE_VOLTAGE_V = 1000.0
_CREDIBLE_CURRENT_A = 10_000.0
_CREDIBLE_TIME_S = 3.2e9  # a hundred years
_CREDIBLE_COUNTER_AH = 1e7


@dataclass(frozen=True)
class CyclerRecords:
    """Arrays of one length n, in order of time.

    `time_s` seconds of the test; `step` counts runs of steps from 1, so that a step repeated in a loop has a new
    number each time; `cycle` is the instrument's cycle number. `step_time_s` is the time since the step began.
    `counters_ah` are the instrument's own capacity counts (charge and discharge, or one for both), in whatever
    way the instrument resets them. Charge current is positive.
    """

    time_s: Floats
    voltage_v: Floats
    current_a: Floats
    step: Ints
    cycle: Ints | None = None
    step_time_s: Floats | None = None
    counters_ah: tuple[Floats, ...] = ()
    temperature_c: Floats | None = None

    @property
    def size(self) -> int:
        return int(self.time_s.size)


def checked(records: CyclerRecords) -> CyclerRecords:
    """The same records, with small backward jitter of the clock levelled out.

    Raises:
        ValueError: no records, rows of different length, a missing or incredible value, or time that runs
            backwards; the message says which and where.
    """
    if records.size < 2:
        raise ValueError("fewer than two records")
    columns = {
        "time": records.time_s,
        "voltage": records.voltage_v,
        "current": records.current_a,
        "step": records.step,
    }
    for name, values in columns.items():
        if values.shape != records.time_s.shape:
            raise ValueError(f"{name} has another number of records than time")
        if not np.all(np.isfinite(values)):
            row = int(np.flatnonzero(~np.isfinite(values))[0]) + 1
            raise ValueError(f"{name} is missing or not a number in record {row}")
    if np.any(np.diff(records.step) < 0):
        raise ValueError("steps are not in the order in which they were run")
    backwards = np.diff(records.time_s) < -_BACKWARDS_TOLERANCE_S
    if np.any(backwards):
        row = int(np.flatnonzero(backwards)[0]) + 2
        raise ValueError(f"time runs backwards at record {row}")
    _refuse_incredible(records)
    if not np.any(np.diff(records.time_s) < 0):
        return records
    return CyclerRecords(
        np.maximum.accumulate(records.time_s),
        records.voltage_v,
        records.current_a,
        records.step,
        records.cycle,
        records.step_time_s,
        records.counters_ah,
        records.temperature_c,
    )


def _refuse_incredible(records: CyclerRecords) -> None:
    optional = (
        () if records.step_time_s is None else (("step time", records.step_time_s, _CREDIBLE_TIME_S, "s"),)
    )
    for name, values, most, unit in (
        ("voltage", records.voltage_v, _CREDIBLE_VOLTAGE_V, "V"),
        ("current", records.current_a, _CREDIBLE_CURRENT_A, "A"),
        ("time", records.time_s, _CREDIBLE_TIME_S, "s"),
        *optional,
        *(("capacity counter", counter, _CREDIBLE_COUNTER_AH, "Ah") for counter in records.counters_ah),
    ):
        # A missing value of an optional column is no number and passes; an infinite one does not.
        if np.any(np.abs(values) > most):
            row = int(np.flatnonzero(np.abs(values) > most)[0]) + 1
            raise ValueError(f"{name} is above {most:g} {unit} in record {row}: check the unit of the column")


def runs(*labels: NDArray[np.generic]) -> Ints:
    """Number the runs of equal labels from 1: a new number wherever any of the rows changes."""
    changed = np.zeros(labels[0].size, dtype=bool)
    for label in labels:
        changed[1:] |= label[1:] != label[:-1]
    return np.asarray(np.cumsum(changed) + 1, dtype=np.int64)


def steps_from_current(current_a: Floats, *, rest_a: float, min_records: int = 3) -> Ints:
    """Segment records without step numbers by the sign of the current; `rest_a` and less is rest.

    A run shorter than `min_records` is noise and belongs to the run before it (the first one, to the next).
    """
    if current_a.size == 0:
        return np.zeros(0, dtype=np.int64)
    state = np.where(current_a > rest_a, 1, np.where(current_a < -rest_a, -1, 0))
    number = runs(state)
    lengths = np.bincount(number)[1:]
    first = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    kept = lengths >= min_records
    kept[int(np.argmax(kept))] = True
    source = np.maximum.accumulate(np.where(kept, np.arange(lengths.size), -1))
    source[source < 0] = int(np.argmax(kept))
    return runs(np.repeat(state[first][source], lengths))
