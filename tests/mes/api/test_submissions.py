from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from lots.models import IdempotencyKey, Lot, Measurement, Submission
from quality.models import Defect
from tests.support.api import ApiClient, reading
from tests.support.builders import Plant, make_plant, publish, specify

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    specify(plant, "mixing.viscosity_pa_s", lsl="4", usl="6")
    publish(plant)
    return plant


@pytest.fixture
def api(plant: Plant) -> ApiClient:
    return ApiClient(plant.site, plant.operator)


@pytest.fixture
def slurry(plant: Plant) -> Lot:
    lot = plant.lot()
    plant.start(lot, "mixing")
    return lot


def viscosity(slurry: Lot, /, value: object = "5.10", **other: object) -> dict[str, object]:
    return reading(slurry, "mixing.viscosity_pa_s", value, "Pa.s") | other


def test_submission_is_stored_and_answered(api: ApiClient, slurry: Lot) -> None:
    response = api.post("/submissions", {"readings": [viscosity(slurry)]}, key="k1")
    assert response.status_code == 201, response.content
    body = response.json()
    assert body["measurements"] == 1 and body["violations"] == [] and body["judged"] == 1
    stored = Measurement.objects.get(submission__uuid=body["submission"])
    assert (stored.entered_text, stored.lot_id, stored.operator_id) == (
        "5.10",
        slurry.pk,
        api.source.user_id,
    )


def test_same_key_and_payload_replays_the_answer(api: ApiClient, slurry: Lot) -> None:
    body = {"readings": [viscosity(slurry)]}
    first = api.post("/submissions", body, key="k1")
    again = api.post("/submissions", body, key="k1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert "Idempotent-Replayed" not in first and again["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert Submission.objects.count() == 1


def test_same_key_with_another_payload_is_a_conflict(api: ApiClient, slurry: Lot) -> None:
    api.post("/submissions", {"readings": [viscosity(slurry)]}, key="k1")
    other = api.post("/submissions", {"readings": [viscosity(slurry, "5.2")]}, key="k1")
    assert other.status_code == 409 and other.json()["code"] == "idempotency_conflict"
    assert Measurement.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 65, "with space", "umläut"])
def test_key_is_needed_and_bounded(api: ApiClient, slurry: Lot, key: str) -> None:
    response = api.post("/submissions", {"readings": [viscosity(slurry)]}, key=key)
    assert response.status_code == 422
    assert "Idempotency-Key" in {p["field"] for p in response.json()["problems"]}
    assert Submission.objects.count() == 0


@pytest.mark.parametrize(
    ("text", "kept"),
    [("5.10", "5.10"), ('"5.10"', "5.10"), ("5", "5"), ("5.0e0", "5.0e0"), ("0.1e1", "0.1e1")],
)
def test_number_keeps_the_text_it_was_sent_as(api: ApiClient, slurry: Lot, text: str, kept: str) -> None:
    body = json.dumps({"readings": [viscosity(slurry, "VALUE")]}).replace('"VALUE"', text)
    response = api.post("/submissions", body, key="k1")
    assert response.status_code == 201, response.content
    assert Measurement.objects.get().entered_text == kept


