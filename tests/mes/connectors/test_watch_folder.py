"""A folder of instrument files: what is imported, what waits, what is quarantined."""

from __future__ import annotations

import os
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from lots.models import CurveFile, Lot, Measurement, Membership
from mes.connectors import watch_folder
from mes.connectors.import_cycler import ImportedTest, import_cycler_file
from mes.connectors.watch_folder import ENDED_AFTER_S, SETTLE_S, Outcome, Result, WatchedFolder
from tests.mes.web.test_formation import spectrum_file
from tests.support.builders import Plant, make_user
from tests.support.cycling import full_cycles, records
from tests.support.exports import battery_data_format
from tests.support.formation import cell_in_formation, formation_plant, just_now, set_recipe, two_cycles

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    return formation_plant()


@pytest.fixture
def watched(plant: Plant, tmp_path: Path) -> WatchedFolder:
    return WatchedFolder(tmp_path, plant.site, plant.operator)


def look(watched: WatchedFolder, *, later_s: float = SETTLE_S + 1) -> list[Outcome]:
    return watched.round(now=timezone.now(), clock_s=time.time() + later_s)


def cycles_of(cell: Lot, code: str) -> dict[int, float]:
    rows = Measurement.objects.filter(lot_id=cell.pk, characteristic__code=f"formation.{code}").order_by(
        "position"
    )
    return {int(row.position or 0): float(row.value) for row in rows}


def results(outcomes: list[Outcome]) -> list[Result]:
    return [outcome.result for outcome in outcomes]


def test_file_is_imported_for_the_cell_of_its_name_and_read_once(
    plant: Plant, watched: WatchedFolder
) -> None:
    cell, _ = cell_in_formation(plant)
    (watched.folder / f"{cell.code}__first.ndax").write_bytes(two_cycles(started=just_now()))
    assert results(look(watched)) == [Result.IMPORTED]
    assert CurveFile.objects.filter(lot=cell).count() == 1
    assert look(watched) == []
    again = WatchedFolder(watched.folder, plant.site, plant.operator)
    assert results(look(again)) == [Result.RECOGNISED]


def test_growing_file_is_imported_again_and_supersedes(plant: Plant, watched: WatchedFolder) -> None:
    cell, _ = cell_in_formation(plant)
    lines = battery_data_format(records(full_cycles(3))).splitlines(keepends=True)
    path = watched.folder / f"{cell.code}.csv"
    for share in (0.2, 0.5, 1.0):
        path.write_bytes(b"".join(lines[: round(share * len(lines))]))
        look(watched)
    first, second = CurveFile.objects.filter(lot=cell).order_by("pk")
    assert (second.supersedes, path.exists()) == (first, True)


def test_last_cycle_without_known_cutoffs_counts_when_nothing_was_written_for_an_hour(
    plant: Plant, watched: WatchedFolder
) -> None:
    cell, _ = cell_in_formation(plant)
    path = watched.folder / f"{cell.code}.csv"
    path.write_bytes(battery_data_format(records(full_cycles(2))))
    (outcome,) = look(watched)
    assert (outcome.result, "Cycle 2 is left out" in outcome.words) == (Result.IMPORTED, True)
    assert look(watched) == []
    assert cycles_of(cell, "charge_capacity_ah") == {1: pytest.approx(2.0, rel=1e-3)}
    (outcome,) = look(watched, later_s=ENDED_AFTER_S + 1)
    assert (outcome.result, "left out" in outcome.words) == (Result.IMPORTED, False)
    assert list(cycles_of(cell, "charge_capacity_ah")) == [1, 2]
    assert look(watched, later_s=ENDED_AFTER_S + 1) == []


