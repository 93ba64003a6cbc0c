"""Lots: found, paged, explained, traced, labelled and stopped."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lots.models import HoldLot, LotAlias, Measurement
from mes.web.views import lots as views
from quality.actions.taking import Input
from tests.support.builders import Plant, add_line, make_gauge, make_plant, publish, specify
from tests.support.web import mixing_plant, running_mix, signed_in

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]


@pytest.fixture
def plant() -> Plant:
    return mixing_plant()


@pytest.fixture
def client(plant: Plant) -> Client:
    return signed_in(plant.operator)


def listed(client: Client, **query: str) -> list[str]:
    return [row[0].code for row in client.get(reverse("web:lots"), query).context["rows"]]


def detail(client: Client, lot: Any) -> str:
    return client.get(reverse("web:lot", args=[lot.code])).content.decode()


def test_lots_are_found_by_code_alias_state_and_material(plant: Plant, client: Client) -> None:
    slurry, raw = plant.lot(code="SL-77"), plant.lot("T-RAW", code="NA-1")
    LotAlias.objects.create(site=plant.site, issuer="Supplier", alias="X-9000", lot=raw)
    running, _ = running_mix(plant)
    plant.submit([plant.reading("mixing.solids_pct", "70", running)])
    assert listed(client, q="l-7") == [slurry.code]
    assert listed(client, q="9000") == [raw.code]
    assert listed(client, state="held") == [running.code]
    assert listed(client, state="waiting") == [slurry.code]
    assert listed(client, material="T-RAW") == [raw.code]
    assert listed(client, state="shipped") == []


def test_pages_follow_the_key_and_miss_no_lot(
    plant: Plant, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE", 2)
    codes = [plant.lot().code for _ in range(5)]
    seen, url = [], reverse("web:lots")
    while url:
        page = client.get(url)
        seen += [row[0].code for row in page.context["rows"]]
        plant.lot()  # made meanwhile: moves nothing
        url = page.context["next_url"] and reverse("web:lots") + page.context["next_url"]
    assert seen == codes[::-1]


def test_an_empty_list_says_whether_anything_exists(plant: Plant, client: Client) -> None:
    assert "No lots yet" in client.get(reverse("web:lots")).content.decode()
    plant.lot()
    assert "No lot fits" in client.get(reverse("web:lots"), {"q": "zzz"}).content.decode()


def test_the_page_says_why_the_lot_cannot_move_and_links_what_resolves_it(
    plant: Plant, client: Client
) -> None:
    lot, _ = running_mix(plant)
    plant.submit([plant.reading("mixing.solids_pct", "70", lot)])
    plant.finish(lot.executions.get())
    page = detail(client, lot)
    hold = HoldLot.objects.get(lot=lot).hold
    assert "Why it cannot move" in page
    assert "above USL 66" in page and reverse("web:hold", args=[hold.pk]) in page
    assert "No sediment" in page and "0 of 1 values" in page


def test_values_stand_among_their_limits_and_superseded_ones_are_struck() -> None:
    plant = make_plant()
    specify(plant, "filling.retained_mass_g", lsl="50", usl="70")
    for code in ("mass_before_g", "mass_filled_g", "mass_sealed_g"):
        add_line(plant, f"filling.{code}")
    publish(plant)
    cell = plant.lot("T-CELL", quantity=1)
    plant.run(cell, "stacking")
    plant.start(cell, "filling")
    plant.submit([plant.reading("filling.mass_before_g", "300", cell)])
    plant.submit([plant.reading("filling.mass_sealed_g", "360", cell)])
    plant.submit([plant.reading("filling.mass_sealed_g", "361", cell)])
    page = detail(signed_in(plant.operator), cell)
    assert (
        Measurement.objects.filter(lot_id=cell.pk, characteristic__code="filling.retained_mass_g").count()
        == 2
    )
    assert "In specification" in page and "LSL 50" in page
    assert "struck" in page and "its inputs changed" in page
    assert "formula " in page and "361" in page


def test_suspect_values_are_marked(plant: Plant, client: Client) -> None:
    gauge = make_gauge(plant, "moisture_balance", due_in=timedelta(days=-1))
    lot, _ = running_mix(plant)
    plant.submit([plant.reading("mixing.solids_pct", "65", lot, gauge=gauge.code)])
    assert "Suspect" in detail(client, lot)


def test_the_history_is_the_audit_chain_newest_first(plant: Plant, client: Client) -> None:
    lot, execution = running_mix(plant)
    plant.finish(execution)
    titles = [event.title for event in client.get(reverse("web:lot", args=[lot.code])).context["events"]]
    assert titles[-1] == "Lot made"
    assert titles.index("Step finished") < titles.index("Mixing started")


def test_the_genealogy_holds_both_directions_and_says_who_is_held(plant: Plant, client: Client) -> None:
    raw = plant.raw()
    middle = plant.lot(inputs=[Input(parent=raw.code, quantity=Decimal(10))])
    client.post(reverse("web:lot_hold", args=[raw.code]), {"reason": "wrong supplier"})
    document = client.get(reverse("web:lot_genealogy", args=[middle.code])).json()
    assert {(node["code"], node["held"]) for node in document["nodes"]} == {
        (raw.code, True),
        (middle.code, True),
    }
    assert document["focus"] == middle.code and document["truncated"] == ""
    assert document["links"] == [
        {"source": raw.code, "target": middle.code, "label": "10 kg", "voided": False}
    ]


def test_a_trace_that_stops_says_so(plant: Plant, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = plant.raw()
    for _ in range(3):
        plant.lot(inputs=[Input(parent=raw.code, quantity=Decimal(1))])
    monkeypatch.setattr("mes.web.genealogy.LIMIT", 2)
    document = client.get(reverse("web:lot_genealogy", args=[raw.code])).json()
    assert "descendants" in document["truncated"]


def test_the_label_is_an_svg_with_the_code_in_words(plant: Plant, client: Client) -> None:
    lot = plant.lot(code="A<B&C-1")
    answer = client.get(reverse("web:lot_label", args=[lot.code]))
    assert answer["Content-Type"] == "image/svg+xml"
    root = ElementTree.fromstring(answer.content)
    assert "A<B&C-1" in [element.text for element in root.iter() if element.tag.endswith("text")]
    assert root.find(".//{*}path") is not None


def test_a_lot_is_stopped_by_hand_with_a_reason(plant: Plant, client: Client) -> None:
    lot = plant.lot()
    url = reverse("web:lot_hold", args=[lot.code])
    assert "say what is wrong" in client.post(url, {"reason": "  "}, follow=True).content.decode()
    assert not HoldLot.objects.filter(lot=lot).exists()
    page = client.post(url, {"reason": "smells burnt"}, follow=True).content.decode()
    assert "must not move until a quality engineer decides" in page
    assert HoldLot.objects.get(lot=lot).hold.reason == "smells burnt"


def test_an_interval_of_a_roll_is_stopped_in_millimetres(plant: Plant, client: Client) -> None:
    roll = plant.lot("T-ROLL", length_mm=500_000)
    url = reverse("web:lot_hold", args=[roll.code])
    for from_m, to_m in (("20", "10"), ("0", "501"), ("x", "2"), ("10", "")):
        client.post(url, {"reason": "wrinkle", "from_m": from_m, "to_m": to_m})
    assert not HoldLot.objects.filter(lot=roll).exists()
    client.post(url, {"reason": "wrinkle", "from_m": "120", "to_m": "132.5"})
    member = HoldLot.objects.get(lot=roll)
    assert (member.from_mm, member.to_mm) == (120_000, 132_500)


def test_the_pages_cost_a_bounded_number_of_queries(
    plant: Plant, client: Client, django_assert_max_num_queries: Queries
) -> None:
    raw = plant.raw()
    for _ in range(8):
        lot = plant.lot(inputs=[Input(parent=raw.code, quantity=Decimal(1))])
        plant.start(lot, "mixing")
        plant.submit(
            [plant.reading("mixing.solids_pct", "70", lot), plant.reading("mixing.sediment_free", "1", lot)]
        )
    with django_assert_max_num_queries(15):
        assert len(listed(client)) == 9
    with django_assert_max_num_queries(50):
        assert "above USL 66" in detail(client, lot)
    with django_assert_max_num_queries(15):
        graph = client.get(reverse("web:lot_genealogy", args=[raw.code])).json()
    assert len(graph["nodes"]) == 9
