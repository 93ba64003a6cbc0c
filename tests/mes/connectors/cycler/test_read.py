from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.cycler import arbin_csv
from lots.science.formation.features import formation_result
from mes.connectors.cycler.read import ReadFile, read_cycler_file
from mes.connectors.files import UnreadableFile
from mes.runtime.state import PROJECT_DIR
from tests.support.cycling import full_cycles, records
from tests.support.exports import EXPORTS, arbin, battery_data_format, maccor

THREE_CYCLES = records(full_cycles(3))


def read(folder: Path, content: bytes, name: str = "test.bin") -> ReadFile:
    path = folder / name
    path.write_bytes(content)
    return read_cycler_file(path)


@pytest.mark.parametrize("name", EXPORTS)
def test_every_export_gives_the_same_cycles_with_charge_positive(tmp_path: Path, name: str) -> None:
    file = read(tmp_path, EXPORTS[name](THREE_CYCLES), "name says nothing.dat")
    assert file.test.format == name.split(",")[0]
    result = formation_result(file.test.records)
    assert len(result.cycles) == 3
    for cycle in result.cycles:
        assert cycle.charge_ah == pytest.approx(2.0, rel=1e-3)
        assert cycle.discharge_ah == pytest.approx(1.7, rel=1e-3)
        assert cycle.ce_pct == pytest.approx(85.0, abs=0.1)
    assert result.first is not None


def test_wall_clock_of_the_first_record_is_kept(tmp_path: Path) -> None:
    assert read(tmp_path, arbin(THREE_CYCLES)).test.started_at == datetime(2024, 9, 20, 8, 32, 34, 558000)  # noqa: DTZ001
    assert read(tmp_path, battery_data_format(THREE_CYCLES)).test.started_at is None


def parquet(**columns: Any) -> bytes:
    """Two records of the Battery Data Format, or what is told of its columns; an empty one is a file without rows."""
    told = {"Test Time / s": [0.0, 1.0], "Voltage / V": [3.0, 3.1], "Current / A": [1.0, 1.0]} | columns
    target = io.BytesIO()
    pl.DataFrame(told).write_parquet(target)
    return target.getvalue()


EPOCH_S = 1_743_940_101.5  # 2025-04-06 11:48:21.5 UTC
STARTED = datetime(2025, 4, 6, 11, 48, 21, 500000)  # noqa: DTZ001 - as the file tells it


@pytest.mark.parametrize(
    ("content", "is_utc"),
    [
        (parquet(Date=[STARTED, STARTED + timedelta(seconds=1)]), False),
        (parquet(Date=[STARTED.replace(tzinfo=UTC), STARTED.replace(tzinfo=UTC)]), True),
        (parquet(**{"Unix Time / s": [EPOCH_S, EPOCH_S + 1]}), True),
        (
            f"Test Time / s,Voltage / V,Current / A,Unix Time / s\n0,3,1,{EPOCH_S}\n1,3,1,{EPOCH_S + 1}\n".encode(),
            True,
        ),
        (
            f"test_time_second,voltage_volt,current_ampere,unix_time_second\n0,3,1,{EPOCH_S}\n1,3,1,\n".encode(),
            True,
        ),
    ],
)
def test_date_of_the_battery_data_format_and_of_fastnda_is_taken(
    tmp_path: Path, content: bytes, is_utc: bool
) -> None:
    test = read(tmp_path, content).test
    assert (test.started_at, test.is_utc) == (STARTED, is_utc)


def bomb() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in range(3):
            archive.writestr(f"data{part}.ndc" if part else "data.ndc", b"\0" * 200_000_000)
    return target.getvalue()


def climbing() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("../../data.ndc", b"x" * 600)
    return target.getvalue()


