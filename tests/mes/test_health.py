from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils import timezone

from mes import health
from tests.support.api import ApiClient
from tests.support.builders import make_plant, publish
from tests.support.charted import charted_plant


def test_alive_without_asking_the_database() -> None:
    assert Client().get("/healthz").status_code == 200


@pytest.mark.django_db
def test_ready_when_nothing_waits_too_long() -> None:
    response = Client().get("/readyz")
    assert response.status_code == 200 and response.json() == {"ready": True, "reasons": []}


def test_not_ready_without_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> float:
        raise OperationalError("connection refused")

    monkeypatch.setattr(health, "oldest_pending_s", away)
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["reasons"] == ["the database does not answer"]


@pytest.mark.django_db
def test_not_ready_while_evaluation_lags(monkeypatch: pytest.MonkeyPatch) -> None:
    plant = charted_plant()
    lot = plant.lot()
    plant.start(lot, "mixing")
    plant.submit([plant.reading("mixing.viscosity_pa_s", "5", lot)])
    assert Client().get("/readyz").status_code == 200
    late = timezone.now() + timedelta(seconds=61)
    monkeypatch.setattr(health.timezone, "now", lambda: late)
    response = Client().get("/readyz")
    assert response.status_code == 503 and "wait for evaluation" in response.json()["reasons"][0]


@pytest.mark.django_db
def test_metrics_count_what_waits() -> None:
    plant = charted_plant()
    lot = plant.lot()
    plant.start(lot, "mixing")
    plant.submit([plant.reading("mixing.viscosity_pa_s", "5", lot)])
    text = Client().get("/metrics").content.decode()
    values = dict(line.split() for line in text.splitlines() if not line.startswith("#"))
    assert values["halite_outbox_pending"] == "1" and values["halite_outbox_quarantined"] == "0"
    assert 0 <= float(values["halite_outbox_oldest_seconds"]) < 60


@pytest.mark.django_db
@pytest.mark.parametrize(
    "origin", [{"REMOTE_ADDR": "192.0.2.7"}, {"HTTP_X_FORWARDED_FOR": "192.0.2.7"}], ids=["remote", "proxied"]
)
def test_metrics_of_others_need_a_key(origin: dict[str, str]) -> None:
    plant = make_plant()
    publish(plant)
    assert Client().get("/metrics", **origin).status_code == 401
    assert Client().get("/metrics", HTTP_AUTHORIZATION="Bearer nonsense", **origin).status_code == 401
    key = ApiClient(plant.site, plant.operator).key
    assert Client().get("/metrics", HTTP_AUTHORIZATION=f"Bearer {key}", **origin).status_code == 200


def test_lost_database_answers_503_wherever_it_is_noticed() -> None:
    request = RequestFactory().get("/api/v1/lots")
    try:
        raise OperationalError("server closed the connection")
    except OperationalError:
        response = health.failed(request)
    assert response.status_code == 503 and response["Retry-After"]
    try:
        raise KeyError("a mistake of ours")
    except KeyError:
        response = health.failed(request)
    assert response.status_code == 500 and json.loads(response.content)["code"] == "internal"
