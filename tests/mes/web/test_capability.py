"""The capability of a stream as people and machines read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from mes.pipeline import evaluate_chart
from spc.models import Chart
from tests.support.api import ApiClient
from tests.support.builders import add_chart, make_plant, publish, specify
from tests.support.charted import charted_plant
from tests.support.frozen_chart import VISCOSITY, ChartedPlant, frozen_plant, learning_plant
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]


@pytest.fixture
def charted() -> ChartedPlant:
    return frozen_plant()


def page_of(charted: ChartedPlant) -> str:
    url = reverse("web:capability", args=[charted.chart.pk])
    return signed_in(charted.plant.engineer).get(url).content.decode()


def test_page_says_what_it_used_and_warns_of_few_readings(
    charted: ChartedPlant, django_assert_max_num_queries: Queries
) -> None:
    client = signed_in(charted.plant.engineer)
    url = reverse("web:capability", args=[charted.chart.pk])
    client.get(url)
    with django_assert_max_num_queries(20):
        page = client.get(url).content.decode()
    assert "12 of 12 points" in page  # thirteen were plotted
    assert "1 point, excluded by decision" in page
    assert "Only 12 readings" in page
    assert "none: in control" in page
    for name in ("Cp", "Cpk", "Cpl", "Cpu", "Pp", "Ppk"):
        assert f'<th scope="row">{name}</th>' in page
    assert "undefined: needs both limits and a target" in page
    assert "Weibull" in page and "Johnson" in page
    assert 'id="capability-plot"' in page
    assert "<dt>Drift</dt>" in page and "none seen" in page


def test_indices_are_those_of_the_readings_without_the_excluded_one(charted: ChartedPlant) -> None:
    body = (
        ApiClient(charted.plant.site, charted.plant.engineer)
        .get(f"/charts/{charted.chart.pk}/capability")
        .json()
    )
    readings = [5.0, 5.1, 4.9, 5.0, 4.9, 5.0, 5.1, 5.0, 4.9, 5.0, 5.1, 5.0]
    mean = sum(readings) / 12
    sigma = (sum((x - mean) ** 2 for x in readings) / 11) ** 0.5
    study = body["study"]
    assert (study["n"], body["used"]["excluded_points"]) == (12, 1)
    assert study["indices"]["ppk"]["value"] == pytest.approx(min(mean - 2, 8 - mean) / (3 * sigma))
    assert study["indices"]["cpk"]["value"] == pytest.approx(
        min(mean - 2, 8 - mean) / (3 * study["sigma_within"])
    )
    assert study["indices"]["cpm"] is None
    assert study["ppm"]["observed"] == {"below_lsl": 0.0, "above_usl": 0.0, "total": 0.0}
    assert body["specification"] == {"lsl": 2.0, "usl": 8.0, "target": None}
    assert body["problem"] == ""


def test_a_signal_in_the_period_warns(charted: ChartedPlant) -> None:
    charted.signal()
    assert "The process was not in control: 1 point of the period signalled" in page_of(charted)


def test_provisional_limits_warn() -> None:
    assert "The limits are provisional" in page_of(learning_plant())


def test_a_stream_without_a_specification_says_so_on_page_and_api() -> None:
    plant = charted_plant()
    chart = Chart.objects.get(stream__plan__site=plant.site)
    page = signed_in(plant.engineer).get(reverse("web:capability", args=[chart.pk])).content.decode()
    assert "There are no specification limits" in page
    body = ApiClient(plant.site, plant.engineer).get(f"/charts/{chart.pk}/capability").json()
    assert body["study"] is None and "no specification limits" in body["problem"]


def test_capability_of_another_site_does_not_exist(charted: ChartedPlant) -> None:
    other = make_plant()
    assert (
        signed_in(other.engineer).get(reverse("web:capability", args=[charted.chart.pk])).status_code == 404
    )
    assert (
        ApiClient(other.site, other.engineer).get(f"/charts/{charted.chart.pk}/capability").status_code == 404
    )


def test_chart_specification_and_list_lead_to_it(charted: ChartedPlant) -> None:
    client = signed_in(charted.plant.engineer)
    chart = client.get(reverse("web:chart", args=[charted.chart.pk])).content.decode()
    assert reverse("web:capability", args=[charted.chart.pk]) in chart
    ranking = reverse("web:capability_ranking")
    specification = reverse("web:specification", args=[charted.line.specification_id])
    assert f"{ranking}?characteristic={VISCOSITY}" in client.get(specification).content.decode()
    assert ranking in client.get(reverse("web:charts")).content.decode()


def test_ranking_shows_the_least_capable_first_and_filters(charted: ChartedPlant) -> None:
    client = signed_in(charted.plant.engineer)
    url = reverse("web:capability_ranking")
    page = client.get(url)
    (row,) = page.context["page"].object_list
    assert row["n"] == 12 and row["small"]
    assert row["ppk"] == pytest.approx(13.0, rel=0.1)
    assert reverse("web:capability", args=[charted.chart.pk]) in page.content.decode()
    other = client.get(url, {"characteristic": "mixing.solids_pct"}).content.decode()
    assert "No stream matches" in other
    assert client.get(url, {"equipment": charted.plant.equipment["mixing"].code}).context["page"].object_list


def test_ranking_of_a_site_without_charts_says_so() -> None:
    page = signed_in(make_plant().engineer).get(reverse("web:capability_ranking")).content.decode()
    assert "No capability yet" in page


def test_ranking_costs_the_same_for_one_stream_and_for_many(django_assert_max_num_queries: Queries) -> None:
    plant = make_plant()
    codes = ("mixing.solids_pct", VISCOSITY, "mixing.temperature_c")
    for code in codes:
        specify(plant, code, lsl="1", usl="9")
        add_chart(plant, code)
    publish(plant)
    batch = plant.lot()
    plant.start(batch, "mixing")
    for i in range(12):
        plant.submit([plant.reading(code, f"5.{i % 3}", batch) for code in codes])
    for chart in Chart.objects.filter(stream__plan__site=plant.site):
        evaluate_chart(chart.pk, now=timezone.now())
    client = signed_in(plant.engineer)
    client.get(reverse("web:capability_ranking"))
    with django_assert_max_num_queries(14):
        assert len(client.get(reverse("web:capability_ranking")).context["page"].object_list) == 3
