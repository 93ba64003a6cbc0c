from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from lots.models import GenealogyLink, Lot, Measurement, Movement, OpenInterval, StepExecution, Zone
from tests.support.api import ApiClient, reading
from tests.support.builders import Plant, add_line, make_plant, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    add_line(plant, "mixing.viscosity_pa_s")
    publish(plant)
    return plant


@pytest.fixture
def api(plant: Plant) -> ApiClient:
    return ApiClient(plant.site, plant.operator)


def new_lot(code: str, **fields: object) -> dict[str, object]:
    return {"code": code, "material": "T-SLURRY", "quantity": "100.5", "work_order": "WO-1"} | fields


def hold(api: ApiClient, lot: Lot, **interval: int) -> None:
    body = {"lots": [{"lot": lot.code, **interval}], "reason": "looks wrong"}
    assert api.post("/holds", body).status_code == 201


def test_lots_are_made_with_their_inputs(api: ApiClient, plant: Plant) -> None:
    raw = plant.raw(quantity=50)
    response = api.post(
        "/lots", {"lots": [new_lot("S-1", inputs=[{"parent": raw.code, "quantity": 10.125}])]}
    )
    assert response.status_code == 201, response.content
    (made,) = response.json()["lots"]
    assert (made["code"], made["quantity"], made["unit"], made["held"]) == ("S-1", "100.5", "kg", False)
    assert GenealogyLink.objects.get().quantity == Decimal("10.125")


@pytest.mark.parametrize(
    ("field", "value"),
    [("state", "shipped"), ("simulated", True), ("created_by", 1), ("code", "a b"), ("quantity", 0)],
)
def test_lot_takes_no_field_that_is_not_offered(
    api: ApiClient, plant: Plant, field: str, value: object
) -> None:
    response = api.post("/lots", {"lots": [new_lot("S-1") | {field: value}]})
    assert response.status_code == 422
    assert [p["field"] for p in response.json()["problems"]] == [f"lots.0.{field}"]
    assert not Lot.objects.filter(site=plant.site).exists()


def test_refused_lot_names_the_field(api: ApiClient, plant: Plant) -> None:
    assert api.post("/lots", {"lots": [new_lot("S-1")]}).status_code == 201
    again = api.post("/lots", {"lots": [new_lot("S-2"), new_lot("S-1")]})
    assert again.status_code == 409 and again.json()["problems"][0]["field"] == "code"
    assert Lot.objects.filter(site=plant.site).count() == 1


def test_repeated_request_makes_lots_once(api: ApiClient, plant: Plant) -> None:
    first = api.post("/lots", {"lots": [new_lot("S-1")]}, key="k")
    again = api.post("/lots", {"lots": [new_lot("S-1")]}, key="k")
    other = api.post("/lots", {"lots": [new_lot("S-2")]}, key="k")
    assert [r.status_code for r in (first, again, other)] == [201, 200, 409]
    assert again.json() == first.json()


