"""A cycler's file as formation readings: what is recorded, when it is said to have been, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from lots.models import HoldLot, Measurement, Membership, Submission
from mes.connectors.files import UnreadableFile
from mes.connectors.import_cycler import ImportedTest, ImportRefused, import_cycler_file
from quality.permissions import NotPermitted
from tests.mes.connectors.ndax_builder import CC_CHARGE, CC_DISCHARGE, Step, ndax
from tests.support.builders import make_user
from tests.support.formation import cell_in_formation, formation_plant, just_now, two_cycles

pytestmark = pytest.mark.django_db


def bring(
    tmp_path: Path, content: bytes, cell: object, user: object, name: str = "test.ndax"
) -> ImportedTest:
    path = tmp_path / name
    path.write_bytes(content)
    return import_cycler_file(path, cell=cell, user=user, now=timezone.now())  # type: ignore[arg-type]


def values(cell: object, characteristic: str) -> list[tuple[int, float]]:
    rows = Measurement.objects.filter(lot_id=cell.pk, characteristic__code=characteristic)  # type: ignore[attr-defined]
    return [(int(row.position or 0), float(row.value)) for row in rows.order_by("position")]


def test_every_cycle_becomes_its_capacities_and_its_verdict(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    imported = bring(tmp_path, two_cycles(started=just_now()), cell, plant.operator)
    assert values(cell, "formation.charge_capacity_ah") == [(1, pytest.approx(2.0)), (2, pytest.approx(2.0))]
    assert values(cell, "formation.discharge_capacity_ah") == [
        (1, pytest.approx(1.8)),
        (2, pytest.approx(1.8)),
    ]
    assert values(cell, "formation.cutoffs_reached") == [(1, 1.0), (2, 1.0)]
    assert values(cell, "formation.ce_pct") == [(1, pytest.approx(90.0)), (2, pytest.approx(90.0))]
    assert not imported.recognised
    assert Submission.objects.get(file_sha256=imported.file.sha256).measurement_count >= 8


def test_a_low_first_efficiency_holds_the_cell(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    imported = bring(tmp_path, two_cycles(discharge_minutes=40, started=just_now()), cell, plant.operator)
    assert "below LSL 80" in imported.answer["violations"][0]["message"]
    assert HoldLot.objects.filter(lot=cell, disposition_id__isnull=True).exists()


def test_a_cycle_without_a_verdict_leaves_it_out(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    steps = [
        Step(1, CC_CHARGE, 60, (2.0, 2.0), (2.0, 4.0)),
        Step(2, CC_DISCHARGE, 54, (-2.0, -2.0), (4.0, 1.5)),
    ]
    bring(tmp_path, ndax(steps, started=just_now()), cell, plant.operator)
    assert len(values(cell, "formation.charge_capacity_ah")) == 1
    assert values(cell, "formation.cutoffs_reached") == []
    assert values(cell, "formation.ce_pct") == []


def test_the_same_file_is_recognised_whoever_brings_it(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    content = two_cycles(started=just_now())
    first = bring(tmp_path, content, cell, plant.operator)
    stored = Measurement.objects.filter(lot_id=cell.pk).count()
    again = bring(tmp_path, content, cell, plant.engineer, name="renamed.ndax")
    assert again.recognised and again.answer == first.answer
    assert Measurement.objects.filter(lot_id=cell.pk).count() == stored


def test_a_longer_export_of_the_test_adds_only_its_new_cycles(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    begin = just_now()
    bring(tmp_path, two_cycles(cycles=1, started=begin), cell, plant.operator)
    imported = bring(tmp_path, two_cycles(started=begin), cell, plant.operator)
    assert [number for number, _ in values(cell, "formation.charge_capacity_ah")] == [1, 2]
    assert any("1 of 2 cycles were recorded before" in remark for remark in imported.remarks)
    with pytest.raises(ImportRefused, match="already"):
        bring(tmp_path, two_cycles(cycles=1, started=begin, discharge_minutes=50), cell, plant.operator)


def test_on_a_real_site_the_times_of_the_file_are_kept_in_the_zone_of_the_site(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    imported = bring(tmp_path, two_cycles(), cell, plant.operator)
    last = Measurement.objects.filter(
        lot_id=cell.pk, characteristic__code="formation.charge_capacity_ah"
    ).latest("position")
    assert last.measured_at == imported.file.cycles[-1].ended_at
    assert last.measured_at.isoformat() == "2025-03-01T10:48:00+00:00"  # 11:48 in Berlin


def test_values_from_the_future_are_quarantined_and_the_remark_names_the_clock(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    imported = bring(tmp_path, two_cycles(started=just_now() + timedelta(days=2)), cell, plant.operator)
    assert any("set the clock of the cycler" in remark for remark in imported.remarks)
    assert set(Measurement.objects.filter(lot_id=cell.pk).values_list("quality", flat=True)) == {
        "quarantined"
    }


def test_on_a_simulated_site_the_mapping_is_said(tmp_path: Path) -> None:
    plant = formation_plant(simulated=True)
    cell, _ = cell_in_formation(plant)
    imported = bring(tmp_path, two_cycles(), cell, plant.operator)
    assert any("is simulated" in remark and "were moved" in remark for remark in imported.remarks)
    last = Measurement.objects.filter(lot_id=cell.pk).latest("measured_at").measured_at
    assert abs(last - timezone.now()) < timedelta(minutes=1)


@pytest.mark.parametrize("state", ["not started", "finished"])
def test_a_cell_that_is_not_in_formation_is_refused(tmp_path: Path, state: str) -> None:
    plant = formation_plant()
    if state == "finished":
        cell, execution = cell_in_formation(plant)
        plant.finish(execution)
    else:
        cell = plant.lot("T-CELL", quantity=1)
    with pytest.raises(ImportRefused, match=cell.code):
        bring(tmp_path, two_cycles(), cell, plant.operator)
    assert not Measurement.objects.filter(lot_id=cell.pk).exists()


def test_a_corrupt_file_is_refused_without_naming_the_stored_file(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    with pytest.raises(UnreadableFile) as refusal:
        bring(tmp_path, two_cycles()[:3000], cell, plant.operator, name="tmp83hx.part")
    assert "tmp83hx" not in str(refusal.value)
    assert not Measurement.objects.filter(lot_id=cell.pk).exists()


def test_who_may_not_import_imports_nothing(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    with pytest.raises(NotPermitted):
        bring(tmp_path, two_cycles(), cell, make_user(plant.site, Membership.Role.AUDITOR))
