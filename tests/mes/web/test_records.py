"""Pages of raw records: what is drawn, what is said in words, and what stands there without a record."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from lots.models import CurveFile, HoldLot, Lot
from tests.support.api import ApiClient
from tests.support.builders import Plant, make_gauge, make_plant, publish, specify
from tests.support.formation import set_recipe
from tests.support.raw import (
    CURVE_G,
    cell_in_filling,
    coated_roll,
    edge_map,
    map_body,
    mass_body,
    open_roll,
    pressure_body,
    started,
    table,
)
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
Queries = Callable[[int], AbstractContextManager[object]]


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def client(plant: Plant) -> Client:
    return signed_in(plant.operator)


def send(client: Client, lot: Lot, body: dict[str, Any], **fields: str) -> Any:
    file = SimpleUploadedFile("scan.csv", table(body))
    return client.post(reverse("web:upload"), {"lot": lot.code, "file": file, **fields})


def page(client: Client, name: str, lot: Lot) -> str:
    answer = client.get(reverse(f"web:lot_{name}", args=[lot.code]))
    assert answer.status_code == 200
    return answer.content.decode()


def data(client: Client, name: str, lot: Lot) -> Any:
    return client.get(reverse(f"web:lot_{name}_data", args=[lot.code])).json()


@pytest.mark.parametrize("name", ["thickness", "drying", "vacuum"])
def test_lot_without_a_record_says_so(plant: Plant, client: Client, name: str) -> None:
    lot = plant.lot("T-ROLL", quantity=400, length_mm=400_000, lanes=10)
    assert "No raw record" in page(client, name, lot)
    answer = client.get(reverse(f"web:lot_{name}_data", args=[lot.code]))
    assert (answer.status_code, answer.json()) == (404, {"problem": "no raw record"})


def test_lot_that_was_never_open_says_so(plant: Plant, client: Client) -> None:
    lot = plant.lot("T-SLIT", quantity=10, length_mm=10_000)
    assert "Never open" in page(client, "dose", lot)


def test_lot_page_links_the_records_of_its_kind(plant: Plant, client: Client) -> None:
    roll = plant.lot("T-ROLL", quantity=400, length_mm=400_000, lanes=10)
    linked = (
        page(client, "thickness", roll) and client.get(reverse("web:lot", args=[roll.code])).content.decode()
    )
    for name in ("thickness", "drying"):
        assert reverse(f"web:lot_{name}", args=[roll.code]) in linked
    cell = plant.lot("T-CELL", quantity=1)
    linked = client.get(reverse("web:lot", args=[cell.code])).content.decode()
    for name in ("vacuum", "dose", "formation"):
        assert reverse(f"web:lot_{name}", args=[cell.code]) in linked


def test_uploaded_map_is_shown_with_pattern_split_and_borders(
    plant: Plant, client: Client, django_assert_max_num_queries: Queries
) -> None:
    roll, gauge = coated_roll(plant), make_gauge(plant, "thickness_gauge")
    answer = send(client, roll, map_body(gauge, started_at=started())).content.decode()
    assert "The record is kept" in answer
    with django_assert_max_num_queries(14):
        shown = page(client, "thickness", roll)
    assert "Pattern: edge" in shown and "web tension or slurry viscosity" in shown
    assert "Taper along the roll" in shown and gauge.code in shown
    drawn = data(client, "thickness", roll)
    assert (len(drawn["thickness_um"]), len(drawn["lanes"]), drawn["borders"]) == (40, 12, [1, 1])
    assert drawn["source"]["gauge"] == gauge.code


def test_long_map_is_thinned_to_what_can_be_seen(plant: Plant, client: Client) -> None:
    roll = coated_roll(plant)
    body = map_body(
        make_gauge(plant, "thickness_gauge"), started_at=started(), columns=edge_map(profiles=2000)
    )
    send(client, roll, body)
    drawn = data(client, "thickness", roll)
    assert (drawn["profiles"], len(drawn["metre"]), len(drawn["edge_centre_um"])) == (2000, 600, 600)
    assert (drawn["metre"][0], drawn["metre"][-1]) == (0.0, 19_990.0)


def test_profiles_read_by_hand_are_drawn_where_there_is_no_record(plant: Plant, client: Client) -> None:
    roll = coated_roll(plant)
    plant.submit(
        [
            plant.reading(
                "coating.thickness_um", 120 + lane, roll, position=str(lane), roll_position_mm=metre
            )
            for metre in (2_000, 200_000)
            for lane in range(1, 6)
        ]
    )
    # A reading of which nobody noted where on the roll it was taken is not at its beginning.
    plant.submit([plant.reading("coating.thickness_um", 90, roll, position="1")])
    assert "No raw record: drawn from single readings" in page(client, "thickness", roll)
    drawn = data(client, "thickness", roll)
    assert min(drawn["thickness_um"][0]) == 121
    assert (drawn["metre"], drawn["lanes"], drawn["source"]) == (
        [2.0, 200.0],
        ["1", "2", "3", "4", "5"],
        None,
    )


def test_uploaded_curve_shows_its_endpoint_and_stages(
    plant: Plant, client: Client, django_assert_max_num_queries: Queries
) -> None:
    roll = coated_roll(plant)
    send(client, roll, mass_body(make_gauge(plant, "balance"), started_at=started()))
    with django_assert_max_num_queries(14):
        assert "Drying endpoint" in page(client, "drying", roll)
    drawn = data(client, "drying", roll)
    assert drawn["values"]["drying.endpoint_min"] == 22.0
    assert len(drawn["rate_pct_min"]) == len(drawn["time_min"]) - 1 == CURVE_G.size - 1
    assert [stage["end_min"] for stage in drawn["stages"]] == [10, 20, 30, 40]


def test_weighings_typed_one_by_one_are_drawn_where_there_is_no_record(plant: Plant, client: Client) -> None:
    roll, begin = coated_roll(plant), started()
    plant.submit(
        [
            plant.reading(
                "drying.strip_mass_g",
                f"{mass:.4f}",
                roll,
                position=str(minute),
                measured_at=begin + timedelta(minutes=minute),
            )
            for minute, mass in enumerate(CURVE_G)
        ]
    )
    drawn = data(client, "drying", roll)
    assert (drawn["source"], drawn["values"]["drying.endpoint_min"]) == (None, 22.0)


def test_correction_by_upload_needs_its_reason_and_the_former_record_stays(
    plant: Plant, client: Client
) -> None:
    roll, body = coated_roll(plant), mass_body(make_gauge(plant, "balance"), started_at=started())
    send(client, roll, body)
    body["columns"]["mass_g"][-1] -= 0.0001
    refused = send(client, roll, body)
    assert refused.status_code == 409 and "say why this one takes its place" in refused.content.decode()
    send(client, roll, body, reason="the balance was not tared")
    shown = page(client, "drying", roll)
    assert "Superseded" in shown and "the balance was not tared" in shown
    assert CurveFile.objects.filter(lot=roll).count() == 2


def test_unresolved_record_says_so_on_top(plant: Plant, client: Client) -> None:
    roll = coated_roll(plant)
    body = mass_body(
        make_gauge(plant, "balance"), started_at=started(), posted={"drying.endpoint_min": "12.0"}
    )
    assert "Kept, but unresolved" in send(client, roll, body).content.decode()
    assert "This record is unresolved" in page(client, "drying", roll)


def test_chamber_pressure_shows_evacuations_soaks_and_what_the_tray_shares(
    plant: Plant, client: Client, django_assert_max_num_queries: Queries
) -> None:
    cell = cell_in_filling(plant)
    send(client, cell, pressure_body(make_gauge(plant, "pressure_sensor"), started_at=started()))
    with django_assert_max_num_queries(14):
        assert "Evacuations and soaks" in page(client, "vacuum", cell)
    drawn = data(client, "vacuum", cell)
    assert [(step["lowest_mbar"], step["soak_s"]) for step in drawn["steps"]] == [(10, 121), (20, 140)]


def test_table_that_cannot_be_used_is_refused_in_words(plant: Plant, client: Client) -> None:
    roll = coated_roll(plant)
    file = SimpleUploadedFile("x", b"# started: now\ntime_min,mass_g\n0,1\n1,1\n")
    answer = client.post(reverse("web:upload"), {"lot": roll.code, "file": file})
    assert answer.status_code == 422 and "The file cannot be used" in answer.content.decode()
    assert not CurveFile.objects.exists()


def test_record_that_left_the_storage_is_a_problem_in_words(plant: Plant, client: Client) -> None:
    roll = coated_roll(plant)
    send(client, roll, mass_body(make_gauge(plant, "balance"), started_at=started()))
    name = CurveFile.objects.get().storage_sha256
    (Path(settings.CURVES_DIR) / name[:2] / f"{name}.parquet").unlink()
    assert "restore it from the backup" in page(client, "drying", roll)
    assert client.get(reverse("web:lot_drying_data", args=[roll.code])).status_code == 503


def test_dose_of_many_intervals_costs_a_bounded_number_of_queries(
    plant: Plant, client: Client, django_assert_max_num_queries: Queries
) -> None:
    api = ApiClient(plant.site, plant.operator)
    roll = open_roll(plant, api, sensor_until_min=40)
    assert "0.0474" in page(client, "dose", roll)
    zone = roll.open_intervals.get().zone.code
    for _ in range(8):
        opening = api.post("/containers/open", {"lot": roll.code, "zone": zone})
        assert (
            opening.status_code < 300 and api.post("/containers/close", {"lot": roll.code}).status_code < 300
        )
    with django_assert_max_num_queries(32):
        shown = page(client, "dose", roll)
    assert "3 earlier ones are left out" in shown and "Unknown" in shown
    assert data(client, "dose", roll)["total_g_h_m3"] is None


def coupons(plant: Plant, roll: Lot, *grades: int) -> None:
    plant.submit(
        [
            plant.reading("coating.peel_grade", grade, roll, position=str(number))
            for number, grade in enumerate(grades, start=1)
        ]
    )


@pytest.mark.parametrize(
    ("grades", "words", "held"),
    [
        ((0, 1), "Three are needed to tell", False),
        ((0, 1, 0), "none, fine flakes, none. No large flakes", False),
        ((0, 2), "Stop coating and look at drying or the collector surface", True),
        ((0, 1, 3), "Three are needed to tell", False),  # no such grade: nothing passes
    ],
)
def test_one_coupon_in_large_flakes_holds_the_roll_and_says_where_to_look(
    grades: tuple[int, ...], words: str, held: bool
) -> None:
    plant = make_plant()
    specify(plant, "coating.adhesion", lsl="1")
    publish(plant)
    roll = coated_roll(plant)
    coupons(plant, roll, *grades)
    assert words in page(signed_in(plant.operator), "thickness", roll)
    assert HoldLot.objects.filter(lot=roll, disposition_id__isnull=True).exists() == held


def test_thickness_is_looked_at_first_where_it_is_out_too() -> None:
    plant = make_plant()
    specify(plant, "coating.adhesion", lsl="1")
    specify(plant, "coating.thickness_um", lsl="110", usl="130")
    publish(plant)
    roll = coated_roll(plant)
    coupons(plant, roll, 2)
    plant.submit([plant.reading("coating.thickness_um", 140, roll, position="1", roll_position_mm=1_000)])
    assert "look at coating thickness first" in page(signed_in(plant.operator), "thickness", roll)


def calendered(plant: Plant, *, line_load: float, total_um: float) -> Lot:
    """A roll of 26.8 mg/cm² a side, 286 µm thick before the calender and `total_um` after it."""
    roll = plant.lot("T-ROLL", quantity=400, length_mm=400_000, lanes=10)
    punches = [
        plant.reading(
            "coating.punch_mass_g", f"{0.7 + 0.001 * lane:.4f}", roll, position=str(lane), roll_position_mm=9
        )
        for lane in range(1, 6)
    ]
    before = [
        plant.reading("coating.thickness_um", 286, roll, position=str(lane), roll_position_mm=9)
        for lane in range(1, 6)
    ]
    plant.run(roll, "coating", [plant.reading("coating.foil_mass_g", "0.0486", roll), *punches, *before])
    plant.run(roll, "drying")
    after = [
        plant.reading(
            "calendering.thickness_um", total_um + 0.5 * lane, roll, position=str(lane), roll_position_mm=9
        )
        for lane in range(1, 6)
    ]
    plant.run(roll, "calendering", [plant.reading("calendering.line_load_n_mm", line_load, roll), *after])
    return roll


def test_porosity_is_told_with_its_uncertainty_and_how_it_follows_the_line_load(
    plant: Plant, client: Client, django_assert_max_num_queries: Queries
) -> None:
    roll = calendered(plant, line_load=120, total_um=213)
    assert "Wet-film check" not in page(client, "thickness", roll)  # the recipe does not set it
    plant.submit([plant.reading("coating.gap_um", 400, roll)])
    set_recipe(roll, film_transfer="0.5", film_solids_share="0.65")
    shown = page(client, "thickness", roll)
    # 400 · 0.5 · 0.65 µm; (286 − 15) / 2 µm.
    assert "expect 130.0 µm of dry coating a side; 135.5 µm were measured, 4.2 % off" in shown
    assert "times as thick before" in shown and "at least 5 lots each" in shown
    for line_load in (80, 100, 120, 140, 160):
        calendered(plant, line_load=line_load, total_um=300 - 18 * math.log(line_load))
    with django_assert_max_num_queries(18):
        shown = page(client, "thickness", roll)
    assert "Over 5 other good rolls of this material a doubled line load changes the porosity by -" in shown
    assert "significant at 1 %" in shown
