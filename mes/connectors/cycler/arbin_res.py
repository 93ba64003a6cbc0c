"""Arbin .res files: a Jet database, read in a process of its own with bounded memory and time.

The parser of the database is pure Python and was not written for hostile files, so it never runs in a web worker.
`python -m mes.connectors.cycler.arbin_res FILE` writes the needed columns to standard output.
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from lots.science.formation.records import CyclerRecords, runs
from mes.connectors.cycler.model import CyclerTest
from mes.connectors.cycler.text import whole_numbers
from mes.connectors.files import UnreadableFile

SIGNATURE = b"\x00\x01\x00\x00Standard Jet DB"
MAX_MEMORY_BYTES = 2_000_000_000
MAX_SECONDS = 120
_PROJECT = Path(__file__).resolve().parents[3]
_COLUMNS = (
    *("Data_Point", "Test_Time", "Step_Time", "DateTime", "Step_Index", "Cycle_Index"),
    *("Current", "Voltage", "Charge_Capacity", "Discharge_Capacity"),
)
# The first day of Jet's calendar.
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - the file's wall clock has no zone


def read_arbin_res(name: str, path: Path) -> CyclerTest:
    """The test of an Arbin database.

    Raises:
        UnreadableFile: corrupt, without a table of records, or too slow or large to read.
    """
    command = [sys.executable, "-m", "mes.connectors.cycler.arbin_res", str(path.resolve())]
    try:
        answer = subprocess.run(command, cwd=_PROJECT, capture_output=True, timeout=MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnreadableFile(
            f"{name} takes longer than {MAX_SECONDS} s to read: export it as csv in MITS Pro."
        ) from error
    if answer.returncode != 0:
        raise UnreadableFile(
            f"{name} is an Arbin database that cannot be read, truncated or corrupt: copy it again, or export it as"
            " csv in MITS Pro."
        )
    columns = dict(zip(_COLUMNS, np.load(io.BytesIO(answer.stdout), allow_pickle=False), strict=True))
    if columns["Test_Time"].size == 0:
        raise UnreadableFile(f"{name} holds no records: export it again after the test has run.")
    order = np.argsort(columns["Data_Point"], kind="stable")
    columns = {key: values[order] for key, values in columns.items()}
    if not np.array_equal(columns["Data_Point"], columns["Data_Point"][0] + np.arange(order.size)):
        raise UnreadableFile(
            f"{name} lacks records in its middle, as a damaged database does: copy it again."
        )
    records = CyclerRecords(
        time_s=columns["Test_Time"],
        voltage_v=columns["Voltage"],
        current_a=columns["Current"],
        step=runs(columns["Step_Index"], columns["Cycle_Index"]),
        cycle=whole_numbers(name, "Cycle_Index", columns["Cycle_Index"]),
        step_time_s=columns["Step_Time"],
        counters_ah=(columns["Charge_Capacity"], columns["Discharge_Capacity"]),
    )
    return CyclerTest("Arbin res", records, _instant(float(columns["DateTime"][0])))


def _instant(days: float) -> datetime | None:
    """A date of Jet, days since its epoch; None for one that no clock shows."""
    try:
        return _EPOCH + timedelta(days=days)
    except (OverflowError, ValueError):
        return None


def _main(path: str) -> None:
    from access_parser import AccessParser  # type: ignore[import-untyped]

    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    stored = AccessParser(path).get_table("Channel_Normal_Table")
    table = stored.parse()
    if len(table["Data_Point"]) != stored.table_header.number_of_rows:
        sys.exit("pages of records are lost")
    np.save(sys.stdout.buffer, np.array([table[key] for key in _COLUMNS], dtype=np.float64))


if __name__ == "__main__":
    _main(sys.argv[1])
