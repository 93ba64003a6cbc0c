"""The station offers an optional step, and the way past it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from lots.models import Lot
from tests.support.builders import Plant, make_plant, publish, put_on_route
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    put_on_route(plant, "degassing", "ageing", required=False)
    publish(plant)
    return plant


@pytest.fixture
def cell(plant: Plant) -> Lot:
    cell = plant.lot("T-CELL", quantity=1)
    for step in ("stacking", "filling", "formation"):
        plant.run(cell, step)
    return cell


def start(plant: Plant, cell: Lot, step: str) -> None:
    machine = plant.equipment[step].code
    address = reverse("web:station_start", args=[cell.code])
    answer = signed_in(plant.operator).post(address, {"step": step, "equipment": machine})
    assert answer.status_code == 302


def test_operator_runs_the_optional_step_with_its_form(plant: Plant, cell: Lot) -> None:
    client, address = signed_in(plant.operator), reverse("web:station_lot", args=[cell.code])
    page = client.get(address).content.decode()
    assert "Start degassing" in page and "Degassing is optional: go on with acceptance test" in page
    start(plant, cell, "degassing")
    assert "Degassing runs" in client.get(address).content.decode()


def test_operator_passes_over_the_optional_steps(plant: Plant, cell: Lot) -> None:
    start(plant, cell, "acceptance")
    assert cell.executions.get(finished_at__isnull=True).route_step.step.code == "acceptance"


def test_line_shows_only_steps_that_a_route_runs(plant: Plant) -> None:
    page = signed_in(plant.operator).get(reverse("web:line")).content.decode()
    assert "Degassing" in page and "Resealing" not in page
