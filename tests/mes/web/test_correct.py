"""The pages and the API by which a value is corrected and a point excluded."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lots.models import Lot, Measurement, Supersession
from lots.queries import current_measurements
from spc.models import Chart, PointExclusion
from spc.queries import current_points
from tests.support.api import ApiClient
from tests.support.builders import Plant, add_chart, make_plant, make_user, publish
from tests.support.worked import evaluate_all, mixing_lot

pytestmark = pytest.mark.django_db
SOLIDS = "mixing.solids_pct"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    add_chart(plant, SOLIDS)
    publish(plant)
    return plant


@pytest.fixture
def lot(plant: Plant) -> Lot:
    lot = mixing_lot(plant)
    at = timezone.now() - timedelta(minutes=5)
    plant.submit([plant.reading(SOLIDS, "56.2", lot, measured_at=at)])
    evaluate_all()
    return lot


def address(lot: Lot) -> str:
    row = current_measurements(Measurement.objects.filter(lot_id=lot.pk)).select_related("submission").get()
    return reverse("web:correct", args=[row.submission.uuid, row.sequence])


def test_operator_corrects_a_value_on_the_page(client: Client, plant: Plant, lot: Lot) -> None:
    client.force_login(plant.operator)
    lot_page = client.get(reverse("web:lot", args=[lot.code])).content.decode()
    assert address(lot) in lot_page
    form = client.get(address(lot))
    assert form.context["value"] == "56.2"
    sent = {
        "key": form.context["key"],
        "value": "65.2",
        "measured_at": form.context["measured_at"],
        "reason": "digits swapped",
        "action": "correct",
    }
    old = address(lot)
    assert client.post(old, sent).status_code == 302
    evaluate_all()
    assert client.post(old, sent).status_code == 302  # sent again: answered, not done again
    supersession = Supersession.objects.get()
    assert (supersession.reason, supersession.superseded_by) == ("digits swapped", plant.operator)
    chart = Chart.objects.get(stream__plan__site=plant.site)
    assert [point.statistic for point in current_points(chart.pk)] == [65.2]
    page = client.get(reverse("web:lot", args=[lot.code])).content.decode()
    assert "digits swapped" in page and "struck" in page
    assert "has superseded it already" in client.get(old).content.decode()


def test_refused_correction_keeps_what_was_typed(client: Client, plant: Plant, lot: Lot) -> None:
    client.force_login(plant.operator)
    answer = client.post(address(lot), {"key": "k1", "value": "6,5", "reason": "slip", "action": "correct"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "is not a decimal number" in page and 'value="6,5"' in page and "slip" in page
    assert not Supersession.objects.exists()


def test_other_sites_and_readers_cannot_correct(client: Client, plant: Plant, lot: Lot) -> None:
    stranger = make_plant()
    url = address(lot)
    client.force_login(stranger.operator)
    assert client.get(url).status_code == 404
    auditor = make_user(plant.site, "auditor")
    client.force_login(auditor)
    assert client.get(url).status_code == 403


def test_engineer_excludes_a_point_and_lets_it_count_again(client: Client, plant: Plant, lot: Lot) -> None:
    client.force_login(plant.engineer)
    chart = Chart.objects.get(stream__plan__site=plant.site)
    point = current_points(chart.pk).get()
    panel = client.get(reverse("web:chart_point", args=[chart.pk, point.pk])).content.decode()
    assert "Exclude the point" in panel
    client.post(
        reverse("web:chart_exclude", args=[chart.pk, point.pk]), {"excluded": "1", "reason": "sample spilt"}
    )
    assert PointExclusion.objects.get().reason == "sample spilt"
    current = current_points(chart.pk).get()
    panel = client.get(reverse("web:chart_point", args=[chart.pk, current.pk])).content.decode()
    assert "sample spilt" in panel and "Let the point count again" in panel
    assert client.get(reverse("web:chart_data", args=[chart.pk])).json()["points"]["excluded"] == [0]


def test_operator_may_not_exclude_a_point(client: Client, plant: Plant, lot: Lot) -> None:
    client.force_login(plant.operator)
    chart = Chart.objects.get(stream__plan__site=plant.site)
    point = current_points(chart.pk).get()
    url = reverse("web:chart_exclude", args=[chart.pk, point.pk])
    assert client.post(url, {"excluded": "1", "reason": "no"}).status_code == 403
    assert not PointExclusion.objects.exists()


def test_machine_corrects_and_withdraws_through_the_api(plant: Plant, lot: Lot) -> None:
    api = ApiClient(plant.site, plant.operator)
    row = current_measurements(Measurement.objects.filter(lot_id=lot.pk)).select_related("submission").get()
    path = f"/submissions/{row.submission.uuid}/measurements/{row.sequence}/correction"
    answer = api.post(path, {"value": "65.2", "reason": "digits swapped"}, key="c1")
    assert (answer.status_code, answer.json()["superseded"]) == (201, 1)
    assert api.post(path, {"value": "65.2", "reason": "digits swapped"}, key="c1").status_code == 200
    assert api.post(path, {"value": "65.3", "reason": "digits swapped"}, key="c1").status_code == 409
    again = api.post(path, {"value": "65.3", "reason": "no"}, key="c2")
    assert again.status_code == 409 and again.json()["problems"][0]["field"] == "measurement"
    path = f"/submissions/{answer.json()['submission']}/measurements/0/correction"
    same = api.post(path, {"value": "65.2", "reason": "no"}, key="c3")
    assert same.status_code == 422 and same.json()["problems"][0]["field"] == "value"
    assert api.post(path, {"reason": "wrong batch"}, key="c4").status_code == 201
    assert not current_measurements(Measurement.objects.filter(lot_id=lot.pk)).exists()
    assert api.post(path.replace("/0/", "/7/"), {"reason": "x"}, key="c5").status_code == 404


def test_a_correction_that_names_no_qualifier_leaves_the_value_censored(plant: Plant) -> None:
    lot = mixing_lot(plant)
    plant.submit([replace(plant.reading(SOLIDS, "0.5", lot), qualifier="<")])
    row = Measurement.objects.select_related("submission").get(lot_id=lot.pk)
    path = f"/submissions/{row.submission.uuid}/measurements/{row.sequence}/correction"
    api = ApiClient(plant.site, plant.operator)
    assert api.post(path, {"value": "0.6", "reason": "digits swapped"}, key="c1").status_code == 201
    made = current_measurements(Measurement.objects.filter(lot_id=lot.pk)).get()
    assert (made.qualifier, made.entered_text) == ("<", "0.6")
