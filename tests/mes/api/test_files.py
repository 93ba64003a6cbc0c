"""Files of instruments through the API: recorded, recognised, refused in words."""

from __future__ import annotations

from typing import Any

import pytest

from lots.models import CurveFile, HoldLot, Measurement
from mes.api import files
from tests.mes.web.test_formation import spectrum_file
from tests.support.api import BASE, ApiClient
from tests.support.builders import Plant, make_plant, publish, specify
from tests.support.cycling import Part, full_cycles, records
from tests.support.exports import battery_data_format
from tests.support.formation import cell_in_formation, formation_plant, set_recipe

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    return formation_plant()


@pytest.fixture
def api(plant: Plant) -> ApiClient:
    return ApiClient(plant.site, plant.operator)


def send(api: ApiClient, lot: str, content: bytes, query: str = "") -> Any:
    headers = {"HTTP_AUTHORIZATION": f"Bearer {api.key}"}
    return api.client.post(f"{BASE}/lots/{lot}/files{query}", content, "application/octet-stream", **headers)


def test_cycler_file_is_recorded_once_and_says_which_readings_came_of_it(
    plant: Plant, api: ApiClient
) -> None:
    cell, _ = cell_in_formation(plant)
    content = battery_data_format(records(full_cycles(2)))
    answer = send(api, cell.code, content)
    assert answer.status_code == 201, answer.content
    told = {(one["characteristic"], one["position"]): one["value"] for one in answer.json()["readings"]}
    assert told == {
        (f"formation.{half}_capacity_ah", cycle): value
        for half, value in (("charge", "2"), ("discharge", "1.7"))
        for cycle in ("1", "2")
    }
    again = send(api, cell.code, content)
    assert (again.status_code, again.json()["recognised"]) == (200, True)
    assert again.json()["readings"] == answer.json()["readings"]
    assert CurveFile.objects.filter(lot=cell).count() == 1


def test_spectrum_needs_its_conditions(plant: Plant, api: ApiClient) -> None:
    cell, _ = cell_in_formation(plant)
    refused = send(api, cell.code, spectrum_file())
    assert refused.status_code == 409 and "state of charge" in refused.json()["message"]
    kept = send(api, cell.code, spectrum_file(), "?soc=50&temperature=25")
    assert kept.status_code == 201 and kept.json()["kind"] == "impedance"
    assert {one["characteristic"] for one in kept.json()["readings"]} == {
        "formation.r_hf_mohm",
        "formation.r_mid_mohm",
    }


@pytest.mark.parametrize("content", [b"", b"coffee", b"BIO-LOGIC MODULAR FILE\x1a" + bytes(60)])
def test_file_that_cannot_be_used_is_refused_in_words(plant: Plant, api: ApiClient, content: bytes) -> None:
    cell, _ = cell_in_formation(plant)
    refused = send(api, cell.code, content)
    assert refused.status_code == 422 and refused.json()["message"].startswith("The file")
    assert not CurveFile.objects.exists() and not Measurement.objects.filter(lot_id=cell.pk).exists()


def test_larger_file_than_allowed_is_not_read_to_its_end(
    plant: Plant, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, _ = cell_in_formation(plant)
    monkeypatch.setattr(files, "MAX_BYTES", 100_000)
    assert send(api, cell.code, bytes(200_000)).status_code == 413


@pytest.mark.parametrize(("jump_v", "compliant"), [(0.02, True), (0.10, False)])
def test_resistance_that_jumps_stops_a_test_that_still_runs(jump_v: float, compliant: bool) -> None:
    """Twelve minutes into its second cycle the growing file shows the rise; nobody waits for the end of the cycle."""
    plant = make_plant()
    specify(plant, "formation.compliant", lsl="1")
    publish(plant)
    api, (cell, _) = ApiClient(plant.site, plant.operator), cell_in_formation(plant)
    set_recipe(cell, upper_cutoff_v="3.8", lower_cutoff_v="2.2", resistance_time_s="10")
    first = [
        *(Part(0.0, 5.0, 2.5, 2.5), Part(2.0, 60.0, 2.52, 3.8)),
        *(Part(0.0, 10.0, 3.78, 3.78), Part(-2.0, 51.0, 3.76, 2.2)),
    ]
    second = [Part(0.0, 2.0, 2.2 + jump_v, 2.2 + jump_v, 2), Part(2.0, 10.0, 2.2 + 2 * jump_v, 2.7, 2)]
    seen = Measurement.objects.filter(lot_id=cell.pk, characteristic__code="formation.compliant")
    send(api, cell.code, battery_data_format(records(first)), "?running=true")
    assert [float(row.value) for row in seen] == [1.0]
    answer = send(api, cell.code, battery_data_format(records([*first, *second])), "?running=true")
    assert float(seen.order_by("received_at", "id").reverse()[0].value) == float(compliant)
    said = any("Resistance rises by" in remark for remark in answer.json().get("remarks", ()))
    held = HoldLot.objects.filter(lot=cell, disposition_id__isnull=True).exists()
    assert (said, held) == (not compliant, not compliant), answer.json()["remarks"]
