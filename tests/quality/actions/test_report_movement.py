"""Movements without permission are recorded, held and opened as a case; nothing is lifted or bypassed (§2.7)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.audit import verify
from lots.models import GateDecision, Hold, Lot, Movement, StepExecution
from lots.queries import active_holds
from quality.actions.gate import GateRefused
from quality.actions.hold import hold_by_hand
from quality.actions.produce import NewLot, produce_lots
from quality.actions.report_movement import ReportRefused, report_production, report_step
from quality.actions.taking import Input, ProductionRefused
from quality.models import Nonconformance
from quality.permissions import NotPermitted
from tests.support.api import ApiClient
from tests.support.builders import Plant, make_plant, publish
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
WHY = "written on paper while the network was down"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def foil(plant: Plant) -> Lot:
    """Ten kilogrammes, held."""
    lot = plant.raw(quantity=10)
    hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="wrong alloy", user=plant.operator, now=timezone.now()
    )
    return lot


def cell(plant: Plant, foil: Lot, quantity: int = 4) -> NewLot:
    return NewLot(
        code=plant.code("CELL"),
        material="T-CELL",
        work_order=plant.order.code,
        inputs=(Input(parent=foil.code, quantity=Decimal(quantity)),),
    )


def report(plant: Plant, specs: list[NewLot], reason: str = WHY) -> object:
    return report_production(specs, reason=reason, site=plant.site, user=plant.operator, now=timezone.now())


def test_what_was_made_from_held_material_is_born_held_twice(plant: Plant, foil: Lot) -> None:
    """By its parent's hold and by one of its own: releasing the parent's does not let it go."""
    spec = cell(plant, foil)
    with pytest.raises(GateRefused):
        produce_lots([spec], site=plant.site, user=plant.operator, now=timezone.now())
    report(plant, [spec])
    made = Lot.objects.get(code=spec.code)
    assert sorted(active_holds([made.pk]).values_list("hold__source", flat=True)) == [
        "manual",
        "unauthorised",
    ]
    movement = Movement.objects.get(lot=foil)
    assert (movement.reported, movement.gate_decision, movement.reason) == (True, None, WHY)
    assert active_holds([foil.pk]).count() == 1
    case = Nonconformance.objects.get()
    assert (case.code, case.state, case.lot, case.hold.source) == ("NC-1", "open", made, "unauthorised")
    assert list(verify(made.pk)) == list(verify(foil.pk)) == []


def test_report_conserves_material(plant: Plant, foil: Lot) -> None:
    with pytest.raises(ProductionRefused, match="10 left"):
        report(plant, [cell(plant, foil, 11)])
    report(plant, [cell(plant, foil, 10)])
    foil.refresh_from_db()
    assert foil.state == Lot.State.CONSUMED
    assert Nonconformance.objects.count() == 1


def test_reported_step_runs_and_the_next_gate_refuses(plant: Plant) -> None:
    batch = plant.lot()
    hold_by_hand(
        [HeldExtent(batch.pk)], site=plant.site, reason="lumps", user=plant.operator, now=timezone.now()
    )
    done = report_step(
        [batch],
        "mixing",
        equipment=plant.equipment["mixing"],
        reason=WHY,
        user=plant.operator,
        now=timezone.now(),
    )
    execution = StepExecution.objects.get(lot=batch)
    assert (execution.reported, done.executions) == (True, (execution,))
    plant.finish(execution)
    assert active_holds([batch.pk]).filter(hold__source=Hold.Source.UNAUTHORISED).exists()
    with pytest.raises(GateRefused):
        plant.start(batch, "mixing")


def test_report_is_refused_with_the_field(plant: Plant, foil: Lot) -> None:
    batch = plant.lot()
    with pytest.raises(ReportRefused, match="reason: say how"):
        report(plant, [cell(plant, foil)], reason=" ")
    with pytest.raises(ReportRefused, match="inputs: name what"):
        report(plant, [NewLot(code="X-1", material="T-CELL", work_order=plant.order.code)])
    with pytest.raises(ReportRefused, match="step: filling is not on the route"):
        report_step([batch], "filling", equipment=None, reason=WHY, user=plant.operator, now=timezone.now())
    with pytest.raises(NotPermitted):
        report_step([batch], "mixing", equipment=None, reason=WHY, user=plant.engineer, now=timezone.now())
    assert not Lot.objects.filter(code="X-1").exists()
    assert not Movement.objects.exists() and not Nonconformance.objects.exists()


def test_flag_alone_gives_no_way_around_the_guard(plant: Plant, foil: Lot) -> None:
    """Raw SQL may say `reported`, but then the child is born held: nothing moves unseen."""
    child = plant.lot("T-CELL", quantity=1)
    with transaction.atomic():
        movement = Movement.objects.create(
            lot=foil, kind="consume", reported=True, moved_by=plant.operator, moved_at=timezone.now()
        )
        foil.links_to_children.create(
            child=child, kind="consume", movement=movement, quantity=1, unit="kg", linked_at=timezone.now()
        )
    assert active_holds([child.pk]).exists()
    ticket = GateDecision.objects.create(lot=foil, purpose="consume", passed=True, decided_at=timezone.now())
    with pytest.raises(DatabaseError), transaction.atomic():
        Movement.objects.create(
            lot=foil, kind="consume", gate_decision=ticket, moved_by=plant.operator, moved_at=timezone.now()
        )
        foil.links_to_children.create(
            child=child, kind="consume", quantity=1, unit="kg", linked_at=timezone.now()
        )


def test_operator_reports_at_the_station(plant: Plant) -> None:
    batch = plant.lot()
    hold_by_hand(
        [HeldExtent(batch.pk)], site=plant.site, reason="lumps", user=plant.engineer, now=timezone.now()
    )
    client = signed_in(plant.operator)
    page = client.get(reverse("web:station_lot", args=[batch.code])).content.decode()
    assert "has started all the same: report it" in page
    url = reverse("web:station_report", args=[batch.code])
    client.post(url, {"step": "mixing", "equipment": "NONE-9", "reason": WHY})
    assert not StepExecution.objects.exists()
    answer = client.post(url, {"step": "mixing", "equipment": "mixing-1", "reason": WHY}, follow=True)
    assert "NC-1 is open" in answer.content.decode()
    assert StepExecution.objects.get().equipment == plant.equipment["mixing"]


def test_gateway_reports_its_backlog_once(plant: Plant, foil: Lot) -> None:
    api = ApiClient(plant.site, plant.operator)
    body = {
        "reason": WHY,
        "lots": [
            {
                "code": "C-77",
                "material": "T-CELL",
                "work_order": plant.order.code,
                "inputs": [{"parent": foil.code, "quantity": "2"}],
            }
        ],
    }
    first = api.post("/reports/production", body, key="r1")
    assert first.status_code == 201 and first.json()["nonconformance"] == "NC-1"
    assert api.post("/reports/production", body, key="r1").json() == first.json()
    assert Nonconformance.objects.count() == 1
    batch = plant.lot()
    answer = api.post("/reports/steps", {"lots": [batch.code], "step": "mixing", "reason": WHY}, key="r2")
    assert answer.status_code == 201 and answer.json()["nonconformance"] == "NC-2"
    refused = api.post("/reports/steps", {"lots": [batch.code], "step": "mixing", "reason": WHY}, key="r3")
    assert refused.status_code == 409 and refused.json()["problems"][0]["field"] == "step"
