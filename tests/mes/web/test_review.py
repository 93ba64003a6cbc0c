"""The review queue: everything that waits, each with the way to its evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from quality.actions.hold import hold_by_hand
from quality.models import Defect
from spc.models import Signal
from tests.support.builders import make_plant, publish
from tests.support.frozen_chart import frozen_plant
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]
REVIEW = "web:review"


def test_empty_queue_says_that_nothing_waits() -> None:
    client = signed_in(make_plant().engineer)
    page = client.get(reverse(REVIEW)).content.decode()
    assert "Nothing is held" in page
    assert "Every signal has a cause" in page
    assert "No defects" in page


def test_queue_groups_holds_and_leads_to_evidence(django_assert_max_num_queries: Queries) -> None:
    charted = frozen_plant()
    hold = charted.signal()
    charted.measure("9.5")  # out of specification
    client = signed_in(charted.plant.engineer)
    with django_assert_max_num_queries(25):
        page = client.get(reverse(REVIEW)).content.decode()
    assert page.index("Value out of specification") < page.index("Control chart signal")
    assert reverse("web:hold", args=[hold.pk]) in page
    signal = Signal.objects.filter(chart=charted.chart, provisional=False).latest("pk")
    assert f"{reverse('web:chart', args=[charted.chart.pk])}?point={signal.point_id}" in page
    defect = Defect.objects.get(site=charted.plant.site)
    assert reverse("web:requirement", args=[defect.requirement.code]) in page


def test_signal_with_a_cause_leaves_the_queue() -> None:
    charted = frozen_plant()
    charted.signal()
    Signal.objects.update(
        acknowledged_at=timezone.now(), acknowledged_by=charted.plant.engineer, cause="known"
    )
    client = signed_in(charted.plant.engineer)
    assert "Every signal has a cause" in client.get(reverse(REVIEW)).content.decode()


def test_queue_shows_no_other_site() -> None:
    other = make_plant()
    publish(other)
    lot = other.lot()
    hold_by_hand(
        [HeldExtent(lot.pk)], site=other.site, reason="elsewhere", user=other.operator, now=timezone.now()
    )
    client = signed_in(make_plant().engineer)
    assert "elsewhere" not in client.get(reverse(REVIEW)).content.decode()


def test_queue_does_not_grow_in_queries_with_its_length(django_assert_max_num_queries: Queries) -> None:
    charted = frozen_plant()
    for value in ("6.5", "3.1", "6.6"):
        charted.measure(value)
    client = signed_in(charted.plant.engineer)
    with django_assert_max_num_queries(25):
        page = client.get(reverse(REVIEW)).content.decode()
    assert page.count("Decide") >= 3
