"""Raw records as text tables: what is recognised, and what is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lots.science.raw_records import RecordKind
from mes.connectors.files import UnreadableFile
from mes.connectors.series.read import is_series_file, read_series_file
from tests.support.raw import CURVE_G, map_body, mass_body, pressure_body, table

GAUGE = SimpleNamespace(code="SCALE-1")
STARTED = datetime(2026, 3, 1, 8, tzinfo=UTC)


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "whatever.bin"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("separator", "decimal"), [(",", "."), (";", ","), ("\t", ".")])
def test_table_is_read_with_what_stands_above_it(tmp_path: Path, separator: str, decimal: str) -> None:
    body = mass_body(GAUGE, started_at=STARTED, posted={"drying.endpoint_min": "22"})
    path = written(tmp_path, b"\xef\xbb\xbf" + table(body, separator=separator, decimal=decimal))
    assert is_series_file(path)
    file = read_series_file(path)
    assert (file.kind, file.gauge, file.started_at) == (RecordKind.MASS, "SCALE-1", STARTED)
    assert file.posted == {"drying.endpoint_min": "22"}
    assert np.allclose(file.columns["mass_g"], CURVE_G, atol=1e-4)


def test_kinds_are_told_by_their_headings(tmp_path: Path) -> None:
    bodies = [make(GAUGE, started_at=STARTED) for make in (mass_body, map_body, pressure_body)]
    files = [read_series_file(written(tmp_path, table(body))) for body in bodies]
    assert [file.kind for file in files] == list(RecordKind)


def test_file_of_a_cycler_is_no_raw_record(tmp_path: Path) -> None:
    assert not is_series_file(written(tmp_path, b"Test Time (s),Voltage (V),Current (A)\n0,3,1\n"))
    assert not is_series_file(written(tmp_path, b"\x00\x01\x02"))
    assert not is_series_file(tmp_path / "absent")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# gauge: S\ntime_min,mass_g\n0,1\n1,1\n", "# started"),
        (b"# started: 2026-03-01T08:00:00\ntime_min,mass_g\n0,1\n1,1\n", "no zone"),
        (b"# started: 0001-01-01T00:00:00+01:00\ntime_min,mass_g\n0,1\n1,1\n", "the year"),
        (
            b"# started: 2026-03-01T08:00:00Z\n# drying.endpoint_min: 0e999\ntime_min,mass_g\n0,1\n1,1\n",
            "0e999",
        ),
        (b"# started: 2026-03-01T08:00:00Z\ntime_min,mass_g\n0,1\n1\n", "line 4 holds 1"),
        (b"# started: 2026-03-01T08:00:00Z\ntime_min,mass_g\n0,1\n1,x\n", "line 4"),
        (b"# started: 2026-03-01T08:00:00Z\ntime_min,mass_g\n0,1\n1,\n", "mass_g"),
        (
            b"# started: 2026-03-01T08:00:00Z\n# drying.colour: 3\ntime_min,mass_g\n0,1\n1,1\n",
            "drying.colour",
        ),
        (
            b"# started: 2026-03-01T08:00:00Z\n# drying.endpoint_min: soon\ntime_min,mass_g\n0,1\n1,1\n",
            "not a number",
        ),
        (b"time_min,mass\n0,1\n", "headings"),
        (b"", "empty"),
    ],
)
def test_table_that_cannot_be_used_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read_series_file(written(tmp_path, content))


@pytest.mark.parametrize(
    ("headings", "row", "rows", "words"),
    [
        ("time_s,pressure_mbar", "1,1", 200_001, "time_s: a record holds at most 200,000 rows"),
        ("time_s,pressure_mbar", "", 400_101, "more than 200,000 rows"),
        ("metre," + ",".join(f"lane_{n}" for n in range(400)), "1" + ",1" * 400, 4_988, "2,000,000 values"),
    ],
)
def test_record_that_is_too_long_is_refused_before_it_is_held(
    tmp_path: Path, headings: str, row: str, rows: int, words: str
) -> None:
    content = f"# started: 2026-03-01T08:00:00Z\n{headings}\n".encode() + f"{row}\n".encode() * rows
    with pytest.raises(UnreadableFile, match=words):
        read_series_file(written(tmp_path, content))
