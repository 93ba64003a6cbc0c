from __future__ import annotations

import hashlib
import importlib.util
import io
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from mes.connectors.cycler.file import read_file_of_cell
from mes.connectors.files import UnreadableFile


def _builder() -> ModuleType:
    # importlib mode puts no test folder on the path, so the builder beside this file is loaded by its place.
    spec = importlib.util.spec_from_file_location("ndax_builder", Path(__file__).with_name("ndax_builder.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


build = _builder()
CHARGE = build.Step(1, build.CC_CHARGE, 60, (2.0, 2.0), (2.5, 3.95), ("Stop_Volt", 3.95))
HOLD = build.Step(2, build.CV_CHARGE, 30, (2.0, 0.1), (3.95, 3.95), ("Stop_Curr", 0.1))
REST = build.Step(3, build.REST, 10, (0.0, 0.0), (3.93, 3.90))
DISCHARGE = build.Step(4, build.CC_DISCHARGE, 75, (-2.0, -2.0), (3.85, 1.5), ("Stop_Volt", 1.5))
CYCLE = (CHARGE, HOLD, REST, DISCHARGE, REST)
CHARGE_AH = 2.0 + 1.05 * 0.5


def read(tmp_path: Path, content: bytes, name: str = "cell.ndax", **options: object):  # type: ignore[no-untyped-def]
    path = tmp_path / name
    path.write_bytes(content)
    return read_file_of_cell(path, **options)  # type: ignore[arg-type]


def test_capacities_are_integrated_and_agree_with_the_counters(tmp_path: Path) -> None:
    content = build.ndax(CYCLE + CYCLE)
    file = read(tmp_path, content)
    assert (file.format, file.sha256) == ("Neware ndax", hashlib.sha256(content).hexdigest())
    assert file.rows == 2 * (361 + 181 + 61 + 451 + 61)
    assert [cycle.number for cycle in file.cycles] == [1, 2]
    for cycle in file.cycles:
        assert cycle.charge_ah == pytest.approx(CHARGE_AH, rel=1e-4)
        assert cycle.discharge_ah == pytest.approx(2.5, rel=1e-6)
        assert cycle.values.charge_counter_ah == pytest.approx(cycle.charge_ah, rel=1e-5)
        assert cycle.counters_agree
        assert cycle.cutoffs_reached is True
        assert cycle.ce_pct == pytest.approx(100 * 2.5 / CHARGE_AH, rel=1e-4)
    assert file.remarks == ()
    assert file.temperature_c is None


def test_content_decides_and_not_the_name(tmp_path: Path) -> None:
    assert read(tmp_path, build.ndax(CYCLE), name="cell.bin").format == "Neware ndax"


@pytest.mark.parametrize(
    "cut_short",
    [
        (replace(CHARGE, voltage_v=(2.5, 3.6)), replace(HOLD, current_a=(2.0, 0.4)), DISCHARGE),
        (CHARGE, HOLD, replace(DISCHARGE, minutes=15, voltage_v=(3.85, 3.4))),
        (CHARGE, HOLD),
    ],
    ids=["hold ended by time", "discharge cut short", "no discharge"],
)
def test_cycle_that_missed_a_cutoff_says_so_and_has_no_efficiency(
    tmp_path: Path, cut_short: tuple[object, ...]
) -> None:
    (cycle,) = read(tmp_path, build.ndax(cut_short)).cycles
    assert cycle.cutoffs_reached is False
    assert cycle.ce_pct is None


def test_cutoffs_are_unknown_without_a_step_table_that_is_understood(tmp_path: Path) -> None:
    for content in (
        build.ndax(CYCLE, scale="1000"),
        build.ndax((CHARGE, HOLD, replace(DISCHARGE, stop=None))),
    ):
        (cycle,) = read(tmp_path, content).cycles
        assert cycle.cutoffs_reached is None
        assert cycle.ce_pct is None


def test_more_discharge_than_charge_has_no_efficiency(tmp_path: Path) -> None:
    (cycle,) = read(tmp_path, build.ndax((replace(CHARGE, minutes=30), HOLD, DISCHARGE))).cycles
    assert cycle.cutoffs_reached is True
    assert cycle.ce_pct is None


def test_counter_that_disagrees_is_reported(tmp_path: Path) -> None:
    file = read(tmp_path, build.ndax((CHARGE, HOLD, replace(DISCHARGE, counter_factor=1.01))))
    assert file.cycles[0].counter_deviation_pct == pytest.approx(100 * 0.01 / 1.01, rel=1e-3)
    assert not file.cycles[0].counters_agree
    assert "differ by more than 0.1 %" in file.remarks[0]


def test_wall_clock_needs_the_zone_of_the_cycler(tmp_path: Path) -> None:
    content = build.ndax(CYCLE)
    without = read(tmp_path, content)
    assert not without.clock_zone_known
    assert without.started_at == datetime(2025, 3, 1, 8, tzinfo=UTC)
    with_zone = read(tmp_path, content, wall_clock_zone=ZoneInfo("Europe/Berlin"))
    assert with_zone.clock_zone_known
    assert with_zone.started_at == datetime(2025, 3, 1, 7, tzinfo=UTC)
    assert (with_zone.ended_at - with_zone.started_at).total_seconds() == 185 * 60


def _archive(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return target.getvalue()


def _with_flipped_byte(content: bytes) -> bytes:
    middle = 200
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"time,current\n0,1\n", "no header of a known cycler export"),
        (b"PK\x03\x04 not really", "truncated or corrupt"),
        (build.ndax(CYCLE)[:-2000], "truncated or corrupt"),
        (_with_flipped_byte(build.ndax(CYCLE)), "truncated or corrupt"),
        (_archive(readme__txt=b"hello"), "without cycler records"),
        (_archive(data__ndc=b""), "without cycler records"),
        (_archive(data__ndc=b"\x01\x00\x02" + b"\x00" * 100), "truncated, corrupt or of an unknown"),
        (_archive(data__ndc=b"\x01\x00\xfe" + b"\x00" * 1021), "truncated, corrupt or of an unknown"),
        (_archive(data__ndc=b"\x01\x00\x02" + b"\x00" * 1021), "holds no records|corrupt"),
        (b"NEWARE" + b"\x00" * 50, "truncated, corrupt or of an unknown"),
        (b"NEWARE" + bytes(range(256)) * 40, "truncated, corrupt or of an unknown"),
    ],
)
def test_unreadable_file_says_in_one_sentence_what_to_do(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason) as caught:
        read(tmp_path, content)
    message = str(caught.value)
    assert message.startswith("cell.ndax")
    assert message.endswith(".")
    assert "export" in message or "choose" in message


def test_oversize_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="larger than"):
        read(tmp_path, build.ndax(CYCLE), max_bytes=1000)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"nothing\.ndax does not exist"):
        read_file_of_cell(tmp_path / "nothing.ndax")


def test_zip_bomb_is_stopped_while_it_unpacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mes.connectors.neware.MAX_UNPACKED_BYTES", 1_000_000)
    bomb = _archive(data__ndc=b"\x00" * 20_000_000)
    assert len(bomb) < 50_000
    with pytest.raises(UnreadableFile, match="unpacks to more than 1 MB"):
        read(tmp_path, bomb)


def test_size_declared_by_an_archive_is_not_believed(tmp_path: Path) -> None:
    bomb = bytearray(_archive(data__ndc=b"\x00" * 20_000_000))
    declared, lie = (20_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    assert bomb.count(declared) == 2
    with pytest.raises(UnreadableFile, match="truncated or corrupt"):
        read(tmp_path, bytes(bomb).replace(declared, lie))
