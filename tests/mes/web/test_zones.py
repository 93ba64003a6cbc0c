"""The dry rooms' pages and their door in the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from lots.models import Zone
from lots.science.humidity_events import ChecklistItem
from quality.actions.shift_check import set_zone_rule
from quality.models import ShiftCheck, ZoneRule
from tests.support.api import ApiClient
from tests.support.builders import Plant, make_gauge, make_plant, publish
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
ALL_GOOD = {item.value: "1" for item in ChecklistItem}


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def zone(plant: Plant) -> Zone:
    zone = Zone.objects.create(site=plant.site, code="DR-1", name="Staging room")
    make_gauge(plant, "frost_point_sensor", zone=zone)
    set_zone_rule(
        zone, ["dry_room"], hours=None, reason="7.2", user=plant.process_engineer, now=timezone.now()
    )
    return zone


def test_operator_is_led_from_the_blocked_lot_to_the_checklist_and_back(plant: Plant, zone: Zone) -> None:
    client, roll = signed_in(plant.operator), plant.lot("T-SLIT", quantity=1)
    address = reverse("web:zone", args=[zone.pk])
    card = reverse("web:station_lot", args=[roll.code])
    assert address in client.get(card).content.decode()
    page = client.get(address).content.decode()
    assert "Nothing starts here" in page and page.count('type="radio"') == 14
    assert client.post(address, ALL_GOOD).status_code == 302
    assert "Work may start here" in client.get(address).content.decode()
    assert address not in client.get(card).content.decode().split("<main")[1]


def test_unanswered_items_are_named_and_what_was_chosen_stays(plant: Plant, zone: Zone) -> None:
    client = signed_in(plant.operator)
    sent = {**ALL_GOOD, "gloves": "", "pressure": "0", "remarks": "door ajar"}
    answer = client.post(reverse("web:zone", args=[zone.pk]), sent)
    page = answer.content.decode()
    assert answer.status_code == 422 and "Gloves not answered" in page
    assert 'name="pressure" value="0" checked' in page and "door ajar" in page
    assert not ShiftCheck.objects.exists()


def test_failed_check_is_shown_with_its_remark(plant: Plant, zone: Zone) -> None:
    client = signed_in(plant.operator)
    client.post(reverse("web:zone", args=[zone.pk]), {**ALL_GOOD, "pressure": "0", "remarks": "fan stands"})
    page = client.get(reverse("web:zone", args=[zone.pk])).content.decode()
    assert "pressure failed" in page and "fan stands" in page
    assert "No work starts" in client.get(reverse("web:line")).content.decode()
    assert "pressure failed" in client.get(reverse("web:zones")).content.decode()


def test_process_engineer_sets_the_rule_and_an_operator_cannot(plant: Plant, zone: Zone) -> None:
    address = reverse("web:zone", args=[zone.pk])
    sent = {"action": "rule", "steps": ["stacking", "filling"], "hours": "8", "reason": "new layout"}
    assert signed_in(plant.operator).post(address, sent).status_code == 403
    client = signed_in(plant.process_engineer)
    assert client.post(address, {**sent, "hours": "eight"}).status_code == 422
    assert client.post(address, sent).status_code == 302
    rule = ZoneRule.objects.latest("pk")
    assert (rule.steps, rule.hours) == (["filling", "stacking"], 8)


def test_site_without_dry_rooms_and_rooms_of_another_site(zone: Zone) -> None:
    other = make_plant()
    client = signed_in(other.operator)
    assert "no dry room" in client.get(reverse("web:zones")).content.decode()
    assert client.get(reverse("web:zone", args=[zone.pk])).status_code == 404


def test_pages_cost_a_bounded_number_of_queries(
    plant: Plant, zone: Zone, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(plant.operator)
    for _ in range(3):
        client.post(reverse("web:zone", args=[zone.pk]), ALL_GOOD)
    for address in (reverse("web:zones"), reverse("web:zone", args=[zone.pk])):
        with django_assert_max_num_queries(16):
            assert client.get(address).status_code == 200


def test_api_tells_what_is_missing_and_takes_the_answers_once(plant: Plant, zone: Zone) -> None:
    client = ApiClient(plant.site, plant.operator)
    (room,) = client.get("/zones").json()["items"]
    assert (room["fit"], room["steps"], room["check"]) == (False, ["dry_room"], None)
    assert "not filled in" in room["reasons"][0]
    roll = plant.lot("T-SLIT", quantity=1)
    refused = client.post("/steps/start", {"lots": [roll.code], "step": "dry_room"})
    assert refused.status_code == 409
    assert [b["code"] for b in refused.json()["blockers"]] == ["shift_check"]

    body = {"answers": dict.fromkeys(ALL_GOOD, True)}
    path = f"/zones/{zone.code}/checks"
    assert client.post(path, body, key="a").status_code == 201
    assert client.post(path, body, key="a").status_code == 200
    assert ShiftCheck.objects.count() == 1
    assert client.get("/zones").json()["items"][0]["fit"] is True
    assert client.post("/steps/start", {"lots": [roll.code], "step": "dry_room"}).status_code == 201


@pytest.mark.parametrize(
    ("answers", "status", "words"),
    [
        ({"gloves": True}, 409, "answer all seven"),
        ({**dict.fromkeys(ALL_GOOD, True), "gloves": False}, 409, "say what is wrong"),
        ({**dict.fromkeys(ALL_GOOD, True), "gloves": "yes"}, 422, "gloves"),
        ({**dict.fromkeys(ALL_GOOD, True), "shoes": True}, 422, "shoes"),
    ],
)
def test_api_refuses_bad_answers(plant: Plant, zone: Zone, answers: Any, status: int, words: str) -> None:
    client = ApiClient(plant.site, plant.operator)
    answer = client.post(f"/zones/{zone.code}/checks", {"answers": answers}, key="b")
    assert answer.status_code == status and words in answer.content.decode()
    assert not ShiftCheck.objects.exists()