def test_problems_name_reading_field_and_fix(api: ApiClient, slurry: Lot) -> None:
    readings = [
        viscosity(slurry),
        viscosity(slurry, "5,1"),
        viscosity(slurry, unit="mPa.s"),
        viscosity(slurry, lot="NO-SUCH"),
    ]
    response = api.post("/submissions", {"readings": readings[:2]}, key="k1")
    assert response.status_code == 422
    assert response.json()["problems"] == [
        {"reading": 1, "field": "value", "message": "is not a decimal number; use a point, such as 12.5"}
    ]
    response = api.post("/submissions", {"readings": [readings[0], *readings[2:]]}, key="k1")
    problems = {(p["reading"], p["field"]): p["message"] for p in response.json()["problems"]}
    assert set(problems) == {(1, "unit"), (2, "lot")}
    assert "'Pa.s'" in problems[1, "unit"]
    assert Submission.objects.count() == 0 and IdempotencyKey.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quality", "good"),
        ("value", True),
        ("value", "NaN"),
        ("value", "1_000"),
        ("value", "9" * 41),
        ("measured_at", 1_700_000_000),
        ("measured_at", "2026-01-01T00:00:00"),
        ("measured_at", "0001-01-01T00:00:00+00:00"),
        ("sample_size", "12"),
        ("roll_position_mm", -1),
        ("position", "1e99"),
        ("lot", "a\u0000b"),
    ],
)
def test_unknown_or_malformed_field_is_refused(
    api: ApiClient, slurry: Lot, field: str, value: object
) -> None:
    response = api.post("/submissions", {"readings": [viscosity(slurry) | {field: value}]}, key="k1")
    assert response.status_code == 422, response.content
    assert [(p["reading"], p["field"]) for p in response.json()["problems"]] == [(0, field)]
    assert Submission.objects.count() == 0


def test_field_beside_the_readings_is_refused(api: ApiClient, slurry: Lot) -> None:
    response = api.post("/submissions", {"readings": [viscosity(slurry)], "user": "root"}, key="k1")
    assert response.status_code == 422
    assert response.json()["problems"][0]["field"] == "user"


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '{"readings": NaN}', "[" * 100_000, '{"readings": []}']
)
def test_unreadable_body_is_refused_in_words(api: ApiClient, body: str) -> None:
    response = api.post("/submissions", body, key="k1")
    assert response.status_code in {400, 422}, response.content
    assert set(response.json()) >= {"code", "message"}


def test_body_over_the_cap_is_refused(api: ApiClient, settings: object) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000  # type: ignore[attr-defined]
    response = api.post("/submissions", {"readings": [], "padding": "x" * 2000}, key="k1")
    assert response.status_code == 413 and response.json()["code"] == "too_large"


def test_value_out_of_specification_is_answered_with_its_hold(api: ApiClient, slurry: Lot) -> None:
    response = api.post("/submissions", {"readings": [viscosity(slurry, "6.01")]}, key="k1")
    (violation,) = response.json()["violations"]
    assert violation["lot"] == slurry.code and violation["hold"]
    assert str(Defect.objects.get().hold.uuid) == violation["hold"]


def test_value_from_the_future_is_quarantined(api: ApiClient, slurry: Lot) -> None:
    late = (timezone.now() + timedelta(minutes=6)).isoformat()
    response = api.post("/submissions", {"readings": [viscosity(slurry, "7", measured_at=late)]}, key="k1")
    assert response.status_code == 201
    assert response.json()["suspect"] == 1 and response.json()["violations"] == []
    assert Measurement.objects.get().quality == Measurement.Quality.QUARANTINED


def test_bulk_answers_each_submission_and_stores_the_good_ones(api: ApiClient, slurry: Lot) -> None:
    items = [
        {"key": "b1", "readings": [viscosity(slurry)]},
        {"key": "b2", "readings": [viscosity(slurry, unit="cP")]},
        {"key": "b3", "readings": [viscosity(slurry) | {"colour": "grey"}]},
        {"readings": [viscosity(slurry)]},
        "nonsense",
        {"key": "b1", "readings": [viscosity(slurry, "5.3")]},
        {"key": "b4", "readings": [viscosity(slurry, "5.4")]},
    ]
    answers = api.post("/submissions/bulk", {"submissions": items}).json()["answers"]
    assert [answer["status"] for answer in answers] == [201, 422, 422, 422, 422, 409, 201]
    assert [answer["key"] for answer in answers] == ["b1", "b2", "b3", "", "", "b1", "b4"]
    assert answers[2]["error"]["problems"][0]["field"] == "colour"
    assert answers[3]["error"]["problems"][0]["field"] == "key"
    assert Submission.objects.count() == 2
    again = api.post("/submissions/bulk", {"submissions": [items[0], items[6]]}).json()["answers"]
    assert [answer["status"] for answer in again] == [200, 200]
    assert Submission.objects.count() == 2
