"""Storage of curves: Parquet files named by the SHA-256 of their content, below one directory."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
from django.conf import settings
from numpy.typing import NDArray

from lots.science.formation.records import CyclerRecords
from lots.science.impedance.spectrum import Spectrum
from mes.storage import FileLost, fetch, keep

# What a longer file of the same test must agree in, record by record.
_IDENTITY = ("time_s", "voltage_v", "current_a")


class CurveMissing(Exception):
    """The stored file is not there or is not what its name says."""


def store_records(records: CyclerRecords) -> str:
    """Store the records of a test; returns the name under which they lie."""
    columns = {
        "time_s": records.time_s,
        "voltage_v": records.voltage_v,
        "current_a": records.current_a,
        "step": records.step,
        "cycle": records.cycle,
        "step_time_s": records.step_time_s,
        "temperature_c": records.temperature_c,
        **{f"counter_{index}_ah": counter for index, counter in enumerate(records.counters_ah)},
    }
    return _store(pl.DataFrame({name: values for name, values in columns.items() if values is not None}))


def store_spectra(sweeps: tuple[Spectrum, ...]) -> str:
    """Store the sweeps of an impedance file; returns the name under which they lie."""
    return _store(
        pl.concat(
            pl.DataFrame(
                {
                    "sweep": np.full(sweep.frequency_hz.size, number),
                    "frequency_hz": sweep.frequency_hz,
                    "re_ohm": sweep.z_ohm.real,
                    "im_ohm": sweep.z_ohm.imag,
                }
            )
            for number, sweep in enumerate(sweeps)
        )
    )


def load_records(name: str) -> CyclerRecords:
    """The records stored under a name.

    Raises:
        CurveMissing: no such file, or its content is not what its name says.
    """
    frame = _load(name)
    columns = {column: frame[column].to_numpy() for column in frame.columns}
    counters = tuple(columns[column] for column in sorted(columns) if column.startswith("counter_"))
    return CyclerRecords(
        time_s=columns["time_s"],
        voltage_v=columns["voltage_v"],
        current_a=columns["current_a"],
        step=columns["step"],
        cycle=columns.get("cycle"),
        step_time_s=columns.get("step_time_s"),
        counters_ah=counters,
        temperature_c=columns.get("temperature_c"),
    )


def load_spectra(name: str) -> tuple[Spectrum, ...]:
    """The sweeps stored under a name. Raises CurveMissing."""
    frame = _load(name)
    return tuple(
        Spectrum(part["frequency_hz"].to_numpy(), part["re_ohm"].to_numpy() + 1j * part["im_ohm"].to_numpy())
        for part in frame.partition_by("sweep", maintain_order=True)
    )


def store_series(columns: Mapping[str, NDArray[np.float64]]) -> str:
    """Store the columns of a raw record; returns the name under which they lie."""
    return _store(pl.DataFrame(dict(columns)))


def load_series(name: str) -> dict[str, NDArray[np.float64]]:
    """The columns stored under a name, in their order. Raises CurveMissing."""
    frame = _load(name)
    return {column: frame[column].to_numpy() for column in frame.columns}


def continues(earlier: CyclerRecords, later: CyclerRecords) -> bool:
    """Whether `later` is the same test as `earlier`, gone on: its first records are those of `earlier`."""
    if later.size < earlier.size:
        return False
    return all(
        np.array_equal(getattr(later, name)[: earlier.size], getattr(earlier, name)) for name in _IDENTITY
    )


def _store(frame: pl.DataFrame) -> str:
    target = io.BytesIO()
    frame.write_parquet(target, compression="zstd")
    return keep(target.getvalue(), Path(settings.CURVES_DIR), ".parquet")


def _load(name: str) -> pl.DataFrame:
    try:
        content = read_curve(name)
    except FileLost as lost:
        raise CurveMissing(f"curve {lost}") from lost
    return pl.read_parquet(io.BytesIO(content))


def read_curve(name: str) -> bytes:
    """The stored Parquet file of a name. Raises FileLost."""
    return fetch(name, Path(settings.CURVES_DIR), ".parquet")
