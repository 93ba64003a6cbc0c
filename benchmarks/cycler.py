"""Files of cyclers from bytes to features, against parsing the same table and nothing else."""

from __future__ import annotations

import io
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figures import Figure, Size, best_of
from benchmarks.installation import Installation
from mes.connectors.cycler.read import read_cycler_file
from mes.connectors.cycler.report import document, evaluate

NAME = "cycler"
SEED = 20260301
TARGETS = {100_000: "<= 2 s", 700_000: "<= 6 s"}
_NOMINAL_AH = 20.0


def figures(size: Size, installation: Installation) -> Iterator[Figure]:
    """Needs no installation."""
    sizes = {Size.TINY: (2_000, 20_000), Size.FULL: tuple(TARGETS)}.get(size, (20_000, 100_000))
    largest_mb = 0.0
    for rows in sizes:
        content = arbin_csv(rows)
        largest_mb = len(content) / 1e6
        yield _file(rows, content)
    case = f"peak memory of the process after {sizes[-1]:,} records"
    yield Figure(NAME, case, _peak_mb(), "MB", "size of that file", largest_mb)


def _file(rows: int, content: bytes) -> Figure:
    with tempfile.TemporaryDirectory(prefix="halite-benchmark-") as folder:
        path = Path(folder) / "test.csv"
        path.write_bytes(content)

        def features() -> object:
            file = read_cycler_file(path)
            return document(file, evaluate(file), None)

        def parse() -> object:
            return pl.read_csv(io.BytesIO(path.read_bytes()))

        value, floor = best_of(features, parse, rounds=3)
    case = f"csv of {rows:,} records ({len(content) / 1e6:.0f} MB) to cycles and features"
    return Figure(NAME, case, value, "s", "polars, the same table with types", floor, TARGETS.get(rows, ""))


def arbin_csv(rows: int) -> bytes:
    """A formation of four cycles and rests as Arbin exports it, a record every second of a shortened test."""
    rng = np.random.default_rng(SEED)
    steps = np.repeat(np.arange(16), -(-rows // 16))[:rows]
    first = np.concatenate(([0], np.flatnonzero(np.diff(steps)) + 1))
    since = np.arange(rows) - np.repeat(first, np.diff(np.concatenate((first, [rows])))) + 1.0
    share = since / since.max()
    direction = np.array([1.0, 0.0, -1.0, 0.0])[steps % 4]
    current = direction * _NOMINAL_AH / 10 + rng.normal(0, 1e-4, rows) * (direction != 0)
    voltage = 3.0 + direction * (0.75 * share - 0.05) + rng.normal(0, 1e-4, rows)
    moved = np.abs(current) * since / 3600.0
    frame = pl.DataFrame(
        {
            "Data Point": np.arange(1, rows + 1),
            "Date Time": np.full(rows, "09/20/2024 08:32:34.558"),
            "Test Time (s)": np.arange(1.0, rows + 1.0),
            "Step Time (s)": since,
            "Cycle Index": steps // 4 + 1,
            "Step Index": steps + 1,
            "Current (A)": current,
            "Voltage (V)": voltage,
            "Charge Capacity (Ah)": np.where(direction > 0, moved, 0.0),
            "Discharge Capacity (Ah)": np.where(direction < 0, moved, 0.0),
            "Aux_Temperature_1 (C)": 30.0 + rng.normal(0, 0.1, rows),
        }
    )
    target = io.BytesIO()
    frame.write_csv(target, float_precision=8)
    return target.getvalue()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
