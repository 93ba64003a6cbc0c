"""Every place of the navigation is a page that answers and marks itself, also on an empty site."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from mes.web.navigation import NAVIGATION, Place
from tests.support.builders import make_plant
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
PLACES = [place for group in NAVIGATION for place in group.places]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_place_answers_and_is_marked_as_where_one_is(place: Place) -> None:
    client = signed_in(make_plant().engineer)

    response = client.get(reverse(place.url_name))

    assert response.status_code == 200
    marked = re.findall(
        r'<a class="sidenav__link" href="([^"]+)" aria-current="page"', response.content.decode()
    )
    assert marked == [reverse(place.url_name)]


def test_more_is_marked_where_the_place_stands_behind_it() -> None:
    client = signed_in(make_plant().engineer)
    marked = re.compile(r'sidenav__more"[^>]* aria-current="true"')

    assert marked.search(client.get(reverse("web:gauges")).content.decode())
    assert not marked.search(client.get(reverse("web:lots")).content.decode())


def test_bottom_bar_of_a_tablet_has_room_for_five_and_more() -> None:
    assert sum(place.near for place in PLACES) == 5
