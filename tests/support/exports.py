"""The same test as each cycler would export it."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import polars as pl

from lots.science.formation.records import CyclerRecords


def _table(headings: str, columns: list[np.ndarray], separator: str = ",", decimals: int = 6) -> str:
    lines = [headings]
    texts = [
        column
        if column.dtype.kind in "US"
        else np.char.mod("%d" if column.dtype.kind == "i" else f"%.{decimals}f", column)
        for column in columns
    ]
    lines += [separator.join(row) for row in zip(*texts, strict=True)]
    return "\n".join(lines) + "\n"


def _split_counter(test: CyclerRecords) -> tuple[np.ndarray, np.ndarray]:
    (counter,) = test.counters_ah
    return np.where(test.current_a > 0, counter, 0.0), np.where(test.current_a < 0, counter, 0.0)


def _state(test: CyclerRecords, charge: str, discharge: str, rest: str) -> np.ndarray:
    return np.where(test.current_a > 0, charge, np.where(test.current_a < 0, discharge, rest))


def _clock(seconds: np.ndarray) -> np.ndarray:
    whole = seconds.astype(int)
    return np.array([f"{s // 86400}d {s % 86400 // 3600:02d}:{s % 3600 // 60:02d}:{s % 60}.0" for s in whole])


def arbin(test: CyclerRecords) -> bytes:
    charge, discharge = _split_counter(test)
    headings = (
        "Data Point,Date Time,Test Time (s),Step Time (s),Cycle Index,Step Index,Current (A),Voltage (V),"
        "Charge Capacity (Ah),Discharge Capacity (Ah)"
    )
    count = np.arange(1, test.size + 1)
    day = np.full(test.size, "\t09/20/2024 08:32:34.558")
    columns = [
        count,
        day,
        test.time_s,
        test.step_time_s,
        test.cycle,
        test.step,
        test.current_a,
        test.voltage_v,
    ]
    return ("\ufeff" + _table(headings, [*columns, charge, discharge])).encode()


def maccor(test: CyclerRecords) -> bytes:
    (counter,) = test.counters_ah
    headings = "Rec#\tCyc#\tStep\tTestTime\tStepTime\tAmp-hr\tWatt-hr\tAmps\tVolts\tState\tES\tDPt Time"
    columns = [
        *(np.arange(1, test.size + 1), test.cycle, test.step, _clock(test.time_s), _clock(test.step_time_s)),
        *(counter, np.zeros(test.size), np.abs(test.current_a), test.voltage_v, _state(test, "C", "D", "R")),
        *(np.zeros(test.size, dtype=int), np.full(test.size, "12/11/2020 12:22:12")),
    ]
    head = (
        "Today's Date:\t14 December 2020\tDate of Test:\t11 December 2020\nProcedure:\tX.000\tDescription:\n"
    )
    return (head + _table(headings, columns, "\t")).encode()


def pec(test: CyclerRecords) -> bytes:
    charge, discharge = _split_counter(test)
    headings = (
        "Test,Cell,Step,Cycle,Total Time (Seconds),Step Time (Seconds),Real Time,Voltage (mV),Current (mA),"
        "Charge Capacity (mAh),Discharge Capacity (mAh)"
    )
    one = np.ones(test.size, dtype=int)
    columns = [
        *(one, one, test.step, test.cycle, test.time_s, test.step_time_s),
        *(np.full(test.size, "02/22/2019 16:23:27"), 1000 * test.voltage_v, 1000 * test.current_a),
        *(1000 * charge, 1000 * discharge),
    ]
    return ("Request Year:,2019\nTest:,187\n" + _table(headings, columns)).encode()


def bitrode(test: CyclerRecords) -> bytes:
    (counter,) = test.counters_ah
    headings = (
        "Exclude,Time(s),Cycle,Loop,Loop,Loop,Step,StepTime(s),Current(A),Voltage(V),Capacity(Ah),Mode,Data,"
    )
    one, no = np.ones(test.size, dtype=int), np.full(test.size, "No")
    columns = [
        *(no, test.time_s, test.cycle, one, one, one, test.step, test.step_time_s, test.current_a),
        *(test.voltage_v, np.sign(test.current_a) * counter, _state(test, "CHRG", "DCHG", "REST")),
        *(np.full(test.size, " "), np.full(test.size, "")),
    ]
    return _table(headings, columns).encode()


def biologic(test: CyclerRecords) -> bytes:
    charge = test.current_a / 3600 * np.diff(test.time_s, prepend=0.0)
    headings = "Ns\ttime/s\tEwe/V\t<I>/mA\t(Q-Qo)/mA.h\tCs/µF"
    columns = [test.step, test.time_s, test.voltage_v, 1000 * test.current_a, 1000 * np.cumsum(charge)]
    head, rows = _table(headings, [*columns, np.zeros(test.size)], "\t").split("\n", 1)
    # As on a computer with decimal commas.
    return ("EC-Lab ASCII FILE\nNb header lines : 3\n" + head + "\n" + rows.replace(".", ",")).encode(
        "latin-1"
    )


def battery_data_format(test: CyclerRecords) -> bytes:
    charge, discharge = _split_counter(test)
    headings = (
        "Test Time / s,Voltage / V,Current / A,Cycle Count / 1,Step Count / 1,Charging Capacity / Ah,"
        "Discharging Capacity / Ah"
    )
    columns = [test.time_s, test.voltage_v, test.current_a, test.cycle, test.step, charge, discharge]
    return _table(headings, columns).encode()


def battery_data_format_parquet(test: CyclerRecords) -> bytes:
    target = io.BytesIO()
    pl.read_csv(io.BytesIO(battery_data_format(test))).write_parquet(target)
    return target.getvalue()


def arbin_with_underscores(test: CyclerRecords) -> bytes:
    head, rows = arbin(test).decode("utf-8-sig").split("\n", 1)
    for name in (
        "Test Time",
        "Step Time",
        "Cycle Index",
        "Step Index",
        "Charge Capacity",
        "Discharge Capacity",
    ):
        head = head.replace(f"{name} (", f"{name.replace(' ', '_')}(").replace(name, name.replace(" ", "_"))
    return f"{head}\n{rows}".encode()


def maccor_in_seconds(test: CyclerRecords) -> bytes:
    (counter,) = test.counters_ah
    headings = "Rec#\tCyc#\tStep\tTest (Sec)\tStep (Sec)\tAmp-hr\tAmps\tVolts\tState"
    columns = [
        *(np.arange(1, test.size + 1), test.cycle, test.step, test.time_s, test.step_time_s, counter),
        *(np.abs(test.current_a), test.voltage_v, _state(test, "C", "D", "R")),
    ]
    return _table(headings, columns, "\t").encode()


def neware(test: CyclerRecords) -> bytes:
    charge, discharge = _split_counter(test)
    headings = "DataPoint,Cycle Index,Step Index,Time,Total Time,Current(mA),Voltage(V)"
    headings += ",Chg. Cap.(mAh),DChg. Cap.(mAh),Date"
    clock = [np.char.replace(_clock(seconds), "0d ", "") for seconds in (test.step_time_s, test.time_s)]
    columns = [
        *(np.arange(1, test.size + 1), test.cycle, test.step, *clock, 1000 * test.current_a, test.voltage_v),
        *(1000 * charge, 1000 * discharge, np.full(test.size, "2022-05-18 16:27:52")),
    ]
    return _table(headings, columns).encode()


EXPORTS: dict[str, Callable[[CyclerRecords], bytes]] = {
    "Arbin csv": arbin,
    "Arbin csv, older": arbin_with_underscores,
    "Maccor text": maccor,
    "Maccor text, in seconds": maccor_in_seconds,
    "Neware csv": neware,
    "PEC csv": pec,
    "Bitrode csv": bitrode,
    "BioLogic mpt": biologic,
    "Battery Data Format csv": battery_data_format,
    "Battery Data Format parquet": battery_data_format_parquet,
}
