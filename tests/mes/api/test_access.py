from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from lots.models import Lot, Membership, Source, User
from quality.permissions import MATRIX, Action
from spc.models import Chart, Signal
from tests.support.api import BASE, ApiClient, reading
from tests.support.builders import PASSWORD, Plant, make_plant, make_user, publish
from tests.support.charted import charted_plant

pytestmark = pytest.mark.django_db


def requests_on(plant: Plant, lot: Lot, hold_lot: int) -> Iterator[tuple[Action, str, str, dict[str, Any]]]:
    """Every operation that names something of the plant: action, method, path, body."""
    chart, signal = Chart.objects.get(), Signal.objects.first()
    assert signal is not None
    yield Action.VIEW, "get", f"/lots/{lot.code}", {}
    yield Action.VIEW, "get", f"/lots/{lot.code}/trace", {}
    yield Action.VIEW, "get", f"/lots/{lot.code}/gate", {}
    yield Action.VIEW, "get", f"/charts/{chart.pk}", {}
    yield Action.RUN_STEP, "post", "/steps/start", {"lots": [lot.code], "step": "mixing"}
    yield Action.RUN_STEP, "post", "/steps/finish", {"lots": [lot.code], "step": "mixing"}
    consumption = {"child": lot.code, "parent": lot.code, "quantity": 1}
    yield Action.RUN_STEP, "post", "/consumptions", consumption
    yield Action.RECORD, "post", "/containers/close", {"lot": lot.code}
    yield Action.PLACE_HOLD, "post", "/holds", {"lots": [{"lot": lot.code}], "reason": "wrong"}
    cause = {"cause": "blade worn"}
    yield Action.JUDGE_SIGNAL, "post", f"/signals/{signal.pk}/cause", cause
    freeze = {"reason": "stable", "password": PASSWORD}
    yield Action.FREEZE_LIMITS, "post", f"/charts/{chart.pk}/freeze", freeze
    ruling = {"holds": [hold_lot], "decision": "release", "reason": "checked", "password": PASSWORD}
    yield Action.DISPOSE, "post", "/dispositions", ruling


def send(api: ApiClient, method: str, path: str, body: dict[str, Any]) -> Any:
    return api.get(path) if method == "get" else api.post(path, body, key=f"k-{path[-20:]}")


@pytest.fixture
def plant() -> Plant:
    return charted_plant(signal=True)


@pytest.fixture
def lot(plant: Plant) -> Lot:
    return plant.lot()


@pytest.fixture
def hold_lot(plant: Plant) -> int:
    body = {"lots": [{"lot": plant.lot().code}], "reason": "scratched"}
    return ApiClient(plant.site, plant.operator).post("/holds", body).json()["members"][0]["id"]


@pytest.mark.parametrize("role", Membership.Role.values)
def test_role_does_what_the_matrix_says(plant: Plant, lot: Lot, hold_lot: int, role: str) -> None:
    api = ApiClient(plant.site, make_user(plant.site, role))
    plant.start(lot, "mixing")
    values = {"readings": [reading(lot, "mixing.viscosity_pa_s", "5", "Pa.s")]}
    operations = [
        *requests_on(plant, lot, hold_lot),
        (Action.RECORD, "post", "/submissions", values),
        (Action.SET_CLOCK, "post", "/clock", {"site_time": timezone.now().isoformat()}),
        (Action.RUN_STEP, "post", "/lots", {"lots": [{"code": "NEW", "material": "T-RAW"}]}),
    ]
    for action, method, path, body in operations:
        response = send(api, method, path, body)
        assert response.status_code < 500 and response.status_code != 404, (path, response.content)
        refused = response.status_code == 403 and response.json()["code"] == "not_permitted"
        assert refused == (role not in MATRIX[action]), (role, path, response.content)


def test_objects_of_another_site_do_not_exist(plant: Plant, lot: Lot, hold_lot: int) -> None:
    other = make_plant()
    publish(other)
    user = other.operator
    for role in Membership.Role.values:
        Membership.objects.get_or_create(user=user, site=other.site, role=role)
    api = ApiClient(other.site, user)
    for _, method, path, body in requests_on(plant, lot, hold_lot):
        response = send(api, method, path, body)
        assert response.status_code == 404, (path, response.content)
        assert response.json()["code"] == "not_found"
    values = {"readings": [reading(lot, "mixing.viscosity_pa_s", "5", "Pa.s")]}
    assert send(api, "post", "/submissions", values).status_code == 422
    child = {"code": "C", "material": "T-SLURRY", "inputs": [{"parent": lot.code, "quantity": 1}]}
    assert send(api, "post", "/lots", {"lots": [child]}).status_code == 409
    for path in ("/lots", "/holds", "/signals", "/charts"):
        assert api.get(path).json()["items"] == []


