"""The receiving pages and their door in the API."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from lots.models import Lot, MaterialDefinition, Opening, Receipt
from quality.actions.receive import set_incoming_rule
from quality.models import CertificateItem, IncomingRule
from tests.support.api import ApiClient
from tests.support.builders import Plant, make_plant, publish
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    set_incoming_rule(
        MaterialDefinition.objects.get(code="T-RAW"),
        [CertificateItem(name="water", unit="[ppm]", upper=Decimal(50))],
        shelf_life_d=365,
        open_life_h=24,
        warn_before_h=48,
        reason="data sheet",
        site=plant.site,
        user=plant.process_engineer,
        now=timezone.now(),
    )
    return plant


def typed(**change: str) -> dict[str, str]:
    item = CertificateItem.objects.latest("pk")
    base = {
        "material": "T-RAW",
        "code": "DRUM-1",
        "supplier": "Salts",
        "supplier_lot": "S-1",
        "quantity": "25.5",
        "manufactured_date": str(timezone.now().date() - timedelta(days=3)),
        f"item-{item.pk}": "18",
        **dict.fromkeys(("label_matches", "packaging_intact", "certificate_matches"), "1"),
    }
    return base | change


def test_operator_receives_opens_and_sees_it_in_the_list(plant: Plant) -> None:
    client = signed_in(plant.operator)
    start = client.get(reverse("web:receiving")).content.decode()
    address = reverse("web:delivery", args=["T-RAW"])
    assert address in start and "Nothing was received yet" in start
    assert client.get(address).content.decode().count('type="radio"') == 6
    assert client.post(address, typed()).status_code == 302
    page = client.get(reverse("web:receiving"), {"q": "s-1"}).content.decode()
    assert "DRUM-1" in page and "25.5" in page and "Good" in page
    assert client.post(reverse("web:lot_opened", args=["DRUM-1"])).status_code == 302
    assert Opening.objects.get(lot__code="DRUM-1").use_by is not None
    page = client.get(reverse("web:receiving")).content.decode()
    assert "after opening" in page and "Expires soon" in page  # 24 h are left of a warning of 48
    assert "Shelf life ends soon" in client.get(reverse("web:line")).content.decode()


def test_scanning_the_suppliers_number_finds_the_lot(plant: Plant) -> None:
    client = signed_in(plant.operator)
    client.post(reverse("web:delivery", args=["T-RAW"]), typed())
    answer = client.get(reverse("web:station"), {"code": "S-1"})
    assert answer["Location"] == reverse("web:station_lot", args=["DRUM-1"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"packaging_intact": ""}, "Not answered: the packaging is whole"),
        ({"code": ""}, "Scan or type the number"),
        ({"quantity": "some"}, "is not a decimal number"),
        ({"quantity": "0.0001"}, "Above zero, with at most 3 decimals"),
        ({"manufactured_date": ""}, "give the date of expiry or of manufacture"),
        ({"manufactured_date": "soon"}, "Give a date"),
    ],
)
def test_wrong_entries_are_named_and_what_was_typed_stays(
    plant: Plant, change: dict[str, str], words: str
) -> None:
    client = signed_in(plant.operator)
    answer = client.post(reverse("web:delivery", args=["T-RAW"]), typed(**change))
    page = answer.content.decode()
    assert answer.status_code == 422 and words.lower() in page.lower()
    assert 'value="S-1"' in page and 'value="18"' in page
    assert not Receipt.objects.exists()


def test_failed_delivery_is_said_to_be_held(plant: Plant) -> None:
    client = signed_in(plant.operator)
    change = typed(packaging_intact="0", remarks="torn bag")
    page = client.post(reverse("web:delivery", args=["T-RAW"]), change, follow=True).content.decode()
    assert "received and held" in page and "the packaging is damaged" in page


def test_expired_lot_leads_to_receiving(plant: Plant) -> None:
    client = signed_in(plant.operator)
    client.post(reverse("web:delivery", args=["T-RAW"]), typed())
    lot = Lot.objects.get(code="DRUM-1")
    client.post(reverse("web:lot_opened", args=[lot.code]))
    smuggled = plant.lot("T-RAW", quantity=1)
    page = client.get(reverse("web:station_lot", args=[smuggled.code])).content.decode()
    assert f"{reverse('web:receiving')}?q={smuggled.code}" in page


def test_process_engineer_sets_the_rule_and_an_operator_cannot(plant: Plant) -> None:
    address = reverse("web:receiving_rule", args=["T-RAW"])
    sent = {"shelf_life_d": "", "open_life_h": "12", "warn_before_h": "", "reason": "new sheet"}
    sent["items"] = "water; [ppm]; ; 40\npurity; %; 99.5"
    assert signed_in(plant.operator).post(address, sent).status_code == 403
    client = signed_in(plant.process_engineer)
    for field, text in (("open_life_h", "12.5"), ("items", "water"), ("items", "water; %; a")):
        answer = client.post(address, {**sent, field: text})
        assert answer.status_code == 422 and text in answer.content.decode()
    assert client.post(address, sent).status_code == 302
    rule = IncomingRule.objects.latest("pk")
    assert (rule.shelf_life_d, rule.open_life_h, rule.warn_before_h) == (None, 12, 168)
    items = {item.name: (item.lower, item.upper) for item in rule.items.all()}
    assert items == {"water": (None, 40), "purity": (Decimal("99.5"), None)}
    assert "new sheet" in client.get(address).content.decode()


def test_list_costs_a_bounded_number_of_queries(plant: Plant, django_assert_max_num_queries: Any) -> None:
    client = signed_in(plant.operator)
    for number in range(8):
        change = typed(code=f"DRUM-{number}", supplier_lot=f"S-{number}")
        client.post(reverse("web:delivery", args=["T-RAW"]), change)
    with django_assert_max_num_queries(20):
        assert client.get(reverse("web:receiving")).status_code == 200


def test_machine_receives_and_opens_once(plant: Plant) -> None:
    client = ApiClient(plant.site, plant.operator)
    body = {
        "code": "DRUM-9",
        "material": "T-RAW",
        "quantity": "25.5",
        "supplier": "Salts",
        "supplier_lot": "S-9",
        "manufactured_date": str(timezone.now().date()),
        "certificate": [{"name": "water", "value": 18, "unit": "[ppm]"}],
        **dict.fromkeys(("label_matches", "packaging_intact", "certificate_matches"), True),
    }
    made = client.post("/receipts", body, key="a")
    assert made.status_code == 201 and made.json()["good_until"] is not None
    assert client.post("/receipts", body, key="a").status_code == 200
    assert client.post("/receipts", {**body, "certificate": []}, key="b").status_code == 409
    assert client.post("/receipts", {**body, "label_matches": 1}, key="c").status_code == 422
    assert client.post("/lots/DRUM-9/open", {}, key="d").status_code == 201
    assert client.post("/lots/DRUM-9/open", {}, key="e").status_code == 409
    (item,) = client.get("/receipts").json()["items"]
    assert (item["lot"], item["expires_soon"], item["expired"]) == ("DRUM-9", True, False)
    assert item["certificate"] == [{"name": "water", "value": "18", "unit": "[ppm]", "conforms": True}]


def test_expired_material_is_refused_by_the_api_with_its_reason(plant: Plant) -> None:
    client = ApiClient(plant.site, plant.operator)
    lot = plant.lot("T-RAW", quantity=10, expires_at=timezone.now() - timedelta(hours=1))
    new = {
        "code": "S-1",
        "material": "T-SLURRY",
        "work_order": plant.order.code,
        "inputs": [{"parent": lot.code, "quantity": "1"}],
    }
    answer = client.post("/lots", {"lots": [new]}, key="x")
    assert answer.status_code == 409
    assert "expired" in [blocker["code"] for blocker in answer.json()["blockers"]]
