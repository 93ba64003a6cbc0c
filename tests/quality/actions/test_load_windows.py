"""Loading the process-window table."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lots.actions.load_masters import load_steps
from quality.actions.load_requirements import load_requirements
from quality.actions.load_table import LoadRefused
from quality.actions.load_windows import LINKS, WINDOWS, load_windows
from quality.models import ProcessWindow, SourceType

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def masters(db: None) -> None:
    load_steps()
    load_requirements(now=NOW)


def test_every_row_is_kept_verbatim() -> None:
    load_windows()
    with WINDOWS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    windows = list(ProcessWindow.objects.order_by("number"))
    assert len(windows) == len(rows) == 76
    for window, row in zip(windows, rows, strict=True):
        assert (window.step, window.name, window.unit) == (row["step"], row["characteristic"], row["unit"])
        assert (window.target, window.lsl, window.usl) == (row["target"], row["LSL"], row["USL"])
        assert (window.source_type_text, window.source) == (row["source_type"], row["source"])
        assert (window.note, window.within_sd) == (row["note"] or "", row["within_sd"])


@pytest.mark.parametrize(
    ("name", "text", "weakest"),
    [
        ("sediment after hold", "book", SourceType.HANDBOOK),
        ("solids content", "book+assumption", SourceType.ASSUMPTION),
        ("mass-vs-time end point rate", "book+computed", SourceType.COMPUTED),
        ("electrolyte mass, 20 Ah at 3.0 g/Ah", "book scaled", SourceType.COMPUTED),
        ("first-cycle CE (full cell)", "literature/real", SourceType.LITERATURE),
        ("frost point", "literature", SourceType.LITERATURE),
        ("wetting rest", "real_data", SourceType.REAL_DATA),
    ],
)
def test_a_mixed_source_shows_its_wording_and_its_weakest_part(
    name: str, text: str, weakest: SourceType
) -> None:
    load_windows()
    window = ProcessWindow.objects.get(name=name)
    assert (window.source_type_text, window.source_type) == (text, weakest)


def test_windows_lead_to_characteristics_and_requirements() -> None:
    load_windows()
    porosity = ProcessWindow.objects.get(name="porosity, cathode")
    assert porosity.characteristic is not None and porosity.requirement is not None
    assert (porosity.characteristic.code, porosity.requirement.code) == (
        "calendering.porosity_pct",
        "SI-MFG-06",
    )


def test_loading_again_adds_nothing() -> None:
    load_windows()
    load_windows()
    assert ProcessWindow.objects.count() == 76


def test_a_changed_row_is_refused(tmp_path: Path) -> None:
    load_windows()
    path = tmp_path / "process_windows.csv"
    path.write_text(WINDOWS.read_text(encoding="utf-8").replace(",33,30,35,", ",33,28,35,"), encoding="utf-8")
    with pytest.raises(LoadRefused, match=r"row 29 \(porosity, cathode\) is stored with lsl '30', .* '28'"):
        load_windows(path)


def test_a_row_inserted_in_between_does_not_shift_the_links(tmp_path: Path) -> None:
    lines = WINDOWS.read_text(encoding="utf-8").splitlines(keepends=True)
    path = tmp_path / "process_windows.csv"
    path.write_text(
        "".join([lines[0], lines[1].replace("sodium salt", "other salt"), *lines[1:]]), encoding="utf-8"
    )
    with pytest.raises(LoadRefused, match=r"row 6 of process_windows\.csv is not 'solids content'"):
        load_windows(path, LINKS)
    assert not ProcessWindow.objects.exclude(number__lte=76).exists()
