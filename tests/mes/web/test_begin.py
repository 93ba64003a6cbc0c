"""Begin a lot at the station: of an order, from what it is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import GenealogyLink, Lot
from quality.actions.hold import hold_by_hand
from tests.support.builders import Plant, make_plant, publish
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
URL = "/begin/"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def client(plant: Plant) -> Client:
    return signed_in(plant.operator)


def fields(plant: Plant, **more: str) -> dict[str, str]:
    return {
        "order": plant.order.code,
        "material": "T-SLURRY",
        "code": "BATCH-1",
        "quantity": "80.5",
    } | more


def test_an_operator_begins_a_lot_of_an_order_from_a_delivery(
    plant: Plant, client: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    raw = plant.lot("T-RAW", code="POWDER-1", quantity=100)
    assert reverse("web:lot_begin") in client.get(reverse("web:station")).content.decode()
    with django_assert_max_num_queries(12):
        page = client.get(URL).content.decode()
    assert plant.order.code in page and "T-SLURRY" in page and "T-RAW" not in page
    answer = client.post(URL, fields(plant, **{"parent-2": "POWDER-1", "taken-2": "30"}))
    assert answer["Location"] == reverse("web:station_lot", args=["BATCH-1"])
    made = Lot.objects.get(code="BATCH-1")
    assert (made.work_order, made.quantity, made.created_by) == (plant.order, 80.5, plant.operator)
    link = GenealogyLink.objects.get(child=made)
    assert (link.parent, link.quantity) == (raw, 30)
    assert "Next: start its first step" in client.get(answer["Location"]).content.decode()
    again = client.post(URL, fields(plant))
    assert again.status_code == 422 and "codes are never reused" in again.content.decode()


def test_a_roll_has_its_length_and_lanes(plant: Plant, client: Client) -> None:
    client.post(URL, fields(plant, material="T-ROLL", length_m="240.5", lanes="5"))
    made = Lot.objects.get(code="BATCH-1")
    assert (made.length_mm, made.lanes) == (240_500, 5)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"code": "a/b"}, "starts with a letter or digit"),
        ({"code": ""}, "scan or type the number"),
        ({"order": ""}, "without an order no control plan"),
        ({"order": "WO-NONE"}, "is not known at"),
        ({"material": "NONE"}, "is not defined"),
        ({"quantity": "0"}, "above zero"),
        ({"quantity": "1.2345"}, "at most 3 decimals"),
        ({"quantity": "much"}, "is not a decimal number"),
        ({"lanes": "0"}, "from 1 to 99"),
        ({"parent-1": "POWDER-1", "taken-1": "101"}, "POWDER-1"),
        ({"parent-1": "POWDER-1", "taken-1": ""}, "is not a decimal number"),
        ({"parent-1": "NOWHERE", "taken-1": "1"}, "NOWHERE"),
        ({"parent-1": "HELD-1", "taken-1": "1"}, "HELD-1"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(
    plant: Plant, client: Client, more: dict[str, str], words: str
) -> None:
    plant.lot("T-RAW", code="POWDER-1", quantity=100)
    held = plant.lot("T-RAW", code="HELD-1", quantity=100)
    hold_by_hand(
        [HeldExtent(held.pk)], site=plant.site, reason="wet", user=plant.operator, now=timezone.now()
    )
    answer = client.post(URL, fields(plant, **more))
    page = answer.content.decode()
    assert answer.status_code == 422 and "Nothing was made" in page and words.lower() in page.lower()
    assert not Lot.objects.filter(code__startswith="BATCH").exists()
    assert not GenealogyLink.objects.exists()


def test_who_may_not_run_steps_is_refused(plant: Plant) -> None:
    reader = signed_in(plant.engineer)
    assert reader.get(URL).status_code == 403
    assert reverse("web:lot_begin") not in reader.get(reverse("web:station")).content.decode()
    assert reader.post(URL, fields(plant)).status_code == 403
    assert not Lot.objects.filter(code="BATCH-1").exists()