def test_file_whose_formation_was_finished_before_its_test_ended_stays(
    plant: Plant, watched: WatchedFolder
) -> None:
    cell, execution = cell_in_formation(plant)
    path = watched.folder / f"{cell.code}.csv"
    path.write_bytes(battery_data_format(records(full_cycles(2))))
    assert results(look(watched)) == [Result.IMPORTED]
    type(execution).objects.filter(pk=execution.pk).update(finished_at=timezone.now())
    for folder in (
        watched,
        WatchedFolder(watched.folder, plant.site, plant.operator),
    ):  # also after a restart
        (outcome,) = look(folder, later_s=ENDED_AFTER_S + 1)
        assert (outcome.result, "stays as it was imported" in outcome.words) == (Result.RECOGNISED, True)
        assert look(folder, later_s=ENDED_AFTER_S + 1) == []
    assert path.exists()
    assert list(cycles_of(cell, "charge_capacity_ah")) == [1]


def test_early_cutoff_counts_only_when_its_test_has_ended(plant: Plant, watched: WatchedFolder) -> None:
    cell, _ = cell_in_formation(plant)
    set_recipe(cell, upper_cutoff_v="3.8", lower_cutoff_v="2.2")
    path = watched.folder / f"{cell.code}.csv"
    path.write_bytes(battery_data_format(records(full_cycles(1, last_discharge_v=2.6))))
    for _ in range(2):
        (outcome,) = look(watched)
        assert (outcome.result, "has not reached its cut-offs" in outcome.words) == (Result.WAITING, True)
    assert cycles_of(cell, "cutoffs_reached") == {}
    assert results(look(watched, later_s=ENDED_AFTER_S + 1)) == [Result.IMPORTED]
    assert cycles_of(cell, "cutoffs_reached") == {1: 0.0}


def test_file_of_a_cell_that_is_not_in_formation_waits(plant: Plant, watched: WatchedFolder) -> None:
    cell = plant.lot("T-CELL", quantity=1)
    path = watched.folder / f"{cell.code}.ndax"
    path.write_bytes(two_cycles(started=just_now()))
    assert results(look(watched)) == [Result.WAITING]
    assert path.exists()
    assert results(look(watched)) == [Result.WAITING]


@pytest.mark.parametrize(("name", "content"), [("{cell}.ndax", b"PK\x03\x04 no"), ("NOBODY.ndax", b"")])
def test_file_that_cannot_be_used_is_moved_beside_its_reason(
    plant: Plant, watched: WatchedFolder, name: str, content: bytes
) -> None:
    cell, _ = cell_in_formation(plant)
    path = watched.folder / name.format(cell=cell.code)
    path.write_bytes(content)
    assert look(watched, later_s=0) == []  # it may still be written to
    (outcome,) = look(watched)
    assert outcome.result is Result.QUARANTINED
    moved = watched.folder / "quarantine" / path.name
    assert moved.read_bytes() == content
    assert moved.with_name(moved.name + ".reason.txt").read_text().strip() == outcome.words
    path.write_bytes(content)
    look(watched)
    assert len(list((watched.folder / "quarantine").glob("*.ndax"))) == 2


def test_spectrum_takes_its_conditions_from_its_name(plant: Plant, watched: WatchedFolder) -> None:
    cell, _ = cell_in_formation(plant)
    (watched.folder / f"{cell.code}__soc50__25C.csv").write_bytes(spectrum_file())
    (watched.folder / f"{cell.code}__first.csv").write_bytes(spectrum_file(rs_ohm=1e-3))
    nameless, imported = look(watched)
    assert (nameless.result, imported.result) == (Result.QUARANTINED, Result.IMPORTED)
    assert "state of charge" in nameless.words
    row = CurveFile.objects.get(lot=cell)
    assert (row.soc_pct, row.temperature_c) == (50, 25)


