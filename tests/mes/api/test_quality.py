from __future__ import annotations

import pytest
from django.db import connections, transaction
from django.utils import timezone

from lots.models import Hold, HoldLot, Lot, Submission
from mes.pipeline import evaluate_chart
from quality.actions.exclude_point import exclude_point
from quality.models import Disposition, Signature
from spc.models import Chart, LimitRevision, Point, Signal
from tests.support.api import ApiClient, reading
from tests.support.builders import PASSWORD, Plant, make_plant, publish
from tests.support.charted import STEADY, charted_plant

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def operator(plant: Plant) -> ApiClient:
    return ApiClient(plant.site, plant.operator)


@pytest.fixture
def engineer(plant: Plant) -> ApiClient:
    return ApiClient(plant.site, plant.engineer)


def test_hold_reaches_what_was_made_and_a_disposition_closes_what_it_names(
    plant: Plant, operator: ApiClient, engineer: ApiClient
) -> None:
    raw = plant.raw()
    made = {"code": "S-1", "material": "T-SLURRY", "inputs": [{"parent": raw.code, "quantity": 1}]}
    operator.post("/lots", {"lots": [made]})
    placed = operator.post("/holds", {"lots": [{"lot": raw.code}], "reason": "wet bag"}).json()
    assert {m["lot"]: m["inherited_from"] for m in placed["members"]} == {raw.code: None, "S-1": raw.code}
    ruling = {"hold": placed["hold"], "lots": ["S-1"], "decision": "release", "reason": "dry inside"}
    wrong = engineer.post("/dispositions", ruling | {"password": "guess"})
    assert wrong.status_code == 403 and wrong.json()["code"] == "signature_refused"
    assert Disposition.objects.count() == Signature.objects.count() == 0
    released = engineer.post("/dispositions", ruling | {"password": PASSWORD})
    assert released.status_code == 201, released.content
    assert released.json()["lots"] == ["S-1"]
    open_holds = operator.get("/holds", active="true").json()["items"]
    assert [member["lot"] for member in open_holds] == [raw.code]
    closed = operator.get("/holds", active="false", lot="S-1").json()["items"]
    assert closed[0]["disposition"] == released.json()["disposition"]


def test_who_placed_the_hold_does_not_release_it(plant: Plant, engineer: ApiClient) -> None:
    lot = plant.raw()
    placed = engineer.post("/holds", {"lots": [{"lot": lot.code}], "reason": "wet"}).json()
    ruling = {"holds": [placed["members"][0]["id"]], "decision": "release", "reason": "fine"}
    response = engineer.post("/dispositions", ruling | {"password": PASSWORD})
    assert response.status_code == 409 and response.json()["problems"][0]["field"] == "decided_by"
    assert HoldLot.objects.get().disposition_id is None


@pytest.mark.parametrize(
    "change",
    [
        {"holds": None},
        {"lots": ["A"]},
        {"decision": "approve"},
        {"decided_by": 1},
        {"signature": 1},
        {"holds": ["1"]},
        {"concession_quantity": "-1"},
        {"password": ""},
    ],
)
def test_malformed_disposition_is_refused(engineer: ApiClient, change: dict[str, object]) -> None:
    ruling = {"holds": [1], "decision": "release", "reason": "fine", "password": PASSWORD} | change
    assert engineer.post("/dispositions", ruling).status_code == 422


def test_rework_names_a_step_of_the_route(plant: Plant, operator: ApiClient, engineer: ApiClient) -> None:
    lot = plant.lot()
    placed = operator.post("/holds", {"lots": [{"lot": lot.code}], "reason": "lumps"}).json()
    ruling = {"hold": placed["hold"], "decision": "rework", "reason": "mix again", "password": PASSWORD}
    assert engineer.post("/dispositions", ruling | {"rework_from": "knitting"}).status_code == 422
    assert engineer.post("/dispositions", ruling).status_code == 409
    assert engineer.post("/dispositions", ruling | {"rework_from": "mixing"}).status_code == 201
    assert Disposition.objects.get().rework_from.step.code == "mixing"


@pytest.mark.parametrize(
    "interval", [{"from_mm": 5}, {"from_mm": 9, "to_mm": 5}, {"from_mm": -1, "to_mm": 5}]
)
def test_hold_interval_is_whole(plant: Plant, operator: ApiClient, interval: dict[str, int]) -> None:
    lot = plant.lot("T-ROLL", length_mm=10_000)
    response = operator.post("/holds", {"lots": [{"lot": lot.code} | interval], "reason": "x"})
    assert response.status_code == 422 and Hold.objects.count() == 0


def test_an_interval_that_is_not_on_the_lot_is_refused(plant: Plant, operator: ApiClient) -> None:
    roll, batch = plant.lot("T-ROLL", length_mm=10_000), plant.lot()
    for lot, words in ((roll, "is 10 m long"), (batch, "has no length; hold the whole lot")):
        beyond = {"lot": lot.code, "from_mm": 9_000, "to_mm": 10_001}
        answer = operator.post("/holds", {"lots": [beyond], "reason": "x"})
        assert answer.status_code == 409 and words in answer.json()["message"], answer.content
    assert Hold.objects.count() == 0
    whole = {"lot": roll.code, "from_mm": 0, "to_mm": 10_000}
    assert operator.post("/holds", {"lots": [whole], "reason": "x"}).status_code == 201


