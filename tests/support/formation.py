"""A cell in formation and a cycler file for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from lots.models import Lot, ProcessStep, RecipeParameter, StepExecution, WorkOrderRecipe
from tests.mes.connectors.ndax_builder import CC_CHARGE, CC_DISCHARGE, Step, ndax
from tests.support.builders import Plant, add_line, make_plant, publish, specify


def formation_plant(*, simulated: bool = False) -> Plant:
    """First-cycle efficiency must be 80 to 100 %."""
    plant = make_plant(simulated=simulated)
    specify(plant, "formation.fce_pct", lsl="80", usl="100")
    for code in ("charge_capacity_ah", "discharge_capacity_ah", "cutoffs_reached"):
        add_line(plant, f"formation.{code}", required_count=2)
    publish(plant)
    return plant


def cell_in_formation(plant: Plant) -> tuple[Lot, StepExecution]:
    cell = plant.lot("T-CELL", quantity=1)
    for step in ("stacking", "filling"):
        plant.run(cell, step)
    return cell, plant.start(cell, "formation")


def two_cycles(*, discharge_minutes: float = 54.0, started: datetime | None = None, cycles: int = 2) -> bytes:
    """Two cycles, unless told, at 2 A that reach their cut-offs: 2 Ah in, 1.8 Ah out by default."""
    charge = Step(1, CC_CHARGE, 60, (2.0, 2.0), (2.0, 4.0), ("Stop_Volt", 4.0))
    discharge = Step(2, CC_DISCHARGE, discharge_minutes, (-2.0, -2.0), (4.0, 1.5), ("Stop_Volt", 1.5))
    begin = started or datetime(2025, 3, 1, 8, tzinfo=UTC)
    return ndax([charge, discharge] * cycles, started=begin)


def just_now() -> datetime:
    """A start so that the test of `two_cycles` has ended by now."""
    return (timezone.now() - timedelta(hours=4)).replace(microsecond=0)


def set_recipe(cell: Lot, **parameters: str) -> None:
    """Parameters of the recipe that the cell's order pins."""
    pinned = WorkOrderRecipe.objects.get(work_order=cell.work_order, material=cell.material)
    step = ProcessStep.objects.get(code="formation")
    for name, value in parameters.items():
        RecipeParameter.objects.create(
            recipe_revision=pinned.recipe_revision, step=step, name=name, value=Decimal(value), unit="1"
        )
