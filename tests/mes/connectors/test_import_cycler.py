"""A cycler's file as formation readings: what is recorded, when it is said to have been, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.utils import timezone

from lots.models import (
    CurveFile,
    HoldLot,
    Measurement,
    Membership,
    Submission,
)
from mes.connectors.files import UnreadableFile
from mes.connectors.import_cycler import ImportedTest, ImportRefused, import_cycler_file
from mes.curves import CurveMissing, load_records
from mes.web.formation_cycles import result_of, shown_cycles
from quality.permissions import NotPermitted
from tests.mes.connectors.ndax_builder import CC_CHARGE, CC_DISCHARGE, Step, ndax
from tests.support.builders import make_plant, make_user, publish, specify
from tests.support.cycling import Part, full_cycles, records
from tests.support.exports import arbin, battery_data_format
from tests.support.formation import cell_in_formation, formation_plant, just_now, set_recipe, two_cycles

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


def curves(cell: object) -> list[CurveFile]:
    return list(CurveFile.objects.filter(lot_id=cell.pk).order_by("pk"))  # type: ignore[attr-defined]


def test_curves_are_kept_in_storage_with_what_they_belong_to(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, execution = cell_in_formation(plant)
    imported = bring(tmp_path, two_cycles(started=just_now()), cell, plant.operator)
    (curve,) = curves(cell)
    assert (curve.execution, curve.recorded_by) == (execution, plant.operator)
    assert (curve.file_sha256, curve.rows) == (imported.file.sha256, imported.file.rows)
    assert curve.submission == Submission.objects.get(file_sha256=imported.file.sha256)
    stored = load_records(curve.storage_sha256)
    assert np.array_equal(stored.voltage_v, imported.file.test.records.voltage_v)


def test_curve_that_was_changed_in_storage_is_not_shown(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    bring(tmp_path, two_cycles(started=just_now()), cell, plant.operator)
    (curve,) = curves(cell)
    place = Path(settings.CURVES_DIR) / curve.storage_sha256[:2] / f"{curve.storage_sha256}.parquet"
    place.write_bytes(place.read_bytes() + b"x")
    with pytest.raises(CurveMissing, match="was changed"):
        load_records(curve.storage_sha256)
    place.unlink()
    with pytest.raises(CurveMissing, match="not in storage"):
        load_records(curve.storage_sha256)
    with pytest.raises(CurveMissing, match="64 hexadecimal"):
        load_records("../../etc/passwd")


def test_file_of_any_cycler_becomes_readings(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    imported = bring(tmp_path, arbin(records(full_cycles(2))), cell, plant.operator, name="export.csv")
    assert values(cell, "formation.charge_capacity_ah") == [
        (1, pytest.approx(2.0, rel=1e-4)),
        (2, pytest.approx(2.0, rel=1e-4)),
    ]
    # No step table and no cut-offs in the recipe: that both cycles ended alike is no evidence.
    assert values(cell, "formation.cutoffs_reached") == []
    assert imported.file.format == "Arbin csv"


def test_contradicting_counter_holds_the_cell_and_is_said(tmp_path: Path) -> None:
    """One percent apart: the current that was recorded or the counter is wrong, and nobody knows which."""
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    content = arbin(records(full_cycles(2), counter_factor=1.01))
    imported = bring(tmp_path, content, cell, plant.operator, name="export.csv")
    assert any(f"{cell.code} is held: the cycler's counter" in remark for remark in imported.remarks)
    (member,) = HoldLot.objects.filter(lot=cell, disposition_id__isnull=True)
    said = "the cycler's counter contradicts its current: in cycle 1 the current integrates to 2 A·h charged"
    assert member.hold.reason.startswith(said)
    assert "the cycler counted 2.02 and 1.717; in cycle 2" in member.hold.reason
    (kept,) = curves(cell)
    assert kept.unresolved in member.hold.reason
    assert dict(values(cell, "formation.charge_capacity_ah"))[1] == pytest.approx(2.0, rel=1e-4)


def test_contradiction_is_held_once_while_the_test_grows_and_where_the_cycles_were_known(
    tmp_path: Path,
) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    whole = arbin(records(full_cycles(3), counter_factor=1.01)).splitlines(keepends=True)

    def held() -> list[str]:
        return list(
            HoldLot.objects.filter(lot=cell, hold__source="evidence").values_list("hold__reason", flat=True)
        )

    bring(tmp_path, b"".join(whole[: round(0.75 * len(whole))]), cell, plant.operator, name="test.csv")
    (first,) = held()
    bring(tmp_path, b"".join(whole), cell, plant.operator, name="test.csv")
    assert held()[0] == first and len(held()) == 2  # once more, for what was not known before
    assert "in cycle 1" not in held()[1]

    other, _ = cell_in_formation(plant)
    bring(
        tmp_path,
        arbin(records(full_cycles(2))),
        other,
        plant.operator,
        "plain.csv",
    )
    assert not HoldLot.objects.filter(lot=other, hold__source="evidence").exists()
    bring(
        tmp_path, arbin(records(full_cycles(2), counter_factor=1.01)), other, plant.operator, name="told.csv"
    )
    assert HoldLot.objects.filter(lot=other, hold__source="evidence").count() == 1


def test_last_cycle_that_contradicts_holds_with_its_words_when_the_same_file_is_said_to_have_ended(
    tmp_path: Path,
) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    set_recipe(cell, upper_cutoff_v="3.8", lower_cutoff_v="2.2")
    test = records(full_cycles(2, last_discharge_v=2.9))
    test.counters_ah[0][test.cycle == 2] *= 1.01
    path = tmp_path / "export.csv"
    path.write_bytes(arbin(test))
    for running in (True, False):
        import_cycler_file(path, cell=cell, user=plant.operator, now=timezone.now(), running=running)
    (member,) = HoldLot.objects.filter(lot=cell, hold__source="evidence")
    assert "in cycle 2 the current integrates to" in member.hold.reason


def test_page_shows_what_was_recorded(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    bring(tmp_path, arbin(records(full_cycles(2))), cell, plant.operator, name="export.csv")
    (kept,) = curves(cell)
    otherwise = [replace(cycle, charge_ah=9.9) for cycle in result_of(kept).cycles]
    assert [one.charge_ah for one in shown_cycles(kept, otherwise)] == [pytest.approx(2.0, rel=1e-4)] * 2


def test_capacity_that_the_records_do_not_resolve_is_the_counters(tmp_path: Path) -> None:
    """Steps of 40 s that the counter saw 0.9 s longer than the records: it knows 2 % more, and no integral can."""
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    test = records([Part(2.0, 40 / 60, 2.5, 3.8), Part(-2.0, 40 / 60, 3.7, 2.2)])
    test.counters_ah[0][:] += 2.0 * 0.9 / 3600.0
    imported = bring(tmp_path, arbin(test), cell, plant.operator, name="export.csv")
    counted = 2.0 * 40.9 / 3600.0
    for half in ("charge", "discharge"):
        assert values(cell, f"formation.{half}_capacity_ah") == [(1, pytest.approx(counted, abs=2e-6))]
    assert any("the counter's capacities are taken in 1 of 1 cycles" in remark for remark in imported.remarks)
    assert not HoldLot.objects.filter(lot=cell, hold__source="evidence").exists()


def test_running_test_supersedes_its_earlier_part_and_its_changed_cycle(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    whole = battery_data_format(records(full_cycles(2))).splitlines(keepends=True)
    part = b"".join(whole[: round(0.8 * len(whole))])
    bring(tmp_path, part, cell, plant.operator, name="test.csv")
    partial = values(cell, "formation.discharge_capacity_ah")
    imported = bring(tmp_path, b"".join(whole), cell, plant.operator, name="test.csv")
    first, second = curves(cell)
    assert second.supersedes == first
    assert first.rows < second.rows
    assert any("goes on where" in remark for remark in imported.remarks)
    recorded = Measurement.objects.filter(
        lot_id=cell.pk, characteristic__code="formation.discharge_capacity_ah"
    ).order_by("received_at", "id")
    latest = {int(row.position or 0): float(row.value) for row in recorded}
    assert latest == {1: pytest.approx(1.7, rel=1e-3), 2: pytest.approx(1.7, rel=1e-3)}
    assert dict(partial).get(2, 0.0) < 1.6
    assert [row.position for row in recorded].count(1) == 1  # the first cycle had not changed


def test_changed_cycle_is_the_latest_reading_on_a_simulated_site_too(tmp_path: Path) -> None:
    plant = formation_plant(simulated=True)
    cell, _ = cell_in_formation(plant)
    whole = battery_data_format(records(full_cycles(3))).splitlines(keepends=True)
    for share in (0.2, 1.0):
        bring(tmp_path, b"".join(whole[: round(share * len(whole))]), cell, plant.operator, name="test.csv")
    first = Measurement.objects.filter(
        lot_id=cell.pk, characteristic__code="formation.discharge_capacity_ah", position=1
    ).order_by("measured_at", "received_at")
    assert [float(row.value) for row in first][-1] == pytest.approx(1.7, rel=1e-3)
    assert first.count() == 2


def test_last_cycle_of_a_running_test_waits_for_its_end(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    path = tmp_path / "test.ndax"
    begin = just_now()
    path.write_bytes(two_cycles(discharge_minutes=20, cycles=1, started=begin))
    # The discharge has reached its cut-off already: the cycle counts.
    import_cycler_file(path, cell=cell, user=plant.operator, now=timezone.now(), running=True)
    assert len(values(cell, "formation.charge_capacity_ah")) == 1
    other, _ = cell_in_formation(plant)
    path.write_bytes(
        ndax([Step(1, CC_CHARGE, 60, (2.0, 2.0), (2.0, 3.5), ("Stop_Volt", 4.0))], started=begin)
    )
    with pytest.raises(ImportRefused, match="still runs"):
        import_cycler_file(path, cell=other, user=plant.operator, now=timezone.now(), running=True)
    assert curves(other) == []


def test_cutoffs_of_the_recipe_decide_where_a_file_has_no_step_table(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    set_recipe(cell, upper_cutoff_v="3.8", lower_cutoff_v="2.2")
    bring(tmp_path, arbin(records(full_cycles(2, last_discharge_v=2.6))), cell, plant.operator, name="x.csv")
    assert values(cell, "formation.cutoffs_reached") == [(1, 1.0), (2, 0.0)]
    assert values(cell, "formation.ce_pct") == [(1, pytest.approx(85.0, abs=0.01))]
    assert values(cell, "formation.compliant") == [(0, 1.0)]


def test_over_voltage_fails_the_run_and_holds_the_cell(tmp_path: Path) -> None:
    plant = make_plant()
    specify(plant, "formation.compliant", lsl="1")
    publish(plant)
    cell, _ = cell_in_formation(plant)
    set_recipe(cell, upper_cutoff_v="3.7", lower_cutoff_v="2.2")
    imported = bring(tmp_path, arbin(records(full_cycles(2))), cell, plant.operator, name="x.csv")
    assert any("above the 3.7 V" in remark for remark in imported.remarks)
    assert values(cell, "formation.compliant") == [(0, 0.0)]
    assert HoldLot.objects.filter(lot=cell, disposition_id__isnull=True).exists()


def test_run_whose_chamber_cannot_be_judged_is_not_recorded_as_the_recipe_says(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    set_recipe(cell, upper_cutoff_v="3.8", lower_cutoff_v="2.2", formation_temperature_c="30")
    imported = bring(tmp_path, arbin(records(full_cycles(2))), cell, plant.operator, name="x.csv")
    assert values(cell, "formation.compliant") == []
    assert len(values(cell, "formation.discharge_capacity_ah")) == 2
    (said,) = [remark for remark in imported.remarks if remark.startswith("The temperature cannot be judged")]
    assert "30 °C and the file has no temperature column" in said


def test_resistance_is_recorded_at_the_time_that_the_recipe_states(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    set_recipe(cell, resistance_time_s="10")
    pulse = records([Part(0.0, 5, 3.6, 3.6), Part(-2.0, 20, 3.56, 3.56), Part(2.0, 20, 3.6, 3.7)])
    bring(tmp_path, arbin(pulse), cell, plant.operator, name="x.csv")
    ((_, resistance),) = values(cell, "formation.resistance_mohm")
    # 40.8 mV over 4 A, 10 s after the current turned from discharge to charge.
    assert resistance == pytest.approx(10.2, rel=0.01)


def test_file_of_another_cell_is_refused(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    other, _ = cell_in_formation(plant)
    content = two_cycles(started=just_now())
    bring(tmp_path, content, cell, plant.operator)
    with pytest.raises(ImportRefused, match=f"imported for {cell.code} already"):
        bring(tmp_path, content, other, plant.operator, name="copy.ndax")
    named = b"Test:," + cell.code.encode() + b"\n" + arbin(records(full_cycles(2)))
    with pytest.raises(ImportRefused, match=f"calls its cell {cell.code}, not {other.code}"):
        bring(tmp_path, named, other, plant.operator, name="x.csv")
    assert not Measurement.objects.filter(
        lot_id=other.pk, characteristic__code__startswith="formation."
    ).exists()
    bring(
        tmp_path, named.replace(cell.code.encode(), other.code.encode()), other, plant.operator, name="x.csv"
    )


def test_broken_protocol_does_not_wait_for_the_end_of_the_first_cycle(tmp_path: Path) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    set_recipe(cell, upper_cutoff_v="3.7", lower_cutoff_v="2.2")
    path = tmp_path / "test.csv"
    path.write_bytes(arbin(records([Part(2.0, 58, 2.5, 3.75)])))
    import_cycler_file(path, cell=cell, user=plant.operator, now=timezone.now(), running=True)
    assert values(cell, "formation.compliant") == [(0, 0.0)]
    assert values(cell, "formation.charge_capacity_ah") == []
