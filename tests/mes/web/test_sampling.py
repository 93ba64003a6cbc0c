"""The sampling plan designer: plans side by side, their curves, and wishes that cannot be kept."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.builders import make_plant
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in(make_plant().process_engineer)


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_an_everyday_example_shows_the_standard_beside_the_smallest_plans(client: Client) -> None:
    words = text_of(client.get(reverse("web:sampling")).content.decode())
    assert "125 items: accept up to 3 defective" in words
    assert "80 items: accept up to 1 defective, reject from 3; else 80 more: accept up to 4 in both" in words
    assert "sigma inside the limit" in words
    assert "code letter K" in words


def test_each_plan_has_its_line_in_each_plot(client: Client) -> None:
    page = client.get(reverse("web:sampling")).content.decode()
    assert page.count("<polyline") == 3 * 5
    assert page.count('class="plot__mark"') == 2
    assert 'style="' not in page
    assert "NaN" not in page and "nan," not in page


def test_the_wish_of_the_address_is_the_one_answered(client: Client) -> None:
    page = client.get(
        reverse("web:sampling"),
        {"lot_size": "500", "aql": "2.5", "severity": "tightened", "good": "0.5", "bad": "10"},
    )
    words = text_of(page.content.decode())
    assert "Plans for 500 items a lot" in words
    assert "code letter H" in words and "50 items: accept up to 2 defective" in words


def test_a_plan_that_misses_a_risk_says_so(client: Client) -> None:
    words = text_of(client.get(reverse("web:sampling"), {"bad": "3"}).content.decode())
    assert "risks not kept" in words and "both risks kept" in words


def test_a_small_lot_is_inspected_whole(client: Client) -> None:
    words = text_of(client.get(reverse("web:sampling"), {"lot_size": "20"}).content.decode())
    assert "more than the lot has: inspect every item" in words


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"good": "5", "bad": "5.5"}, "1.3 times"),
        ({"lot_size": "1"}, "greater than or equal to 2"),
        ({"aql": "1.1"}, "Select a valid choice"),
        ({"good": "nan"}, "Enter a number"),
        ({"level": ""}, "required"),
    ],
)
def test_what_cannot_be_planned_says_why_and_shows_no_plan(
    client: Client, asked: dict[str, str], words: str
) -> None:
    page = client.get(reverse("web:sampling"), asked)
    assert page.status_code == 200
    assert words in page.content.decode() and "<polyline" not in page.content.decode()


def test_nobody_sees_it_without_signing_in() -> None:
    assert Client().get(reverse("web:sampling")).status_code == 302


def test_the_specifications_lead_to_it(client: Client) -> None:
    for page in ("web:plans", "web:specifications"):
        assert f'href="{reverse("web:sampling")}"' in client.get(reverse(page)).content.decode()