def test_file_that_will_never_fit_its_cell_is_not_read_for_ever(plant: Plant, watched: WatchedFolder) -> None:
    cell, execution = cell_in_formation(plant)
    other = plant.lot("T-CELL", quantity=1)
    content = two_cycles(started=just_now())
    (watched.folder / f"{cell.code}.ndax").write_bytes(content)
    assert results(look(watched)) == [Result.IMPORTED]
    (watched.folder / f"{other.code}__of-another-cell.ndax").write_bytes(content)
    (mistaken,) = look(watched)
    assert (mistaken.result, f"imported for {cell.code}" in mistaken.words) == (Result.QUARANTINED, True)
    type(execution).objects.filter(pk=execution.pk).update(finished_at=timezone.now())
    (watched.folder / f"{cell.code}__late.ndax").write_bytes(two_cycles())
    (late,) = look(watched)
    assert (late.result, "is finished already" in late.words) == (Result.QUARANTINED, True)
    reasons = sorted(path.name for path in (watched.folder / "quarantine").glob("*.reason.txt"))
    assert reasons == sorted(f"{outcome.name}.reason.txt" for outcome in (late, mistaken))
    assert look(watched) == []


def test_file_on_which_the_import_fails_does_not_stop_the_others(
    plant: Plant, watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, _ = cell_in_formation(plant)
    other, _ = cell_in_formation(plant)
    bad, good = sorted((cell, other), key=lambda lot: lot.code)
    (watched.folder / f"{bad.code}.ndax").write_bytes(b"bad")
    (watched.folder / f"{good.code}.ndax").write_bytes(two_cycles(started=just_now()))
    errors: list[Exception] = [OSError("no space left"), *(ValueError("argmax of nothing") for _ in range(3))]

    def fail(path: Path, **told: Any) -> ImportedTest:
        if path.read_bytes() == b"bad":
            raise errors.pop(0)
        return import_cycler_file(path, **told)

    monkeypatch.setattr(watch_folder, "import_cycler_file", fail)
    assert results(look(watched)) == [Result.FAILED, Result.IMPORTED]
    assert [results(look(watched)) for _ in range(2)] == [[Result.FAILED]] * 2
    (last,) = look(watched)
    assert (last.result, "argmax of nothing" in last.words) == (Result.QUARANTINED, True)
    assert look(watched) == []


def test_name_that_is_no_text_is_moved_away(plant: Plant, watched: WatchedFolder) -> None:
    (watched.folder / os.fsdecode(b"CELL-\xff.ndax")).write_bytes(two_cycles())
    (outcome,) = look(watched)
    assert (outcome.result, outcome.name) == (Result.QUARANTINED, "CELL-\\udcff.ndax")
    assert look(watched) == []


def test_every_file_has_its_turn_however_many_stay(
    plant: Plant, watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_folder, "MAX_FILES_A_ROUND", 2)
    waiting = plant.lot("T-CELL", quantity=1)
    cell, _ = cell_in_formation(plant)
    for name in "abc":
        (watched.folder / f"{waiting.code}__{name}.ndax").write_bytes(two_cycles())
    for name in "yz":
        (watched.folder / f"{cell.code}__{name}.ndax").write_bytes(two_cycles(started=just_now()))
    found = [outcome for _ in range(3) for outcome in look(watched)]
    assert {outcome.name for outcome in found} == {path.name for path in watched.folder.iterdir()}
    assert Result.IMPORTED in results(found)


def test_links_hidden_files_and_folders_are_left_alone(plant: Plant, watched: WatchedFolder) -> None:
    cell, _ = cell_in_formation(plant)
    outside = watched.folder / ".hidden"
    outside.write_bytes(two_cycles())
    (watched.folder / f"{cell.code}.ndax").symlink_to(outside)
    (watched.folder / "folder.ndax").mkdir()
    assert look(watched) == []


def test_command_imports_one_round_and_refuses_who_may_not(plant: Plant, tmp_path: Path) -> None:
    cell, _ = cell_in_formation(plant)
    (tmp_path / f"{cell.code}.ndax").write_bytes(two_cycles(started=just_now()))
    options = {"site": plant.site.code, "once": True}
    auditor = make_user(plant.site, Membership.Role.AUDITOR)
    with pytest.raises(CommandError, match="may not import"):
        call_command("watch_folder", str(tmp_path), user=auditor.username, **options)
    out = StringIO()
    call_command("watch_folder", str(tmp_path), user=plant.operator.username, stdout=out, **options)
    assert f"{cell.code}.ndax: imported" in out.getvalue()