def test_chart_is_read_column_by_column() -> None:
    plant = charted_plant(signal=True)
    api = ApiClient(plant.site, plant.operator)
    (listed,) = api.get("/charts", characteristic="mixing.viscosity_pa_s").json()["items"]
    chart = api.get(f"/charts/{listed['id']}").json()
    points = chart["points"]
    assert points["sequence"] == list(range(len(STEADY) + 1)) == list(range(chart["points_total"]))
    assert points["statistic"] == [*map(float, STEADY), 9.0]
    assert {len(column) for column in points.values()} == {len(STEADY) + 1}
    assert points["ucl"][-1] > points["center"][-1] > points["lcl"][-1]
    assert points["lots"][0] == [Lot.objects.get(site=plant.site).code]
    assert chart["learning"] is True and chart["limits"]["kind"] == "provisional"
    assert any(s["sequence"] == len(STEADY) and s["rule"] == "beyond_limits" for s in chart["signals"])
    tail = api.get(f"/charts/{listed['id']}", after=9, limit=2).json()["points"]
    assert tail["sequence"] == [10, 11]
    assert api.get(f"/charts/{listed['id']}", limit=3).json()["points"]["sequence"] == [10, 11, 12]
    exclude_point(
        Point.objects.get(pk=points["id"][-1]),
        excluded=True,
        reason="wrong spindle",
        user=plant.engineer,
        now=timezone.now(),
    )
    after = api.get(f"/charts/{listed['id']}", limit=3).json()["points"]
    assert after["excluded"] == [None, None, "wrong spindle"]


def test_signal_gets_its_cause_once() -> None:
    plant = charted_plant(signal=True)
    api = ApiClient(plant.site, plant.engineer)
    signals = api.get("/signals", open="true").json()["items"]
    key = signals[-1]["id"]
    named = api.post(f"/signals/{key}/cause", {"cause": "wrong spindle"})
    assert named.status_code == 200 and named.json()["acknowledged_by"] == plant.engineer.username
    assert api.post(f"/signals/{key}/cause", {"cause": "other"}).status_code == 409
    assert Signal.objects.get(pk=key).cause == "wrong spindle"
    assert key not in [s["id"] for s in api.get("/signals", open="true").json()["items"]]


def test_limits_freeze_under_a_signature() -> None:
    plant = charted_plant(signal=True)
    api = ApiClient(plant.site, plant.engineer)
    chart = Chart.objects.get()
    points = api.get(f"/charts/{chart.pk}").json()["points"]
    body = {"excluded": {str(points["id"][-1]): "wrong spindle"}, "reason": "stable since"}
    assert api.post(f"/charts/{chart.pk}/freeze", body | {"password": "guess"}).status_code == 403
    strange = body | {"excluded": {"1": ""}, "password": PASSWORD}
    assert api.post(f"/charts/{chart.pk}/freeze", strange).status_code == 409
    assert not LimitRevision.objects.filter(kind="frozen").exists()
    frozen = api.post(f"/charts/{chart.pk}/freeze", body | {"password": PASSWORD})
    assert frozen.status_code == 201, frozen.content
    assert frozen.json()["center"] == pytest.approx(sum(map(float, STEADY)) / len(STEADY))
    assert api.get(f"/charts/{chart.pk}").json()["learning"] is False


def test_evaluation_through_the_api_holds_the_lot_when_the_plan_says_so() -> None:
    plant = charted_plant()
    chart = Chart.objects.get()
    engineer = ApiClient(plant.site, plant.engineer)
    operator = ApiClient(plant.site, plant.operator)
    engineer.post(f"/charts/{chart.pk}/freeze", {"reason": "stable", "password": PASSWORD})
    lot = plant.lot()
    plant.start(lot, "mixing")
    operator.post(
        "/submissions", {"readings": [reading(lot, "mixing.viscosity_pa_s", "9", "Pa.s")]}, key="far"
    )
    evaluate_chart(chart.pk, now=Submission.objects.latest("pk").received_at)
    detail = operator.get(f"/lots/{lot.code}").json()
    assert detail["held"] is True and detail["holds"][0]["source"] == "signal"


@pytest.mark.django_db(databases=["default", "owner"])
def test_database_that_does_not_answer_in_time_is_503_and_nothing_is_stored(plant: Plant) -> None:
    api = ApiClient(plant.site, plant.operator)
    lot = plant.lot()
    plant.start(lot, "mixing")
    body = {"readings": [reading(lot, "mixing.viscosity_pa_s", "5", "Pa.s")]}
    name = f"{api.source.pk}:slow"
    with connections["owner"].cursor() as other, transaction.atomic():
        with connections["default"].cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
        other.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        response = api.post("/submissions", body, key="slow")
        assert response.status_code == 503, response.content
        assert int(response["Retry-After"]) > 0 and response.json()["code"] == "unavailable"
        assert Submission.objects.count() == 0
        other.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
    assert api.post("/submissions", body, key="slow").status_code == 201