def reversed_time() -> bytes:
    header, *rows = maccor(THREE_CYCLES).decode().splitlines()[2:]
    return "\n".join([header, *reversed(rows)]).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello\nworld\n", "no header of a known cycler export"),
        (bytes(range(256)) * 40, "binary file of an unknown kind"),
        (b"BIO-LOGIC MODULAR FILE\x1a" + b"\0" * 99, "Export as Text"),
        (b"\x1f\x8b\x08\0" + b"\0" * 99, "gzip"),
        (b'[{"cycle": 1}]', "JSON"),
        (b"PK\x03\x04" + b"[Content_Types].xml" + b"\0" * 99, "Excel"),
        (b"PAR1" + b"\0" * 200, "parquet"),
        (b"\x00\x01\x00\x00Standard Jet DB\x00" + b"\x01" * 9000, "Arbin database that cannot be read"),
        (parquet(**{"Test Time / s": [], "Voltage / V": [], "Current / A": []}), "no records"),
        (parquet(**{"Voltage/V": [3.0, 3.1]}), "'Voltage / V' and 'Voltage/V'"),
        (parquet(**{"Current / A": [[1.0], [1.0]]}), "'current/a' holds List"),
        (parquet(**{"Unix Time / s": [1e3 * EPOCH_S, 1e3 * EPOCH_S + 1e3]}), "no time of a test"),
        (climbing(), "never does"),
        (reversed_time(), "backwards|order"),
        (battery_data_format(THREE_CYCLES).splitlines()[0], "no records"),
        (battery_data_format(THREE_CYCLES)[:-45], "cut off"),
        (battery_data_format(THREE_CYCLES).replace(b"2.500000", b"nonsens", 1), "record 1"),
        (battery_data_format(THREE_CYCLES).replace(b"2.500000", b"NaN", 1), "not a number in record 1"),
        (battery_data_format(THREE_CYCLES).replace(b"2.500000", b"2500.0", 1), "voltage is above 1000 V"),
    ],
)
def test_file_that_is_no_test_is_refused_with_its_reason(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read(tmp_path, content)


def test_zip_bomb_is_refused_before_it_unfolds(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="unpacks to more than"):
        read(tmp_path, bomb())


def many_parts(count: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for part in range(count):
            archive.writestr(f"{part}", b"")
    return target.getvalue()


def test_archive_of_too_many_parts_is_refused_before_its_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = many_parts(1001)
    assert content[-22:-18] == b"PK\x05\x06"
    # One that declares fewer parts still has a directory of its length; zip64 hides both.
    fewer = content[:-14] + b"\x01\0\x01\0" + b"\x80\x96\x98\0" + content[-6:]
    hidden = content[:-22] + b"PK\x06\x07" + bytes(16) + content[-22:-14] + b"\0" * 14
    monkeypatch.setattr(zipfile, "ZipFile", None)
    for archive in (content, fewer, hidden):
        with pytest.raises(UnreadableFile, match="too many parts"):
            read(tmp_path, archive)


PEAK = """
import sys
from pathlib import Path
from mes.connectors.cycler.read import read_cycler_file
from mes.connectors.cycler.report import document, evaluate
for path in sys.argv[1:]:
    file = read_cycler_file(path)
    document(file, evaluate(file), None)
    print(next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line).split()[1])
"""


@pytest.mark.slow
def test_memory_stays_within_what_the_bound_on_records_promises(tmp_path: Path) -> None:
    """1.5 GB for five million records are 300 bytes each; the file itself, 120 bytes a record, is a part of it."""
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_bytes(arbin_csv(20_000))
    large.write_bytes(arbin_csv(220_000))
    told = subprocess.run(
        [sys.executable, "-c", PEAK, small, large],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    before_kb, after_kb = map(int, told.stdout.split())
    assert (after_kb - before_kb) * 1024 / 200_000 < 420


def test_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(10_000_000_000)  # sparse: ten gigabytes that take no room
    with pytest.raises(UnreadableFile, match="larger than 256 MB"):
        read_cycler_file(path)


def test_folder_and_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", Path("/dev/zero")):
        with pytest.raises(UnreadableFile, match="not a file"):
            read_cycler_file(path)


def test_part_of_a_running_test_can_be_read_up_to_a_whole_line(tmp_path: Path) -> None:
    lines = battery_data_format(THREE_CYCLES).splitlines(keepends=True)
    part = read(tmp_path, b"".join(lines[: len(lines) // 2]))
    result = formation_result(part.test.records)
    assert 1 <= len(result.cycles) <= 2
    assert result.cycles[-1].ce_pct is None