def test_repeated_consumption_takes_once(api: ApiClient, plant: Plant) -> None:
    raw, slurry = plant.raw(quantity=50), plant.lot()
    body = {"child": slurry.code, "parent": raw.code, "quantity": "7"}
    assert api.post("/consumptions", body).status_code == 422  # without a key it could be taken twice
    first, again = (api.post("/consumptions", body, key="c1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["quantity"] == "7"
    assert GenealogyLink.objects.count() == Movement.objects.count() == 1


def test_lot_is_not_consumed_into_itself(api: ApiClient, plant: Plant) -> None:
    raw = plant.raw(quantity=50)
    body = {"child": raw.code, "parent": raw.code, "quantity": 1}
    response = api.post("/consumptions", body, key="c1")
    assert response.status_code == 409
    assert "cannot be made from itself" in response.content.decode()
    assert GenealogyLink.objects.count() == Movement.objects.count() == 0


def test_step_runs_from_start_to_finish_with_readings(api: ApiClient, plant: Plant) -> None:
    lot = plant.lot()
    started = api.post("/steps/start", {"lots": [lot.code], "step": "mixing", "equipment": "MIXING-1"})
    assert started.status_code == 201, started.content
    assert started.json()["executions"][0]["equipment"] == "MIXING-1"
    body = {
        "lots": [lot.code],
        "step": "mixing",
        "readings": [reading(lot, "mixing.viscosity_pa_s", 5.10, "Pa.s")],
    }
    finished = api.post("/steps/finish", body, key="f1")
    assert finished.status_code == 201, finished.content
    assert finished.json()["readings"]["measurements"] == 1
    assert finished.json()["answers"][0]["lot"] == lot.code
    assert StepExecution.objects.get().finished_at is not None
    again = api.post("/steps/finish", body, key="f1")
    assert again.status_code == 200 and again.json() == finished.json()
    assert Measurement.objects.count() == 1
    detail = api.get(f"/lots/{lot.code}").json()
    assert detail["next_step"] is None and detail["blockers"] == []
    assert detail["executions"][0]["finished_at"] is not None


def test_finish_with_a_bad_reading_finishes_nothing(api: ApiClient, plant: Plant) -> None:
    lots = [plant.lot(), plant.lot()]
    codes = [lot.code for lot in lots]
    api.post("/steps/start", {"lots": codes, "step": "mixing"})
    bad = reading(lots[0], "mixing.viscosity_pa_s", "5", "furlong")
    response = api.post("/steps/finish", {"lots": codes, "step": "mixing", "readings": [bad]}, key="f1")
    assert response.status_code == 422 and response.json()["problems"][0]["field"] == "unit"
    assert StepExecution.objects.filter(finished_at__isnull=True).count() == 2


def test_finish_of_a_step_that_never_started_is_refused(api: ApiClient, plant: Plant) -> None:
    lot = plant.lot()
    response = api.post("/steps/finish", {"lots": [lot.code], "step": "mixing"}, key="f1")
    assert response.status_code == 422 and lot.code in response.json()["problems"][0]["message"]


def test_held_lot_does_not_start_and_the_blockers_say_why(api: ApiClient, plant: Plant) -> None:
    free, held = plant.lot(), plant.lot()
    hold(api, held)
    response = api.post("/steps/start", {"lots": [free.code, held.code], "step": "mixing"})
    assert response.status_code == 409
    body = response.json()
    assert (body["code"], body["lot"]) == ("gate_refused", held.code)
    assert [b["code"] for b in body["blockers"]] == ["held"] and "looks wrong" in body["blockers"][0][
        "message"
    ]
    assert StepExecution.objects.count() == 0
    gate = api.get(f"/lots/{held.code}/gate", step="mixing").json()
    assert gate["passes"] is False and gate["blockers"] == body["blockers"]
    assert api.get(f"/lots/{free.code}/gate", step="mixing").json()["passes"] is True


def test_held_lot_is_not_consumed(api: ApiClient, plant: Plant) -> None:
    raw = plant.raw()
    hold(api, raw)
    made = api.post("/lots", {"lots": [new_lot("S-1", inputs=[{"parent": raw.code, "quantity": 1}])]})
    assert made.status_code == 409 and made.json()["blockers"][0]["code"] == "held"
    assert not Lot.objects.filter(code="S-1").exists()


def test_instant_in_the_future_is_refused(api: ApiClient, plant: Plant) -> None:
    lot = plant.lot()
    at = (timezone.now() + timedelta(minutes=6)).isoformat()
    response = api.post("/steps/start", {"lots": [lot.code], "step": "mixing", "at": at})
    assert response.status_code == 422 and response.json()["problems"][0]["field"] == "at"


def test_container_opens_and_closes_once(api: ApiClient, plant: Plant) -> None:
    lot = plant.lot("T-SLIT", quantity=10, length_mm=10_000)
    Zone.objects.create(site=plant.site, code="DRY", name="Dry room")
    opened = api.post("/containers/open", {"lot": lot.code, "zone": "DRY"})
    assert opened.status_code == 201 and opened.json()["closed_at"] is None
    assert api.post("/containers/open", {"lot": lot.code, "zone": "DRY"}).status_code == 409
    assert api.post("/containers/open", {"lot": lot.code, "zone": "NOWHERE"}).status_code == 404
    assert api.post("/containers/close", {"lot": lot.code}).status_code == 200
    assert api.post("/containers/close", {"lot": lot.code}).status_code == 409
    assert OpenInterval.objects.get().closed_at is not None


def test_list_is_filtered_and_paged(api: ApiClient, plant: Plant) -> None:
    lots = [plant.lot(code=f"PAGE-{index}") for index in range(5)]
    hold(api, lots[3])
    first = api.get("/lots", q="page-", limit=2).json()
    assert [lot["code"] for lot in first["items"]] == ["PAGE-4", "PAGE-3"]
    assert [lot["held"] for lot in first["items"]] == [False, True]
    rest = api.get("/lots", q="page-", limit=3, cursor=first["next"]).json()
    assert [lot["code"] for lot in rest["items"]] == ["PAGE-2", "PAGE-1", "PAGE-0"] and rest["next"] is None
    assert [lot["code"] for lot in api.get("/lots", held="true").json()["items"]] == ["PAGE-3"]
    assert len(api.get("/lots", held="false", material="T-SLURRY").json()["items"]) == 4
    for bad in ({"limit": 201}, {"limit": 0}, {"state": "gone"}):
        assert api.get("/lots", **bad).status_code == 422


def test_trace_goes_both_ways_and_says_when_it_was_cut(api: ApiClient, plant: Plant) -> None:
    raw = plant.raw(quantity=100)
    for index in range(3):
        api.post("/lots", {"lots": [new_lot(f"S-{index}", inputs=[{"parent": raw.code, "quantity": 1}])]})
    forward = api.get(f"/lots/{raw.code}/trace").json()
    assert [lot["code"] for lot in forward["lots"]] == [raw.code, "S-0", "S-1", "S-2"]
    assert len(forward["links"]) == 3 and forward["truncated"] is False
    assert api.get(f"/lots/{raw.code}/trace", limit=2).json()["truncated"] is True
    backward = api.get("/lots/S-1/trace", direction="backward").json()
    assert [lot["code"] for lot in backward["lots"]] == ["S-1", raw.code]


@pytest.mark.parametrize("path", ["", "/trace", "/gate"])
def test_strange_code_is_answered_not_crashed(api: ApiClient, path: str) -> None:
    assert api.get(f"/lots/%00{path}").status_code == 422
    assert api.get(f"/lots/NO-SUCH{path}").status_code == 404
    assert api.get(f"/lots/{'x' * 65}{path}").status_code == 422
