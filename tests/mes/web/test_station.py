"""The station: scan, start, record, finish. Nothing is typed that the plan does not ask for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lots.models import Equipment, HoldLot, LotAlias, Measurement, OpenInterval, Zone
from tests.support.builders import Plant, add_line, make_gauge, make_plant, publish, specify
from tests.support.web import field, mixing_plant, running_mix, signed_in

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]


@pytest.fixture
def plant() -> Plant:
    return mixing_plant()


@pytest.fixture
def client(plant: Plant) -> Client:
    return signed_in(plant.operator)


def record(client: Client, lot: Any, values: dict[str, str], *, key: str = "key-of-this-form"):
    url = reverse("web:station_record", args=[lot.code])
    return client.post(url, values, headers={"Idempotency-Key": key, "HX-Request": "true"})


def card(client: Client, lot: Any) -> str:
    return client.get(reverse("web:station_lot", args=[lot.code])).content.decode()


def test_a_scan_opens_the_card_whatever_case_or_alias_it_has(plant: Plant, client: Client) -> None:
    lot = plant.lot(code="AB-1")
    LotAlias.objects.create(site=plant.site, issuer="Supplier", alias="SUP-77", lot=lot)
    for code in ("AB-1", "ab-1", "SUP-77"):
        assert client.get(reverse("web:station"), {"code": code})["Location"] == "/station/AB-1/"


def test_an_unknown_scan_says_what_to_do(client: Client) -> None:
    answer = client.get(reverse("web:station"), {"code": "<b>NO</b>"})
    assert answer.status_code == 404
    assert "Scan the label again" in answer.content.decode()
    assert "<b>NO</b>" not in answer.content.decode()


def test_one_machine_starts_with_one_tap_and_the_form_opens(plant: Plant, client: Client) -> None:
    lot = plant.lot()
    assert "Start on MIXING-1" in card(client, lot)
    url = reverse("web:station_start", args=[lot.code])
    page = client.post(url, {"step": "mixing", "equipment": "MIXING-1"}, follow=True).content.decode()
    assert lot.executions.get().equipment == plant.equipment["mixing"]
    assert field("mixing.solids_pct") in page


def test_the_machine_of_this_terminal_is_offered_first(plant: Plant, client: Client) -> None:
    step = plant.equipment["mixing"].step
    Equipment.objects.create(site=plant.site, code="MIXING-2", name="Second mixer", step=step)
    assert client.post(reverse("web:station_terminal"), {"equipment": "MIXING-2"}).status_code == 302
    preferred = client.get(reverse("web:station_lot", args=[plant.lot().code])).context["card"].preferred
    assert preferred.equipment.code == "MIXING-2"


def test_a_blocked_lot_shows_why_with_a_link_and_no_start(plant: Plant, client: Client) -> None:
    lot, _ = running_mix(plant)
    plant.submit([plant.reading("mixing.solids_pct", "70", lot)])
    plant.finish(lot.executions.get())
    page = card(client, lot)
    hold = HoldLot.objects.get(lot=lot).hold
    assert "Why it cannot move" in page
    assert reverse("web:hold", args=[hold.pk]) in page
    assert "Start on" not in page


def test_starting_twice_starts_once_and_says_why(plant: Plant, client: Client) -> None:
    lot = plant.lot()
    url = reverse("web:station_start", args=[lot.code])
    for _ in range(2):
        page = client.post(url, {"step": "mixing", "equipment": "MIXING-1"}, follow=True).content.decode()
    assert lot.executions.count() == 1
    assert "running already" in page


def test_the_form_holds_the_lines_of_the_pinned_revision_in_their_order_and_nothing_else(
    plant: Plant, client: Client
) -> None:
    lot, _ = running_mix(plant)
    names = re.findall(r'name="(v-[0-9-]+)"', card(client, lot))
    assert list(dict.fromkeys(names)) == [field("mixing.solids_pct"), field("mixing.sediment_free")]


def test_limits_and_their_source_stand_beside_the_field(plant: Plant, client: Client) -> None:
    lot, _ = running_mix(plant)
    page = card(client, lot)
    assert "LSL 64 &ndash; USL 66" in page
    assert "Assumption" in page


def test_judging_tells_the_verdict_and_writes_nothing(plant: Plant, client: Client) -> None:
    lot, _ = running_mix(plant)
    name = field("mixing.solids_pct")
    url = f"{reverse('web:station_judge', args=[lot.code])}?field={name}"
    said = [client.post(url, {name: value}).content.decode() for value in ("65", "66", "66.01", "<70", "6,5")]
    assert "In specification" in said[0] and "In specification" in said[1]
    assert "above USL 66" in said[2] and "holds the lot" in said[2]
    assert "Cannot be judged" in said[3]
    assert "Use a point" in said[4]
    assert not Measurement.objects.filter(lot_id=lot.pk).exists()
    assert not HoldLot.objects.filter(lot=lot).exists()


def test_a_violation_is_recorded_and_says_that_the_lot_is_held(plant: Plant, client: Client) -> None:
    lot, _ = running_mix(plant)
    page = record(client, lot, {field("mixing.solids_pct"): "67.5"}).content.decode()
    assert "is now held because" in page and "above USL 66" in page
    assert HoldLot.objects.filter(lot=lot, disposition_id__isnull=True).count() == 1
    assert Measurement.objects.get(lot_id=lot.pk).entered_text == "67.5"


def test_the_same_form_sent_twice_has_one_effect(plant: Plant, client: Client) -> None:
    lot, _ = running_mix(plant)
    values = {field("mixing.solids_pct"): "65.0"}
    record(client, lot, values)
    again = record(client, lot, values)
    assert again.status_code == 200
    assert "nothing was stored twice" in again.content.decode()
    assert Measurement.objects.filter(lot_id=lot.pk).count() == 1


def test_other_values_under_the_same_key_are_refused(plant: Plant, client: Client) -> None:
    lot, _ = running_mix(plant)
    record(client, lot, {field("mixing.solids_pct"): "65.0"})
    assert record(client, lot, {field("mixing.solids_pct"): "65.1"}).status_code == 409
    assert Measurement.objects.get(lot_id=lot.pk).entered_text == "65.0"


def test_one_wrong_field_records_nothing_and_keeps_what_was_typed(plant: Plant, client: Client) -> None:
    lot, _ = running_mix(plant)
    answer = record(client, lot, {field("mixing.solids_pct"): "6x", field("mixing.sediment_free"): "1"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "not a number" in page and 'value="6x"' in page
    assert not Measurement.objects.filter(lot_id=lot.pk).exists()


def test_an_empty_form_is_refused_in_words(plant: Plant, client: Client) -> None:
    lot, _ = running_mix(plant)
    answer = record(client, lot, {field("mixing.solids_pct"): " "})
    assert answer.status_code == 422
    assert "Nothing is filled in" in answer.content.decode()


def test_a_form_whose_step_has_ended_records_nothing(plant: Plant, client: Client) -> None:
    lot, execution = running_mix(plant)
    plant.finish(execution)
    assert record(client, lot, {field("mixing.solids_pct"): "65"}).status_code == 409
    assert not Measurement.objects.filter(lot_id=lot.pk).exists()


def test_finishing_twice_finishes_once(plant: Plant, client: Client) -> None:
    lot, execution = running_mix(plant)
    url = reverse("web:station_finish", args=[lot.code])
    first = client.post(url, {"step": "mixing", "without": "1"}).content.decode()
    execution.refresh_from_db()
    finished_at = execution.finished_at
    second = client.post(url, {"step": "mixing"}).content.decode()
    execution.refresh_from_db()
    assert "Mixing is finished" in first and "nothing was stored twice" in second
    assert finished_at is not None and execution.finished_at == finished_at


def test_finishing_asks_first_where_readings_are_missing(plant: Plant, client: Client) -> None:
    lot, execution = running_mix(plant)
    record(client, lot, {field("mixing.sediment_free"): "1"})
    asked = client.post(reverse("web:station_finish", args=[lot.code]), {"step": "mixing"})
    page = asked.content.decode()
    execution.refresh_from_db()
    assert asked.status_code == 409 and execution.finished_at is None
    assert "Mixing is not finished: 1 of 2 still missing" in page and "<b>solids content</b>" in page
    record(client, lot, {field("mixing.solids_pct"): "65"}, key="key-of-the-second-form")
    done = client.post(reverse("web:station_finish", args=[lot.code]), {"step": "mixing"})
    assert done.status_code == 200 and "Mixing is finished" in done.content.decode()


def test_one_gauge_among_several_is_asked_for_then_remembered(client: Client, plant: Plant) -> None:
    plant = make_plant()
    add_line(plant, "mixing.viscosity_pa_s", gauge_kind="rheometer")
    publish(plant)
    good = make_gauge(plant, "rheometer")
    make_gauge(plant, "rheometer")
    expired = make_gauge(plant, "rheometer", due_in=timedelta(days=-1))
    client = signed_in(plant.operator)
    lot, _ = running_mix(plant)
    name = field("mixing.viscosity_pa_s")
    page = card(client, lot)
    assert f"{expired.code} &middot; rheometer &middot; calibration expired" in page
    refused = record(client, lot, {name: "5", "gauge-rheometer": ""})
    assert refused.status_code == 422 and "Choose the rheometer" in refused.content.decode()
    assert record(client, lot, {name: "5", "gauge-rheometer": good.code}).status_code == 200
    assert Measurement.objects.get(lot_id=lot.pk).gauge == good
    assert re.search(rf'value="{good.code}" selected', card(client, lot))


def test_a_roll_is_asked_for_lanes_at_several_places() -> None:
    plant = make_plant()
    add_line(plant, "coating.punch_mass_g", required_count=10)
    publish(plant)
    client = signed_in(plant.operator)
    roll = plant.lot("T-ROLL", length_mm=500_000)
    plant.start(roll, "coating")
    values = {field("coating.punch_mass_g", n): "0.69" for n in range(10)}
    refused = record(client, roll, values)
    assert refused.status_code == 422 and "Say where on the roll" in refused.content.decode()
    values |= {field("coating.punch_mass_g", 0, "m"): "10", field("coating.punch_mass_g", 1, "m"): "250.5"}
    assert record(client, roll, values).status_code == 200
    places = set(Measurement.objects.filter(lot_id=roll.pk).values_list("position", "roll_position_mm"))
    assert places == {(lane, at) for lane in range(1, 6) for at in (10_000, 250_500)}


def test_a_series_takes_its_instants_from_the_minutes_typed() -> None:
    plant = make_plant()
    add_line(plant, "drying.strip_mass_g", required_count=5)
    publish(plant)
    client = signed_in(plant.operator)
    roll = plant.lot("T-ROLL", length_mm=500_000)
    plant.run(roll, "coating")
    execution = plant.start(roll, "drying")
    values = {field("drying.strip_mass_g", n): f"1.{9 - n}" for n in (0, 1)}
    values |= {field("drying.strip_mass_g", n, "t"): str(n) for n in (0, 1)}
    assert record(client, roll, values).status_code == 200
    rows = Measurement.objects.filter(lot_id=roll.pk, characteristic__code="drying.strip_mass_g").order_by(
        "position"
    )
    assert [row.measured_at - execution.started_at for row in rows] == [timedelta(0), timedelta(minutes=1)]


def test_a_repeated_series_is_recognised_although_the_form_has_moved_on() -> None:
    plant = make_plant()
    add_line(plant, "drying.residual_ppm", required_count=3)
    publish(plant)
    client = signed_in(plant.operator)
    roll = plant.lot("T-ROLL", length_mm=500_000)
    plant.run(roll, "coating")
    plant.start(roll, "drying")
    values = {field("drying.residual_ppm", n): "300" for n in (1, 2, 3)}
    record(client, roll, values)
    assert "nothing was stored twice" in record(client, roll, values).content.decode()
    assert Measurement.objects.filter(characteristic__code="drying.residual_ppm").count() == 3


def test_a_container_is_opened_and_closed_in_a_zone(plant: Plant, client: Client) -> None:
    zone = Zone.objects.create(site=plant.site, code="DR-1", name="Dry room 1")
    roll = plant.lot("T-SLIT", length_mm=100_000)
    url = reverse("web:station_container", args=[roll.code])
    client.post(url, {"do": "open", "zone": zone.code})
    assert OpenInterval.objects.get(lot=roll).closed_at is None
    page = client.post(url, {"do": "open", "zone": zone.code}, follow=True).content.decode()
    assert "open already" in page
    client.post(url, {"do": "close"})
    assert OpenInterval.objects.get(lot=roll).closed_at is not None


def test_the_card_of_a_long_form_costs_a_bounded_number_of_queries(
    django_assert_max_num_queries: Queries,
) -> None:
    plant = make_plant()
    for code in ("mixing.solids_pct", "mixing.viscosity_pa_s", "mixing.temperature_c", "mixing.mix_time_min"):
        specify(plant, code, lsl="0", usl="1000")
        add_line(plant, code, required_count=5)
    publish(plant)
    lot, _ = running_mix(plant)
    client = signed_in(plant.operator)
    with django_assert_max_num_queries(30):
        page = card(client, lot)
    assert page.count("0 of 5 recorded") == 4
