"""Records of a cycler as a test needs them: constant currents and straight lines of voltage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lots.science.formation.records import CyclerRecords


@dataclass(frozen=True)
class Part:
    """One step: current in A (positive on charge), voltages in V, a record every `every_s`."""

    current_a: float
    minutes: float
    from_v: float
    to_v: float
    cycle: int = 1
    every_s: float = 10.0


def records(parts: Sequence[Part], *, counter_factor: float | None = 1.0) -> CyclerRecords:
    """A test of these steps; the counter counts per step, `counter_factor` times what was moved."""
    columns: dict[str, list[np.ndarray]] = {key: [] for key in ("t", "v", "i", "s", "c", "st", "q")}
    now = 0.0
    for number, part in enumerate(parts, start=1):
        since = np.arange(0.0, part.minutes * 60 + 1e-6, part.every_s)
        columns["t"].append(now + since)
        columns["st"].append(since)
        columns["v"].append(np.linspace(part.from_v, part.to_v, since.size))
        columns["i"].append(np.full(since.size, part.current_a))
        columns["s"].append(np.full(since.size, number))
        columns["c"].append(np.full(since.size, part.cycle))
        columns["q"].append(abs(part.current_a) * since / 3600.0 * (counter_factor or 0.0))
        now += part.minutes * 60
    joined = {key: np.concatenate(values) for key, values in columns.items()}
    return CyclerRecords(
        time_s=joined["t"],
        voltage_v=joined["v"],
        current_a=joined["i"],
        step=joined["s"].astype(np.int64),
        cycle=joined["c"].astype(np.int64),
        step_time_s=joined["st"],
        counters_ah=(joined["q"],) if counter_factor is not None else (),
    )


def full_cycles(count: int, *, discharge_minutes: float = 51.0, last_discharge_v: float = 2.2) -> list[Part]:
    """Cycles at 2 A between 2.2 and 3.8 V: 2 Ah in, 1.7 Ah out unless told; the last may end early."""
    parts = []
    for cycle in range(1, count + 1):
        end_v = last_discharge_v if cycle == count else 2.2
        parts += [
            Part(2.0, 60.0, 2.5, 3.8, cycle),
            Part(0.0, 10.0, 3.75, 3.75, cycle),
            Part(-2.0, discharge_minutes, 3.7, end_v, cycle),
        ]
    return parts
