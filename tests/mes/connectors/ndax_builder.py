"""Builds small .ndax files: the zip with a step table and records in version 2 of the Neware record format.

The layout (512-byte blocks after one header block, records of 94 bytes from byte 5 of a block, five to a block)
was read off the published reader; the tests check that the same values come back.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

_RECORD = np.dtype(
    [
        ("_head", "V8"),
        ("index", "<u4"),
        ("cycle", "<u4"),
        ("step_index", "<u1"),
        ("step_type", "<u1"),
        ("_pad", "V5"),
        ("step_time_ms", "<u8"),
        ("voltage_100uv", "<i4"),
        ("current_raw", "<i4"),
        ("_temperature", "V4"),
        ("charge_raw", "<i8"),
        ("discharge_raw", "<i8"),
        ("charge_energy_raw", "<i8"),
        ("discharge_energy_raw", "<i8"),
        ("year", "<u2"),
        ("month", "<u1"),
        ("day", "<u1"),
        ("hour", "<u1"),
        ("minute", "<u1"),
        ("second", "<u1"),
        ("range", "<i4"),
        ("_tail", "V8"),
    ]
)
_RANGE = 6000  # 6 A: one unit is 0.1 mA
_MILLIAMPERES_PER_UNIT = 0.1
_ROWS_PER_BLOCK = (512 - 5 - 1) // _RECORD.itemsize

CC_CHARGE, CC_DISCHARGE, CV_CHARGE, REST = 1, 2, 3, 4


@dataclass(frozen=True)
class Step:
    """A step with straight lines of voltage and current, one record every 10 s."""

    index: int
    kind: int
    minutes: float
    current_a: tuple[float, float]
    voltage_v: tuple[float, float]
    stop: tuple[str, float] | None = None  # ("Stop_Volt", V) or ("Stop_Curr", A)
    counter_factor: float = 1.0


def ndax(
    steps: Sequence[Step], *, started: datetime = datetime(2025, 3, 1, 8, tzinfo=UTC), scale: str = "1"
) -> bytes:
    """Bytes of an .ndax whose records carry `started` as wall clock."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("data.ndc", _data(steps, started))
        target.writestr("Step.xml", _step_table(steps, scale))
        target.writestr(
            "TestInfo.xml",
            "<root><config><TestInfo StartTime='"
            + started.strftime("%Y-%m-%d %H:%M:%S")
            + "'/></config></root>",
        )
    return archive.getvalue()


def _data(steps: Sequence[Step], started: datetime) -> bytes:
    rows: list[np.ndarray] = []
    now = started
    for step in steps:
        times = np.arange(0.0, step.minutes * 60 + 0.5, 10.0)
        current_ma = 1000 * np.linspace(*step.current_a, len(times))
        voltage = np.linspace(*step.voltage_v, len(times))
        moved = np.concatenate(([0.0], np.cumsum(np.diff(times) * (current_ma[1:] + current_ma[:-1]) / 2)))
        counted = np.rint(moved * step.counter_factor / _MILLIAMPERES_PER_UNIT)
        for i, time in enumerate(times):
            row = np.zeros((), dtype=_RECORD)
            instant = now + timedelta(seconds=float(time))
            row["index"] = len(rows) + 1
            row["step_index"], row["step_type"] = step.index, step.kind
            row["step_time_ms"] = round(1000 * time)
            row["voltage_100uv"] = round(1e4 * voltage[i])
            row["current_raw"] = round(current_ma[i] / _MILLIAMPERES_PER_UNIT)
            row["charge_raw"], row["discharge_raw"] = max(counted[i], 0), max(-counted[i], 0)
            for part in ("year", "month", "day", "hour", "minute", "second"):
                row[part] = getattr(instant, part)
            row["range"] = _RANGE
            rows.append(row)
        now += timedelta(minutes=step.minutes)
    header = bytearray(512)
    header[0], header[2] = 1, 2  # records, version 2
    blocks = [bytes(header)]
    for first in range(0, len(rows), _ROWS_PER_BLOCK):
        block = b"\x00" * 5 + b"".join(row.tobytes() for row in rows[first : first + _ROWS_PER_BLOCK])
        blocks.append(block.ljust(512, b"\x00"))
    return b"".join(blocks)


def _step_table(steps: Sequence[Step], scale: str) -> str:
    units = {"Stop_Volt": 1e4, "Stop_Curr": 1e3}
    entries = []
    for step in {step.index: step for step in steps}.values():
        limit = f"<{step.stop[0]} Value='{step.stop[1] * units[step.stop[0]]:g}'/>" if step.stop else ""
        entries.append(
            f"<Step{step.index} Step_ID='{step.index}' Step_Type='{step.kind}'>"
            f"<Limit><Main>{limit}</Main></Limit></Step{step.index}>"
        )
    return (
        f"<root><config type='Step File'><Head_Info><Scale Value='{scale}'/></Head_Info>"
        f"<Step_Info Num='{len(entries)}'>{''.join(entries)}</Step_Info></config></root>"
    )
