"""Who gets in, where they land, and what they are told when they may not."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from lots.models import Membership
from tests.support.builders import PASSWORD, Plant, make_plant, make_site, make_user
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    return make_plant()


def log_in(client: Client, username: str, password: str = PASSWORD):
    return client.post(reverse("login"), {"username": username, "password": password})


def test_an_operator_lands_at_the_station_and_an_engineer_at_the_line(plant: Plant) -> None:
    assert log_in(Client(), plant.operator.username)["Location"] == reverse("web:station")
    assert log_in(Client(), plant.engineer.username)["Location"] == reverse("web:line")


def test_a_wrong_password_is_refused_in_words(plant: Plant) -> None:
    answer = log_in(Client(), plant.operator.username, "wrong")
    assert answer.status_code == 200
    assert "do not match" in answer.content.decode()


def test_many_wrong_passwords_lock_this_user_here_and_say_for_how_long(plant: Plant) -> None:
    client = Client()
    for _ in range(10):
        answer = log_in(client, plant.operator.username, "wrong")
    assert answer.status_code == 429
    assert "Wait five minutes" in answer.content.decode()
    assert log_in(client, plant.operator.username).status_code == 429
    assert log_in(client, plant.engineer.username).status_code == 302


def test_a_password_never_comes_back_in_the_page(plant: Plant) -> None:
    assert "s3cret-typo" not in log_in(Client(), plant.operator.username, "s3cret-typo").content.decode()


def test_logging_out_needs_a_post(plant: Plant) -> None:
    client = signed_in(plant.operator)
    assert client.get(reverse("web:logout")).status_code == 405
    assert client.post(reverse("web:logout"))["Location"] == reverse("web:login")
    assert client.get(reverse("web:line")).status_code == 302


@pytest.mark.parametrize("name", ["line", "line_board", "station", "lots", "upload"])
def test_pages_need_a_login(name: str) -> None:
    answer = Client().get(reverse(f"web:{name}"))
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{reverse('login')}?next=")


def test_a_lost_session_sends_the_whole_page_to_the_login_and_back(plant: Plant) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/station/A-1/?x=1"}
    answer = Client().get(reverse("web:line_board"), headers=headers)
    assert answer["HX-Redirect"] == "/login/?next=/station/A-1/%3Fx%3D1"


def test_somebody_without_a_role_is_told_whom_to_ask(plant: Plant) -> None:
    Membership.objects.filter(user=plant.operator).update(retired_at=plant.order.opened_at)
    answer = signed_in(plant.operator).get(reverse("web:line"))
    assert answer.status_code == 403
    assert "ask an administrator" in answer.content.decode()


def test_an_unknown_page_and_another_sites_lot_look_alike(plant: Plant) -> None:
    other = make_plant().lot()
    client = signed_in(plant.operator)
    for path in (
        "/nothing/",
        reverse("web:lot", args=[other.code]),
        reverse("web:station_lot", args=[other.code]),
    ):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "There is nothing here" in answer.content.decode()


def test_a_person_of_two_sites_chooses_between_them(plant: Plant) -> None:
    other = make_site()
    Membership.objects.create(user=plant.operator, site=other, role=Membership.Role.OPERATOR)
    client = signed_in(plant.operator)
    assert client.post(reverse("web:switch_site"), {"site": other.code}).status_code == 302
    assert client.get(reverse("web:line")).context["site"] == other


def test_a_site_of_others_cannot_be_chosen(plant: Plant) -> None:
    client = signed_in(plant.operator)
    assert client.post(reverse("web:switch_site"), {"site": make_site().code}).status_code == 403
    assert client.get(reverse("web:line")).context["site"] == plant.site


def test_an_auditor_sees_but_cannot_start_anything(plant: Plant) -> None:
    client = signed_in(make_user(plant.site, Membership.Role.AUDITOR))
    lot = plant.lot()
    assert client.get(reverse("web:lot", args=[lot.code])).status_code == 200
    answer = client.post(reverse("web:station_start", args=[lot.code]), {"step": "mixing"})
    assert answer.status_code == 403
    assert "You may not do this" in answer.content.decode()
    assert not lot.executions.exists()
