"""Optional steps: a route that has them demands their records, one that marks them optional lets them be left out."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from lots.models import Lot, RecipeParameter, RecipeRevision, RouteStep
from lots.queries import active_holds, valid_measurements
from mes.web.waiting import by_next_step, lots_in_line
from quality.actions.gate import GateRefused
from quality.actions.produce import consume_into
from quality.actions.run_step import start_step
from quality.actions.taking import Input
from quality.gates import can_leave, can_proceed, next_step
from tests.support.builders import Plant, add_line, make_plant, publish, put_on_route, specify

pytestmark = pytest.mark.django_db
REFERENCE = "slurry_release.viscosity_reference_pa_s"


@pytest.fixture
def plant() -> Plant:
    return make_plant()


def messages(blockers: list[Any]) -> list[str]:
    return [blocker.message for blocker in blockers]


def value(lot: Lot, code: str) -> float:
    return float(valid_measurements([lot.pk]).get(characteristic__code=code).value)


def released(plant: Plant, lot: Lot, **readings: str) -> None:
    """Run the slurry release with these readings (without the step's name)."""
    plant.run(
        lot,
        "slurry_release",
        [plant.reading(f"slurry_release.{name}", text, lot) for name, text in readings.items()],
    )


def recipe(plant: Plant, **values: str) -> None:
    revision = RecipeRevision.objects.get(recipe__product=plant.product.product)
    step = RouteStep.objects.filter(route=plant.product.route).first()
    assert step is not None
    for name, text in values.items():
        RecipeParameter.objects.create(
            recipe_revision=revision, step=step.step, name=name, value=Decimal(text), unit="1"
        )


def coat(plant: Plant, slurry: Lot) -> Lot:
    roll = plant.lot("T-ROLL", quantity=100, inputs=[Input(slurry.code, Decimal(10))])
    plant.start(roll, "coating")
    return roll


GOOD = {
    "powder_mass_kg": "65",
    "solvent_mass_kg": "35",
    "order_kept": "1",
    "temperature_c": "25.2",
    "shear_rate_1_s": "100",
    "viscosity_pa_s": "5.0",
    "viscosity_after_hold_pa_s": "5.1",
}


@pytest.fixture
def slurry(plant: Plant) -> Lot:
    put_on_route(plant, "slurry_release")
    add_line(plant, REFERENCE)
    publish(plant)
    specify(plant, REFERENCE, lsl="4.25", usl="5.75")
    lot = plant.lot()
    plant.run(lot, "mixing")
    return lot


def test_nothing_is_coated_from_a_slurry_that_is_not_released(plant: Plant, slurry: Lot) -> None:
    with pytest.raises(GateRefused, match="Slurry release has not been done"):
        coat(plant, slurry)
    released(plant, slurry, **GOOD)
    assert value(slurry, "slurry_release.solids_pct") == pytest.approx(65.0)
    assert value(slurry, "slurry_release.drift_pct") == pytest.approx(2.0)
    assert coat(plant, slurry).executions.count() == 1


def test_viscosity_at_another_temperature_does_not_release(plant: Plant, slurry: Lot) -> None:
    released(plant, slurry, **GOOD | {"temperature_c": "31"})
    assert messages(can_leave(slurry, now=timezone.now())) == ["Viscosity at reference: 0 of 1 values"]
    plant.submit(
        [
            plant.reading("slurry_release.temperature_c", "25.0", slurry),
            plant.reading("slurry_release.viscosity_pa_s", "5.2", slurry),
        ]
    )
    assert value(slurry, REFERENCE) == 5.2
    assert can_leave(slurry, now=timezone.now()) == []


def test_viscosity_out_of_its_window_holds_the_batch(plant: Plant, slurry: Lot) -> None:
    released(plant, slurry, **GOOD | {"viscosity_pa_s": "6.5"})
    assert "above USL 5.75" in active_holds([slurry.pk]).get().hold.reason
    with pytest.raises(GateRefused):
        coat(plant, slurry)


def test_released_slurry_keeps_its_pot_life(plant: Plant, slurry: Lot) -> None:
    recipe(plant, slurry_pot_life_h="24")
    released(plant, slurry, **GOOD)
    now = timezone.now()
    assert can_leave(slurry, now=now + timedelta(hours=23, minutes=59)) == []
    (blocker,) = can_leave(slurry, now=now + timedelta(hours=24, minutes=1))
    assert blocker.code.value == "expired" and "slurry release keeps 24 h" in blocker.message


def test_prepared_collector_is_coated_within_its_window(plant: Plant) -> None:
    put_on_route(plant, "collector_prep")
    add_line(plant, "collector_prep.rinsed")
    publish(plant)
    specify(plant, "collector_prep.rinsed", lsl="1")
    recipe(plant, collector_window_h="8")
    foil = plant.lot("T-COLLECTOR", quantity=200)
    assert "Collector preparation has not been done" in messages(can_leave(foil, now=timezone.now()))
    plant.run(foil, "collector_prep", [plant.reading("collector_prep.rinsed", "1", foil)])
    assert can_leave(foil, now=timezone.now() + timedelta(hours=7)) == []
    (blocker,) = can_leave(foil, now=timezone.now() + timedelta(hours=9))
    assert "collector preparation keeps 8 h" in blocker.message


def test_electrolyte_without_a_complete_batch_record_is_not_filled(plant: Plant) -> None:
    put_on_route(plant, "electrolyte_batch")
    for code in ("conductivity_ms_cm", "molality_mol_kg"):
        add_line(plant, f"electrolyte_batch.{code}")
    publish(plant)
    batch, cell = plant.lot("T-ELECTROLYTE", quantity=100), plant.lot("T-CELL", quantity=1)

    def fill() -> None:
        taken = Input(batch.code, Decimal("0.06"))
        consume_into(taken, cell, user=plant.operator, now=timezone.now())

    with pytest.raises(GateRefused, match="Electrolyte batch record has not been done"):
        fill()
    masses = [
        plant.reading("electrolyte_batch.salt_mass_kg", "16.7952", batch),
        plant.reading("electrolyte_batch.solvent_mass_kg", "100", batch),
    ]
    plant.run(batch, "electrolyte_batch", masses)
    assert value(batch, "electrolyte_batch.molality_mol_kg") == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(GateRefused, match="Conductivity: 0 of 1 values"):
        fill()
    plant.submit([plant.reading("electrolyte_batch.conductivity_ms_cm", "8.9", batch)])
    fill()


@pytest.fixture
def cell(plant: Plant) -> Lot:
    put_on_route(plant, "formation_precheck")
    put_on_route(plant, "degassing", "ageing", required=False)
    add_line(plant, "formation_precheck.ocv_v")
    publish(plant)
    specify(plant, "formation_precheck.ocv_v", lsl="0.05", usl="0.6")
    cell = plant.lot("T-CELL", quantity=1)
    plant.run(cell, "stacking")
    plant.start(cell, "filling")
    plant.submit(
        [
            plant.reading("filling.mass_before_g", "300", cell),
            plant.reading("filling.mass_sealed_g", "360", cell),
        ]
    )
    plant.finish(cell.executions.get(finished_at__isnull=True))
    return cell


def test_cell_without_its_rest_voltage_is_not_charged(plant: Plant, cell: Lot) -> None:
    assert value(cell, "filling.fill_fraction_pct") == pytest.approx(100 * 60 / 1.25 / 61.6)
    refused = messages(can_proceed(cell, "formation", now=timezone.now()))
    assert refused == ["Formation pre-check comes first"]
    plant.run(cell, "formation_precheck")
    refused = messages(can_proceed(cell, "formation", now=timezone.now()))
    assert refused == ["Rest voltage before formation: 0 of 1 values"]
    plant.submit([plant.reading("formation_precheck.ocv_v", "0.05", cell)])  # on its limit
    assert can_proceed(cell, "formation", now=timezone.now()) == []


@pytest.mark.parametrize("ocv", ["0.0499", "0.6001"])
def test_cell_with_a_rest_voltage_outside_is_held(plant: Plant, cell: Lot, ocv: str) -> None:
    plant.run(cell, "formation_precheck", [plant.reading("formation_precheck.ocv_v", ocv, cell)])
    with pytest.raises(GateRefused):
        start_step(
            [cell],
            "formation",
            user=plant.operator,
            equipment=plant.equipment["formation"],
            now=timezone.now(),
        )


def formed(plant: Plant, cell: Lot) -> None:
    plant.run(cell, "formation_precheck", [plant.reading("formation_precheck.ocv_v", "0.3", cell)])
    plant.run(cell, "formation")


def test_optional_step_is_offered_and_may_be_left_out(plant: Plant, cell: Lot) -> None:
    formed(plant, cell)
    offered = next_step(cell)
    assert offered is not None and offered.step.code == "degassing"
    plant.run(cell, "acceptance")
    assert next_step(cell) is None
    assert can_leave(cell, now=timezone.now()) == []
    assert cell not in lots_in_line(plant.site)
    assert by_next_step([cell]) == {}


def test_optional_step_that_runs_must_be_finished(plant: Plant, cell: Lot) -> None:
    formed(plant, cell)
    plant.start(cell, "degassing")
    assert "Degassing is not finished" in messages(can_leave(cell, now=timezone.now()))


def test_degassing_and_ageing_compute_their_losses(plant: Plant, cell: Lot) -> None:
    formed(plant, cell)
    masses = [
        plant.reading("degassing.mass_before_g", "359.9", cell),
        plant.reading("degassing.mass_after_g", "358.7", cell),
    ]
    plant.run(cell, "degassing", masses)
    assert value(cell, "degassing.mass_loss_g") == pytest.approx(1.2)
    assert value(cell, "degassing.electrolyte_left_g") == pytest.approx(58.7)

    plant.start(cell, "ageing")
    days = {"1": (8.0, "2.9500"), "2": (6.5, "2.9497")}
    for position, (ago, volts) in days.items():
        at = timezone.now() - timedelta(days=ago)
        plant.submit([plant.reading("ageing.ocv_v", volts, cell, position=position, measured_at=at)])
    assert not valid_measurements([cell.pk]).filter(characteristic__code="ageing.k_mv_day").exists()
    at = timezone.now() - timedelta(days=2)
    answer = plant.submit([plant.reading("ageing.ocv_v", "2.9488", cell, position="3", measured_at=at)])
    assert answer.body["missing"] == []
    assert value(cell, "ageing.k_mv_day") == pytest.approx(0.2, abs=0.01)
    assert 0.0 < value(cell, "ageing.k_u_mv_day") < 0.1