def test_key_says_why_it_does_not_open(plant: Plant) -> None:
    api = ApiClient(plant.site, plant.operator)
    assert api.get("/clock").status_code == 200
    unknown = Client().get(f"{BASE}/clock", HTTP_AUTHORIZATION="Bearer nonsense")
    assert unknown.status_code == 401 and unknown["WWW-Authenticate"] == "Bearer"
    now = timezone.now()
    for change, word in (({"key_expires_at": now}, "expired"), ({"retired_at": now}, "retired")):
        Source.objects.filter(pk=api.source.pk).update(**change)
        response = api.get("/clock")
        assert response.status_code == 401 and word in response.json()["message"]
        Source.objects.filter(pk=api.source.pk).update(**dict.fromkeys(change))
    User.objects.filter(pk=plant.operator.pk).update(is_active=False)
    assert api.get("/clock").status_code == 401


def test_key_without_membership_opens_nothing(plant: Plant) -> None:
    api = ApiClient(plant.site, plant.operator)
    Membership.objects.filter(user=plant.operator).update(retired_at=timezone.now())
    response = api.get("/lots")
    assert response.status_code == 403 and response.json()["code"] == "not_permitted"


def signed_in(user: object) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[arg-type]
    return client


def test_session_submits_with_its_csrf_token_only(plant: Plant, lot: Lot) -> None:
    plant.start(lot, "mixing")
    client = signed_in(plant.operator)
    body = {"readings": [reading(lot, "mixing.viscosity_pa_s", "5", "Pa.s")]}
    headers: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "k1"}
    without = client.post(f"{BASE}/submissions", body, "application/json", **headers)
    assert without.status_code == 403
    assert not Source.objects.filter(code__startswith="web:").exists()
    client.cookies["csrftoken"] = "a" * 32
    headers["HTTP_X_CSRFTOKEN"] = "a" * 32
    assert client.post(f"{BASE}/submissions", body, "application/json", **headers).status_code == 201
    again = client.post(f"{BASE}/submissions", body, "application/json", **headers)
    assert again.status_code == 200
    source = Source.objects.get(code=f"web:{plant.operator.username}")
    assert (source.site_id, source.user_id, source.key_hash) == (plant.site.pk, plant.operator.pk, "")


def test_form_post_with_a_session_is_answered_not_crashed(plant: Plant) -> None:
    client = signed_in(plant.operator)
    response = client.post(f"{BASE}/clock", {"site_time": "x", "csrfmiddlewaretoken": "a" * 32})
    assert response.status_code in {400, 403}


def test_member_of_two_sites_works_at_the_one_chosen_or_named(plant: Plant) -> None:
    second = make_plant()
    Membership.objects.create(user=plant.operator, site=second.site, role="operator")
    first, other = sorted((plant.site.code, second.site.code))
    client = signed_in(plant.operator)
    assert client.get(f"{BASE}/clock").json()["site"] == first
    named = client.get(f"{BASE}/clock", HTTP_X_HALITE_SITE=other)
    assert named.json()["site"] == other
    assert client.get(f"{BASE}/clock", HTTP_X_HALITE_SITE=make_plant().site.code).status_code == 403


def test_clock_of_a_simulated_site_runs_forward_only() -> None:
    plant = make_plant(simulated=True)
    api = ApiClient(plant.site, make_user(plant.site, Membership.Role.EQUIPMENT))
    later = timezone.now() + timedelta(hours=5)
    set_to = api.post("/clock", {"site_time": later.isoformat()})
    assert set_to.status_code == 200 and set_to.json()["simulated"] is True
    assert api.get("/clock").json()["site_time"] >= later.strftime("%Y-%m-%dT%H:%M:%S")
    back = api.post("/clock", {"site_time": timezone.now().isoformat()})
    assert back.status_code == 409 and "forward" in back.json()["message"]


def test_clock_of_a_real_site_is_never_set(plant: Plant) -> None:
    api = ApiClient(plant.site, make_user(plant.site, Membership.Role.EQUIPMENT))
    response = api.post("/clock", {"site_time": (timezone.now() + timedelta(hours=1)).isoformat()})
    assert response.status_code == 409
    plant.site.refresh_from_db()
    assert plant.site.clock_offset_s == 0
