"""Specifications and control plans: limits, sources, shares, and the price of rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from quality.queries import lines_of_chart, out_of_specification, weekly_false_alarms
from spc.engine import Rule, average_run_length
from spc.models import Chart
from tests.support.builders import make_plant
from tests.support.frozen_chart import ChartedPlant, frozen_plant
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]


@pytest.fixture
def charted() -> ChartedPlant:
    return frozen_plant()


@pytest.fixture
def client(charted: ChartedPlant) -> Client:
    return signed_in(charted.plant.process_engineer)


def test_list_shows_limits_source_requirement_and_share(
    client: Client, charted: ChartedPlant, django_assert_max_num_queries: Queries
) -> None:
    charted.measure("9.5")
    with django_assert_max_num_queries(14):
        page = client.get(
            reverse("web:specifications"), {"q": charted.line.requirement.code}
        ).content.decode()
    assert "Assumption" in page
    assert charted.line.requirement.code in page
    assert "1 of 14" in page
    assert "7.14 %" in page


def test_share_counts_only_the_own_site(charted: ChartedPlant) -> None:
    charted.measure("9.5")
    elsewhere = make_plant().site
    assert out_of_specification(elsewhere, [charted.line.pk]) == {}
    share = out_of_specification(charted.plant.site, [charted.line.pk])[charted.line.pk]
    assert (share.judged, share.violating) == (14, 1)


def test_list_filters_by_source_and_says_when_nothing_matches(client: Client) -> None:
    page = client.get(reverse("web:specifications"), {"q": "nosuchthing"}).content.decode()
    assert "No specification matches" in page


def test_page_links_plan_chart_requirement_and_history(client: Client, charted: ChartedPlant) -> None:
    page = client.get(reverse("web:specification", args=[charted.line.specification_id])).content.decode()
    assert reverse("web:chart", args=[charted.chart.pk]) in page
    assert reverse("web:requirement", args=[charted.line.requirement.code]) in page
    assert reverse("web:plan", args=[charted.plant.plan.pk]) in page
    assert "LSL 2 " in page


def test_chart_is_judged_by_the_line_of_its_product_and_material(charted: ChartedPlant) -> None:
    chart = Chart.objects.select_related("stream__plan").get(pk=charted.chart.pk)
    assert lines_of_chart(chart, at=timezone.now()) == [charted.line]


def test_plan_page_prices_the_week_of_each_chart(
    client: Client, charted: ChartedPlant, django_assert_max_num_queries: Queries
) -> None:
    lines = list(charted.plant.plan.lines.all())
    expected = weekly_false_alarms(lines, charted.plant.site, now=timezone.now())
    rules = (Rule.BEYOND_LIMITS, Rule.RUN_ONE_SIDE)
    assert list(expected.values()) == [pytest.approx(13 / average_run_length(rules))]
    with django_assert_max_num_queries(14):
        page = client.get(reverse("web:plan", args=[charted.plant.plan.pk])).content.decode()
    assert "0.06" in page
    assert "9 in a row on one side of the centre line" in page


def test_plan_of_another_site_does_not_exist(charted: ChartedPlant) -> None:
    stranger = signed_in(make_plant().engineer)
    assert stranger.get(reverse("web:plan", args=[charted.plant.plan.pk])).status_code == 404
    assert charted.plant.product.product.code not in stranger.get(reverse("web:plans")).content.decode()
