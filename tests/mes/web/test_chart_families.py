"""Charts beyond Shewhart's as people see them: panels, parameters, the change behind a signal, freezing."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from quality.actions.draft_plan import approve_plan, change_line
from quality.models import ControlPlanLine
from spc.models import Chart, LimitRevision, Point, Signal
from tests.support.builders import PASSWORD, Plant, add_chart, make_plant, publish
from tests.support.web import signed_in
from tests.support.worked import SOLIDS, evaluate_all, frozen_chart, mixing_lot

pytestmark = pytest.mark.django_db
CUSUM = {
    "chart_family": "cusum",
    "rules": "beyond_limits",
    "parameters": "k=0.5 h=4 head_start=0 sigma=within",
}


@pytest.fixture
def plant() -> Plant:
    return make_plant()


def drift(plant: Plant, *values: str) -> None:
    for value in values:
        plant.submit([plant.reading(SOLIDS, value, mixing_lot(plant))])
    evaluate_all()


def test_chart_shows_both_sums_their_limits_and_the_parameters(plant: Plant) -> None:
    chart = frozen_chart(plant, **CUSUM, reaction="alert")
    drift(plant, "64.8", "65.5", "65.6")
    client = signed_in(plant.engineer)
    shown = client.get(reverse("web:chart_data", args=[chart.pk])).json()
    assert (shown["location_label"], shown["dispersion_label"], shown["unit"]) == (
        "Upper sum",
        "Lower sum",
        "σ",
    )
    assert shown["points"]["ucl"][-1] == 4.0 and shown["points"]["dlcl"][-1] == -4.0
    assert shown["points"]["v"][:10] == [None] * 10  # no sum before there are limits
    page = client.get(reverse("web:chart", args=[chart.pk])).content.decode()
    assert "Cumulative sums" in page and "head_start = 0" in page and "1 in 168" in page
    finds = reverse("web:chart_finds", args=[chart.pk])
    assert f'hx-get="{finds}"' in page
    found = client.get(finds).content.decode()
    assert "Shift of 1 sigma" in found and "after 8.4 points" in found  # Montgomery, table 9.3: h = 4
    signal = Signal.objects.filter(chart=chart, panel="location").latest("id")
    panel = client.get(reverse("web:chart_point", args=[chart.pk, signal.point_id])).content.decode()
    assert "probably began at point <b>22</b>" in panel and "upper sum" in panel


def test_sums_without_limits_say_why_nothing_is_drawn(plant: Plant) -> None:
    add_chart(plant, SOLIDS, **CUSUM)
    publish(plant)
    drift(plant, "64.8", "65.5")
    chart = Chart.objects.get()
    page = signed_in(plant.engineer).get(reverse("web:chart", args=[chart.pk])).content.decode()
    assert "Upper sum: drawn once there are limits, which come after 10 points; 2 so far." in page


def test_table_names_the_second_panel(plant: Plant) -> None:
    chart = frozen_chart(plant, **CUSUM)
    page = signed_in(plant.engineer).get(reverse("web:chart_table", args=[chart.pk])).content.decode()
    assert "Lower sum" in page and "Values in σ." in page


def test_freeze_page_says_why_readings_without_spread_give_no_limits(plant: Plant) -> None:
    add_chart(plant, SOLIDS, chart_family="ewma", rules="beyond_limits")
    publish(plant)
    drift(plant, *["65.0"] * 10)
    chart = Chart.objects.get(stream__plan__site=plant.site)
    client = signed_in(plant.process_engineer)
    page = client.get(reverse("web:chart_freeze", args=[chart.pk])).content.decode()
    assert "No estimate: phase 1 does not vary" in page
    drift(plant, "65.3")
    page = client.get(reverse("web:chart_freeze", args=[chart.pk])).content.decode()
    assert "No estimate" not in page and "Centre line" in page


def test_freeze_page_suggests_the_odd_reading_below_a_cusum_and_freezes_without_it(plant: Plant) -> None:
    add_chart(plant, SOLIDS, **CUSUM)
    publish(plant)
    drift(plant, *["64.9", "65.1", "65.0", "65.05"] * 3, "67.5", "65.0")
    chart = Chart.objects.get(stream__plan__site=plant.site)
    client = signed_in(plant.process_engineer)
    url = reverse("web:chart_freeze", args=[chart.pk])
    page = client.get(url).content.decode()
    assert page.count("<b>Suggested</b>") == 1 and "67.500 beyond" in page
    assert "1 of 14 in 2 passes" in page
    odd = Point.objects.get(chart=chart, sequence=12)
    answer = {"exclude": odd.pk, f"reason_{odd.pk}": "spilt", "reason": "stable", "password": PASSWORD}
    assert client.post(url, answer).status_code == 302
    revision = LimitRevision.objects.get(chart=chart, kind="frozen")
    assert revision.center == pytest.approx(sum([64.9, 65.1, 65.0, 65.05] * 3 + [65.0]) / 13)


def test_plan_shows_the_parameters_and_counts_the_false_alarms_of_the_family(plant: Plant) -> None:
    chart = frozen_chart(plant, **CUSUM)
    line = ControlPlanLine.objects.get(chart_plan=chart.stream.plan)
    client = signed_in(plant.process_engineer)
    page = client.get(reverse("web:plan", args=[line.revision_id])).content.decode()
    assert "k=0.5 h=4 head_start=0 sigma=within" in page
    assert f"{20 / 167.7:.2f}" in page  # 20 points in the week, one false alarm in 168
    change = {"chart_family": "xbar-r", "subgroup_by": "consecutive", "subgroup_size": "4", "parameters": ""}
    draft = change_line(
        line.revision,
        (SOLIDS, line.material.code if line.material else ""),
        change,
        change_reason="four at a time",
        user=plant.process_engineer,
        now=timezone.now(),
    )
    approve_plan(draft, user=plant.engineer, password=PASSWORD, now=timezone.now())
    page = client.get(reverse("web:plan", args=[draft.pk])).content.decode()
    # The new chart has no points yet; its readings come as those before: 20 in the week, so 5 points.
    assert f"{20 / 4 / 370.4:.2f}" in page
    form = client.get(reverse("web:plan_line", args=[line.revision_id, line.pk])).content.decode()
    assert 'value="k=0.5 h=4 head_start=0 sigma=within"' in form
    assert "decision interval in sigmas" in form


def test_chart_of_samples_is_refused_where_no_sample_size_is_recorded(plant: Plant) -> None:
    line = ControlPlanLine.objects.get(chart_plan=frozen_chart(plant, **CUSUM).stream.plan)
    change = {"chart_family": "p", "rules": "beyond_limits", "parameters": ""}
    client = signed_in(plant.process_engineer)
    form = client.get(reverse("web:plan_line", args=[line.revision_id, line.pk]))
    row = {**form.context["row"], **change, "change_reason": "count them"}
    answer = client.post(reverse("web:plan_line", args=[line.revision_id, line.pk]), row)
    page = answer.content.decode()
    assert answer.status_code == 422 and "is recorded without, being no proportion" in page


def test_limits_of_rare_events_are_drawn_between_the_events_too(plant: Plant) -> None:
    chart = frozen_chart(
        plant,
        values=["0", "0", "65", "0", "65"] * 5,
        chart_family="g",
        rules="beyond_limits",
        parameters="event=positive",
        phase1_subgroups=5,
        reaction="alert",
    )
    drift(plant, "65", "0", "0", "65", "0")
    shown = signed_in(plant.engineer).get(reverse("web:chart_data", args=[chart.pk])).json()
    points = shown["points"]
    assert shown["rare"] and points["v"][-1] is None and points["v"][-2] == 2.0
    assert points["ucl"][-1] == points["ucl"][-2] is not None


def test_signal_of_a_chart_without_memory_says_since_when(plant: Plant) -> None:
    """Twenty readings of phase 1, five more like them, then a step of 1.7 sigma that ends in a point far outside."""
    chart = frozen_chart(plant, rules="beyond_limits", reaction="alert")
    drift(plant, "65.1", "64.9", "65.0", "64.9", "65.1", *["65.3"] * 8, "65.7")
    client = signed_in(plant.engineer)
    signal = Signal.objects.filter(chart=chart, panel="location").latest("id")
    panel = client.get(reverse("web:chart_point", args=[chart.pk, signal.point_id])).content.decode()
    assert "Most likely since point <b>26</b>, +1.9 sigma" in panel
    drift(plant, *["65.1", "64.9"] * 8, "64.0")
    signal = Signal.objects.filter(chart=chart, panel="location").latest("id")
    panel = client.get(reverse("web:chart_point", args=[chart.pk, signal.point_id])).content.decode()
    assert "Since when? At this point" in panel


def test_freeze_page_advises_on_subgroups(plant: Plant) -> None:
    add_chart(plant, SOLIDS, chart_family="xbar-r", subgroup_by="consecutive", subgroup_size=2)
    publish(plant)
    for base in (650, 655, 647, 652, 644, 651, 657, 648, 653, 646):
        drift(plant, f"{base / 10}", f"{(base + 1) / 10}")
    chart = Chart.objects.get(stream__plan__site=plant.site)
    page = signed_in(plant.engineer).get(reverse("web:chart_freeze", args=[chart.pk])).content.decode()
    assert "<b>Means differ by more than the spread inside subgroups explains: use a between/within" in page
