"""The receiving pages and their door in the API."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from lots.models import Lot, MaterialDefinition, Membership, Opening, Receipt
from quality.actions.receive import set_incoming_rule
from quality.actions.taking import Input
from quality.blockers import Code
from quality.gates import can_leave
from quality.models import CertificateItem, ExtensionApproval, IncomingRule, ShelfLifeExtension
from tests.support.api import ApiClient
from tests.support.builders import PASSWORD, Plant, make_plant, make_user, publish
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
        ({"code": "LOT 12/34"}, "letters, digits and . _ : + - only"),
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


def old_drum(plant: Plant) -> Lot:
    """A drum whose shelf life of a year ended yesterday."""
    made = timezone.now().date() - timedelta(days=367)
    signed_in(plant.operator).post(
        reverse("web:delivery", args=["T-RAW"]), typed(manufactured_date=str(made))
    )
    return Lot.objects.get(code="DRUM-1")


def retested(days: int, **change: str) -> dict[str, str]:
    item = CertificateItem.objects.latest("pk")
    day = timezone.now().date() + timedelta(days=days)
    return {f"item-{item.pk}": "31", "ends_date": str(day), "reason": "water as on arrival", **change}


def test_retest_and_another_persons_signature_make_an_expired_lot_usable(plant: Plant) -> None:
    drum = old_drum(plant)
    address = reverse("web:shelf_life", args=[drum.code])
    asker, reviewer = signed_in(plant.engineer), signed_in(make_user(plant.site, Membership.Role.REVIEWER))
    assert "Nothing of this lot was re-tested" in asker.get(address).content.decode()
    assert asker.post(address, retested(90)).status_code == 302
    assert [b.code for b in can_leave(drum, now=timezone.now())] == [Code.EXPIRED]
    asked = ShelfLifeExtension.objects.get()
    sign = reverse("web:shelf_life_sign", args=[drum.code, asked.pk])
    asker.post(sign, {"password": PASSWORD})
    reviewer.post(sign, {"password": "wrong"})
    assert not ExtensionApproval.objects.exists()
    reviewer.post(sign, {"password": PASSWORD})
    assert can_leave(drum, now=timezone.now()) == []
    assert asked.values.get().entered_text == "31"
    shown = asker.get(address).content.decode()
    assert "Signed" in shown and "water as on arrival" in shown and 'name="password"' not in shown
    plant.lot("T-SLURRY", inputs=[Input(drum.code, Decimal(1))])  # the database lets it move, too
    with pytest.raises(DatabaseError), transaction.atomic():
        ShelfLifeExtension.objects.update(ends_at=timezone.now() + timedelta(days=900))


@pytest.mark.parametrize(
    ("days", "change", "words"),
    [
        (90, {"reason": " "}, "reason: say why"),
        (-5, {}, "ends_at: choose an instant after"),
        (400, {}, "within 365 days"),
        (90, {"ends_date": "soon"}, "ends_at: give a date"),
    ],
)
def test_extension_that_says_too_little_is_refused(
    plant: Plant, days: int, change: dict[str, str], words: str
) -> None:
    drum = old_drum(plant)
    answer = signed_in(plant.engineer).post(
        reverse("web:shelf_life", args=[drum.code]), retested(days, **change)
    )
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not ShelfLifeExtension.objects.exists()


def test_value_out_of_its_limits_extends_nothing_and_the_operator_may_not_ask(plant: Plant) -> None:
    drum, item = old_drum(plant), CertificateItem.objects.latest("pk")
    address = reverse("web:shelf_life", args=[drum.code])
    answer = signed_in(plant.engineer).post(address, retested(90, **{f"item-{item.pk}": "51"}))
    assert "water is out of its limits" in answer.content.decode()
    assert signed_in(plant.operator).post(address, retested(90)).status_code == 403
    assert not ShelfLifeExtension.objects.exists()


def test_extension_by_the_api(plant: Plant) -> None:
    drum = old_drum(plant)
    ends_at = (timezone.now() + timedelta(days=30)).isoformat()
    body = {
        "ends_at": ends_at,
        "reason": "as new",
        "values": [{"name": "water", "value": "20", "unit": "[ppm]"}],
    }
    api = ApiClient(plant.site, plant.engineer)
    asked = api.post(f"/lots/{drum.code}/shelf-life", body, key="longer")
    assert asked.status_code == 201 and asked.json()["signed_by"] is None
    address = f"/lots/{drum.code}/shelf-life/{asked.json()['number']}/sign"
    refused = api.post(address, {"password": PASSWORD}, key="a")
    assert refused.status_code == 409 and "another person" in refused.json()["message"]
    second = ApiClient(plant.site, make_user(plant.site, Membership.Role.REVIEWER))
    assert second.post(address, {"password": PASSWORD}, key="b").status_code == 200
    found = api.get(f"/lots/{drum.code}/shelf-life").json()
    assert found["expired"] is False and found["extensions"][0]["values"] == body["values"]
