"""Parquet files of cyclers: Battery Data Format, and what fastnda writes."""

from __future__ import annotations

import io
from datetime import datetime

import numpy as np
import polars as pl

from lots.science.formation.records import CyclerRecords, Floats, runs, steps_from_current
from lots.science.formation.segments import REST_SHARE
from mes.connectors.cycler.layouts import UNIX_TIME, normal
from mes.connectors.cycler.model import CyclerTest, from_unix_time
from mes.connectors.cycler.text import MAX_ROWS, whole_numbers
from mes.connectors.files import UnreadableFile

# Heading and scale of each quantity, in the order of preference.
_VOLTAGE = {"voltage/v": 1.0, "voltage_volt": 1.0, "voltage(mv)": 1e-3, "voltage_v": 1.0}
_CURRENT = {"current/a": 1.0, "current_ampere": 1.0, "current(ua)": 1e-6, "current_ma": 1e-3}
_TIME = {"testtime/s": 1.0, "test_time_second": 1.0, "totaltime": 1.0, "total_time_s": 1.0}
_STEP_TIME = {"steptime/s": 1.0, "step_time_second": 1.0, "time": 1.0, "step_time_s": 1.0}
_STEP = {"stepcount/1": 1.0, "step_count": 1.0, "stepcount": 1.0, "stepindex": 1.0}
_CYCLE = {"cyclecount/1": 1.0, "cycle_count": 1.0, "cycleindex": 1.0, "cycle_dimensionless": 1.0}
_CHARGE = {"chargingcapacity/ah": 1.0, "charging_capacity_ah": 1.0, "chargecapacity(mas)": 1 / 3.6e6}
_DISCHARGE = {
    "dischargingcapacity/ah": 1.0,
    "discharging_capacity_ah": 1.0,
    "dischargecapacity(mas)": 1 / 3.6e6,
}
_COUNTER = {"capacity(mas)": 1 / 3.6e6, "capacity_mah": 1e-3}
_DATE = "date"


def read_parquet(name: str, content: bytes) -> CyclerTest:
    """The test of a parquet file with columns of the Battery Data Format or of fastnda.

    Raises:
        UnreadableFile: corrupt, no or too many rows, without time, voltage or current, or with a column that is
            there twice or holds no numbers.
    """
    try:
        rows = pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect().item()
        if rows > MAX_ROWS:
            raise UnreadableFile(f"{name} holds more than {MAX_ROWS:,} records: export the test in parts.")
        if rows == 0:
            raise UnreadableFile(f"{name} holds no records: export it again after the test has run.")
        known = {heading for names in _ALL for heading in names}
        names = pl.scan_parquet(io.BytesIO(content)).collect_schema().names()
        known |= {_DATE, *UNIX_TIME}
        wanted = [column for column in names if normal(column) in known]
        _refuse_twice(name, wanted)
        frame = pl.read_parquet(io.BytesIO(content), columns=wanted)
    except UnreadableFile:
        raise
    # A panic of the compiled parser is no Exception; anything else of that kind is not ours to stop.
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise UnreadableFile(f"{name} is a truncated or corrupt parquet file: write it again.") from error
    frame = frame.rename({column: normal(column) for column in frame.columns})
    voltage, current = _column(name, frame, _VOLTAGE), _column(name, frame, _CURRENT)
    step_time = _column(name, frame, _STEP_TIME)
    time = _column(name, frame, _TIME)
    if time is None:
        time = _from_date(frame)
    if voltage is None or current is None or time is None:
        raise UnreadableFile(
            f"{name} is a parquet file without test time, voltage and current: use the column names of the Battery"
            " Data Format."
        )
    step, cycle = _column(name, frame, _STEP), _column(name, frame, _CYCLE)
    both = [_column(name, frame, headings) for headings in (_CHARGE, _DISCHARGE)]
    counters = [column for column in both if column is not None]
    if not counters:
        counters = [column for column in (_column(name, frame, _COUNTER),) if column is not None]
    rest_a = REST_SHARE * float(np.max(np.abs(current), initial=0.0))
    records = CyclerRecords(
        time_s=time,
        voltage_v=voltage,
        current_a=current,
        step=runs(step) if step is not None else steps_from_current(current, rest_a=rest_a),
        cycle=None if cycle is None else whole_numbers(name, "cycle", cycle),
        step_time_s=step_time,
        counters_ah=tuple(counters),
    )
    started_at, is_utc = _started_at(name, frame)
    return CyclerTest(
        "Battery Data Format parquet" if "testtime/s" in frame.columns else "parquet",
        records,
        started_at,
        is_utc=is_utc,
    )


_ALL = (_VOLTAGE, _CURRENT, _TIME, _STEP_TIME, _STEP, _CYCLE, _CHARGE, _DISCHARGE, _COUNTER)


def _refuse_twice(name: str, columns: list[str]) -> None:
    first: dict[str, str] = {}
    for column in columns:
        other = first.setdefault(normal(column), column)
        if other != column:
            raise UnreadableFile(
                f"{name} has the columns {other!r} and {column!r}, which mean the same: leave one of them out."
            )


def _column(name: str, frame: pl.DataFrame, headings: dict[str, float]) -> Floats | None:
    for heading, scale in headings.items():
        if heading in frame.columns:
            column = frame[heading]
            if not (column.dtype.is_numeric() or column.dtype in (pl.String, pl.Null)):
                raise UnreadableFile(
                    f"{name}: column {heading!r} holds {column.dtype} and no numbers: write it as numbers."
                )
            return np.asarray(column.cast(pl.Float64, strict=False).to_numpy(), dtype=np.float64) * scale
    return None


def _dates(frame: pl.DataFrame) -> pl.Series | None:
    """The column of dates, in UTC where it has a zone."""
    if _DATE not in frame.columns or frame[_DATE].dtype not in (pl.Date, pl.Datetime):
        return None
    return frame[_DATE].cast(pl.Datetime("us"))


def _from_date(frame: pl.DataFrame) -> Floats | None:
    dates = _dates(frame)
    if dates is None:
        return None
    seconds = dates.cast(pl.Int64).to_numpy() / 1e6
    return np.asarray(seconds - seconds[0], dtype=np.float64)


def _started_at(name: str, frame: pl.DataFrame) -> tuple[datetime | None, bool]:
    """Instant of the first record, None where the file tells none, and whether it is UTC."""
    for heading in UNIX_TIME:
        seconds = _column(name, frame, {heading: 1.0})
        if seconds is not None:
            return from_unix_time(name, heading, float(seconds[0])), True
    dates = _dates(frame)
    first = None if dates is None else dates[0]
    dtype = frame[_DATE].dtype if _DATE in frame.columns else None
    return first, isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
