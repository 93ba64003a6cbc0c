"""Cutting, winding and splicing rolls at the station: what the forms make, and how they refuse."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.genealogy import trace
from lots.models import Lot
from quality.actions.hold import hold_by_hand
from tests.support.builders import Plant, make_plant, publish
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def client(plant: Plant) -> Client:
    return signed_in(plant.operator)


def coated(plant: Plant) -> Lot:
    roll = plant.lot("T-ROLL", quantity=100, length_mm=100_000, lanes=2)
    plant.run(roll, "coating")
    return roll


def address(roll: Lot) -> str:
    return reverse("web:station_reshape", args=[roll.code])


def made(client: Client, roll: Lot, **fields: str) -> Any:
    return client.post(address(roll), fields, follow=True)


def test_trimmed_ends_become_scrap_and_the_rest_goes_on(plant: Plant, client: Client) -> None:
    roll = coated(plant)
    card = client.get(reverse("web:station_lot", args=[roll.code])).content.decode()
    assert address(roll) in card
    fields = {"act": "cut", "code": "N-1", "start_m": "2.5", "end_m": "1", "give_m": "0.1"}
    refused = made(client, roll, **fields)
    assert refused.status_code == 422 and "Say why a piece is scrap" in refused.content.decode()
    assert 'value="2.5"' in refused.content.decode() and 'value="N-1"' in refused.content.decode()
    answer = made(client, roll, **fields, reason="creased")
    assert answer.redirect_chain[-1][0] == reverse("web:station_lot", args=["N-1"])
    assert "Made: N-1. Label what you keep. Scrap: N-1-HEAD, N-1-TAIL." in answer.content.decode()
    lots = {lot.code: lot for lot in Lot.objects.filter(code__startswith="N-1")}
    assert {code: (lot.length_mm, lot.quantity, lot.state) for code, lot in lots.items()} == {
        "N-1-HEAD": (2_500, Decimal("2.5"), "scrapped"),
        "N-1": (96_500, Decimal("96.5"), "active"),
        "N-1-TAIL": (1_000, Decimal(1), "scrapped"),
    }
    back = trace(lots["N-1"].pk, forward=False, from_mm=0, to_mm=1_000)
    assert back.nodes[-1].intervals_mm == ((2_400, 3_600),)
    gone = client.get(address(roll)).content.decode()
    assert "This roll is gone" in gone and "<form" not in gone.split("<main")[1]


def test_a_roll_is_cut_in_two_wound_and_spliced(plant: Plant, client: Client) -> None:
    roll = coated(plant)
    made(client, roll, act="cut", code="H-1", second="H-2", cut_m="40")
    halves = [Lot.objects.get(code=code) for code in ("H-1", "H-2")]
    assert [half.length_mm for half in halves] == [40_000, 60_000]
    made(client, halves[0], act="wind", code="W-1")
    wound = Lot.objects.get(code="W-1")
    assert trace(wound.pk, forward=False, from_mm=0, to_mm=1_000).nodes[1].intervals_mm == ((39_000, 40_000),)
    fields = {"act": "splice", "code": "S-1", "roll-1": "H-2", "overlap_m": "0.05"}
    answer = made(client, wound, **fields)
    assert "Made: S-1." in answer.content.decode()
    assert Lot.objects.get(code="S-1").length_mm == 99_950


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"act": "wind", "code": "a b"}, "Scan or type the number"),
        ({"act": "wind"}, "Scan or type the number"),
        ({"act": "cut", "code": "N-1"}, "Say what is thrown away, or where the roll is cut"),
        ({"act": "cut", "code": "N-1", "start_m": "60", "end_m": "40"}, "Nothing would be left of 100 m"),
        ({"act": "cut", "code": "N-1", "cut_m": "100"}, "The cut must lie between 0 and 100 m"),
        ({"act": "cut", "code": "N-1", "cut_m": "40"}, "Scan or type the number"),
        ({"act": "cut", "code": "N-1", "start_m": "-1"}, "-1 is no length in metres"),
        ({"act": "cut", "code": "N-1", "start_m": "x"}, "is not a decimal number"),
        ({"act": "splice", "code": "N-1", "roll-1": "NONE"}, "There is no lot NONE"),
        ({"act": "splice", "code": "N-1"}, "Name two or more different rolls"),
        ({"act": "fold"}, "Choose what was done to the roll"),
    ],
)
def test_what_cannot_be_is_explained_and_nothing_is_made(
    plant: Plant, client: Client, fields: dict[str, str], words: str
) -> None:
    roll = plant.lot("T-ROLL", quantity=100, length_mm=100_000, lanes=2)
    before = Lot.objects.count()
    answer = made(client, roll, **fields)
    page = answer.content.decode()
    assert answer.status_code == 422 and "Nothing was made" in page and words in page
    assert Lot.objects.count() == before


def test_a_held_roll_is_refused_and_the_page_says_so_before(plant: Plant, client: Client) -> None:
    roll = coated(plant)
    extent = HeldExtent(roll.pk, 10_000, 20_000)
    hold_by_hand([extent], site=plant.site, reason="crease", user=plant.engineer, now=timezone.now())
    assert "It is held, as a whole or in part" in client.get(address(roll)).content.decode()
    answer = made(client, roll, act="wind", code="N-1")
    assert answer.status_code == 422 and "crease" in answer.content.decode()
    assert not Lot.objects.filter(code="N-1").exists()
    slurry = plant.lot()
    assert "Only a roll with a length" in client.get(address(slurry)).content.decode()
