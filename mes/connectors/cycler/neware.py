"""Neware binary files (.nda, .ndax) as records, through the checked reader of this package's neighbour."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from lots.science.formation.counters import CounterPrecision
from lots.science.formation.records import CyclerRecords, Floats, Ints
from lots.science.formation.segments import StepTable, step_table
from mes.connectors.cycler.model import CyclerTest, names_in
from mes.connectors.files import UnreadableFile
from mes.connectors.neware import carries_wall_clock, read_records
from mes.connectors.neware_steps import StepEnd, StepLimits, reached_cutoff, step_limits

_HEAD_CHARACTERS = 20_000
# Seen in files of a cycler of small currents, docs/validation-science.md.
_COUNTER_TICK_S = 0.1


def read_neware_test(name: str, content: bytes) -> CyclerTest:
    """The test of an .nda or .ndax.

    Raises:
        UnreadableFile: see `mes.connectors.neware.read_records`.
    """
    with tempfile.TemporaryDirectory(prefix="halite-cycler-") as folder:
        frame, metadata, remarks, file_format = read_records(name, content, Path(folder))
    step_time = frame["step_time_s"].to_numpy(dtype=np.float64)
    step = frame["step_count"].to_numpy(dtype=np.int64)
    channels = [column for column in frame.columns if column.endswith("_temperature_degC")]
    try:
        records = CyclerRecords(
            time_s=_test_time(step, step_time, frame["unix_time_s"].to_numpy(dtype=np.float64)),
            voltage_v=frame["voltage_V"].to_numpy(dtype=np.float64),
            current_a=frame["current_mA"].to_numpy(dtype=np.float64) / 1000.0,
            step=step,
            cycle=frame["cycle_count"].to_numpy(dtype=np.int64),
            step_time_s=step_time,
            counters_ah=(frame["capacity_mAh"].to_numpy(dtype=np.float64) / 1000.0,),
            temperature_c=frame[channels[0]].to_numpy(dtype=np.float64) if channels else None,
        )
        started = datetime.fromtimestamp(float(frame["unix_time_s"].iloc[0]), UTC).replace(tzinfo=None)
        verdicts = _verdicts(
            step_table(records),
            frame["step_index"].to_numpy(dtype=np.int64),
            frame["step_type"].to_numpy(dtype=np.int64),
            step_limits(metadata),
        )
    except (ValueError, OverflowError, OSError) as error:
        raise UnreadableFile(
            f"{name} holds records that contradict each other ({error}): export it again."
        ) from error
    return CyclerTest(
        f"Neware {file_format}",
        records,
        started,
        is_utc=not carries_wall_clock(metadata, float(frame["unix_time_s"].iloc[0])),
        ended_at_cutoff=verdicts,
        counter=CounterPrecision(single_precision_tick_s=_COUNTER_TICK_S),
        remarks=remarks,
        names=names_in(str(dict(metadata))[:_HEAD_CHARACTERS]),
    )


def _test_time(step: Ints, step_time: Floats, unix_s: Floats) -> Floats:
    """Time of the test: the steps' own clocks laid end to end, as far as the wall clock shows a pause between."""
    first = np.concatenate(([0], np.flatnonzero(np.diff(step)) + 1))
    lengths = np.diff(np.concatenate((first, [step.size])))
    last = first + lengths - 1
    pause = np.maximum(unix_s[first[1:]] - unix_s[last[:-1]] - step_time[first[1:]], 0.0)
    began = np.concatenate(([0.0], np.cumsum(step_time[last[:-1]] + pause)))
    return np.asarray(np.repeat(began, lengths) + step_time, dtype=np.float64)


def _verdicts(
    table: StepTable, step_index: Ints, step_type: Ints, limits: Mapping[int, StepLimits]
) -> dict[int, bool]:
    verdicts: dict[int, bool] = {}
    for row in range(table.size):
        last = int(table.last[row])
        end = StepEnd(
            step_index=int(step_index[last]),
            step_type=int(step_type[last]),
            net_ah=float(table.net_ah[row]),
            counter_ah=float(table.counted_ah[row]),
            voltage_v=float(table.end_v[row]),
            current_a=float(table.end_a[row]),
            started_unix_s=0.0,
            ended_unix_s=0.0,
        )
        reached = reached_cutoff(end, limits)
        if reached is not None:
            verdicts[int(table.number[row])] = reached
    return verdicts
