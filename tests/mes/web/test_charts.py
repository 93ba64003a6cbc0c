"""Charts as people see them: list, data, points, causes, freezing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from mes.web.chart_json import comparable
from quality.actions.sign import verify
from quality.models import Signature
from spc.chart_view import chart_window
from spc.models import Chart, LimitRevision, Signal
from tests.support.builders import PASSWORD, add_chart, make_plant, make_user, publish
from tests.support.frozen_chart import ODD, ChartedPlant, frozen_plant, learning_plant
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]


@pytest.fixture
def charted() -> ChartedPlant:
    return frozen_plant()


@pytest.fixture
def client(charted: ChartedPlant) -> Client:
    return signed_in(charted.plant.engineer)


def url(name: str, charted: ChartedPlant, **more: int) -> str:
    return reverse(f"web:{name}", kwargs={"key": charted.chart.pk, **more})


def data(client: Client, charted: ChartedPlant, query: str = "") -> dict[str, Any]:
    return client.get(url("chart_data", charted) + query).json()


def test_charts_need_a_login(charted: ChartedPlant) -> None:
    answer = Client().get(reverse("web:charts"))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")


def test_chart_of_another_site_does_not_exist(charted: ChartedPlant) -> None:
    stranger = signed_in(make_plant().engineer)
    for name in ("chart", "chart_data", "chart_table", "chart_freeze"):
        assert stranger.get(url(name, charted)).status_code == 404
    assert charted.plant.equipment["mixing"].code not in stranger.get(reverse("web:charts")).content.decode()


def test_list_names_state_strata_and_last_value(client: Client, charted: ChartedPlant) -> None:
    page = client.get(reverse("web:charts")).content.decode()
    assert "Viscosity" in page
    assert charted.plant.equipment["mixing"].code in page
    assert "Frozen" in page
    assert "spark__line" in page


def test_list_filters_and_says_when_nothing_matches(client: Client, charted: ChartedPlant) -> None:
    assert (
        "Viscosity"
        in client.get(reverse("web:charts"), {"q": "viscosity", "state": "frozen"}).content.decode()
    )
    assert "No chart matches" in client.get(reverse("web:charts"), {"state": "ready"}).content.decode()


def test_list_of_a_site_without_charts_says_so() -> None:
    page = signed_in(make_plant().engineer).get(reverse("web:charts")).content.decode()
    assert "No charts yet" in page


def test_list_costs_the_same_for_one_chart_and_for_many(
    django_assert_max_num_queries: Queries,
) -> None:
    plant = make_plant()
    for code in ("mixing.solids_pct", "mixing.viscosity_pa_s", "mixing.temperature_c"):
        add_chart(plant, code)
    publish(plant)
    batch = plant.lot()
    plant.start(batch, "mixing")
    plant.submit(
        [
            plant.reading(code, "5", batch)
            for code in ("mixing.solids_pct", "mixing.viscosity_pa_s", "mixing.temperature_c")
        ]
    )
    client = signed_in(plant.engineer)
    with django_assert_max_num_queries(14):
        assert "3</b> charts" in client.get(reverse("web:charts")).content.decode()


def test_data_has_columns_limits_phase_breaks_and_excluded_points(
    client: Client, charted: ChartedPlant
) -> None:
    body = data(client, charted)
    points = body["points"]
    assert body["state"] == "frozen"
    assert points["v"][:5] == [5.0, 5.1, 4.9, 5.0, 7.5]
    assert points["lot"] == [batch.code for batch in charted.batches]
    assert points["excluded"] == [ODD]
    frozen = LimitRevision.objects.get(chart=charted.chart, kind="frozen")
    assert body["phase_breaks"][-1] == {"i": 12, "label": f"Limits r{frozen.number}"}
    assert points["cl"][-1] == pytest.approx(
        sum((5.0, 5.1, 4.9, 5.0, 4.9, 5.0, 5.1, 5.0, 4.9, 5.0, 5.1)) / 11
    )
    assert points["ucl"][0] is None  # no limits existed yet


def test_specification_limits_are_drawn_on_individuals_only(client: Client, charted: ChartedPlant) -> None:
    body = data(client, charted)
    assert (body["lsl"], body["usl"]) == (2.0, 8.0)
    charted.chart.stream.plan.family = "xbar-r"
    assert comparable(charted.chart, [charted.line]) is None


def test_moving_range_limit_at_its_natural_bound_is_not_drawn(client: Client, charted: ChartedPlant) -> None:
    assert not any(data(client, charted)["points"]["dlcl"] or [])


def test_signal_carries_rule_members_and_reaction(client: Client, charted: ChartedPlant) -> None:
    charted.signal()
    signals = [
        s for s in data(client, charted)["signals"] if s["panel"] == "location" and not s["provisional"]
    ]
    assert [(s["i"], s["rule"], s["members"], s["reaction"]) for s in signals] == [
        (13, "beyond_limits", [13], "hold")
    ]


def test_window_pages_back_and_cuts_patterns_at_its_edge(charted: ChartedPlant) -> None:
    chart = Chart.objects.select_related("state__limit_revision", "stream__plan").get(pk=charted.chart.pk)
    newest = chart_window(chart, limit=5)
    assert (newest.first_sequence, newest.total, len(newest.id)) == (8, 13, 5)
    older = chart_window(chart, before=newest.first_sequence, limit=5)
    assert older.first_sequence == 3
    assert older.id[-1] == charted.points()[7].pk
    assert chart_window(chart, before=0).id == []


def test_data_of_a_window_costs_a_fixed_number_of_queries(
    client: Client, charted: ChartedPlant, django_assert_max_num_queries: Queries
) -> None:
    charted.signal()
    data(client, charted)  # roles are remembered from here on
    with django_assert_max_num_queries(16):
        assert data(client, charted)["signals"]


def test_chart_page_shows_baseline_price_of_rules_capability_and_history(
    client: Client, charted: ChartedPlant, django_assert_max_num_queries: Queries
) -> None:
    with django_assert_max_num_queries(24):
        page = client.get(url("chart", charted)).content.decode()
    assert "mean moving range over d2" in page
    assert "about one false alarm in <b>217</b> points" in page
    for name in ("Cp", "Cpk", "Pp", "Ppk"):
        assert f"<dt>{name} " in page
    assert "twelve steady batches" in page
    assert charted.plant.process_engineer.printed_name in page
    assert charted.line.requirement.code in page


def test_capability_of_provisional_limits_says_learning() -> None:
    charted = learning_plant()
    page = signed_in(charted.plant.engineer).get(url("chart", charted)).content.decode()
    assert "These limits are provisional" in page
    assert "12 points, 10 needed" in page


def test_point_shows_reading_lot_rule_and_hold(client: Client, charted: ChartedPlant) -> None:
    hold = charted.signal()
    point = charted.points()[13]
    page = client.get(url("chart_point", charted, point=point.pk)).content.decode()
    assert charted.batches[-1].code in page
    assert "A point beyond a control limit" in page
    assert reverse("web:hold", args=[hold.pk]) in page
    assert charted.plant.operator.printed_name in page


def test_cause_is_recorded_once(client: Client, charted: ChartedPlant) -> None:
    charted.signal()
    signal = Signal.objects.get(chart=charted.chart, panel="location", provisional=False)
    address = url("chart_cause", charted, signal=signal.pk)
    refused = client.post(address, {"cause": " "}, headers={"HX-Request": "true"})
    assert refused.status_code == 422
    assert "say what caused it" in refused.content.decode()
    signal.refresh_from_db()
    assert signal.acknowledged_at is None
    page = client.post(address, {"cause": "wrong spindle"}, headers={"HX-Request": "true"}).content.decode()
    assert "wrong spindle" in page
    signal.refresh_from_db()
    assert (signal.cause, signal.acknowledged_by) == ("wrong spindle", charted.plant.engineer)
    assert client.post(address, {"cause": "again"}, headers={"HX-Request": "true"}).status_code == 422


def test_operator_may_look_and_not_judge(charted: ChartedPlant) -> None:
    charted.signal()
    operator = signed_in(charted.plant.operator)
    signal = Signal.objects.get(chart=charted.chart, panel="location", provisional=False)
    page = operator.get(url("chart_point", charted, point=signal.point_id)).content.decode()
    assert "assigns the cause" in page
    assert operator.post(url("chart_cause", charted, signal=signal.pk), {"cause": "x"}).status_code == 403
    assert operator.get(url("chart_freeze", charted)).status_code == 403


def test_table_lists_points_newest_first(client: Client, charted: ChartedPlant) -> None:
    page = client.get(url("chart_table", charted)).content.decode()
    assert page.index(charted.batches[-1].code) < page.index(charted.batches[0].code)
    assert "excluded" in page


class TestFreeze:
    @pytest.fixture
    def charted(self) -> ChartedPlant:
        return learning_plant()

    def post(self, client: Client, charted: ChartedPlant, **fields: str | list[str]) -> Any:
        form = {"reason": "steady", "password": PASSWORD, **fields}
        return client.post(url("chart_freeze", charted), form)

    def frozen(self, charted: ChartedPlant) -> bool:
        return LimitRevision.objects.filter(chart=charted.chart, kind="frozen").exists()

    def test_page_suggests_the_odd_point_and_ticks_nothing(
        self, client: Client, charted: ChartedPlant
    ) -> None:
        page = client.get(url("chart_freeze", charted)).content.decode()
        assert "<b>Suggested</b>: location" in page
        assert " checked" not in page

    def test_exclusion_needs_a_reason(self, client: Client, charted: ChartedPlant) -> None:
        points = charted.points()
        said, silent = points[ODD + 1], points[ODD]
        form = {"exclude": [str(said.pk), str(silent.pk)], f"reason_{said.pk}": "spindle"}
        answer = self.post(client, charted, **form)
        assert answer.status_code == 422
        words = f"Every excluded point needs a reason: give one for point {silent.sequence + 1}</span>"
        assert words in answer.content.decode()
        assert not self.frozen(charted)

    def test_wrong_password_freezes_nothing(self, client: Client, charted: ChartedPlant) -> None:
        answer = self.post(client, charted, password="wrong")
        assert answer.status_code == 422
        assert "That is not your password" in answer.content.decode()
        assert not self.frozen(charted)

    def test_reason_is_demanded(self, client: Client, charted: ChartedPlant) -> None:
        assert self.post(client, charted, reason=" ").status_code == 422
        assert not self.frozen(charted)

    def test_points_that_came_after_the_page_are_not_signed(
        self, client: Client, charted: ChartedPlant
    ) -> None:
        page = client.get(url("chart_freeze", charted)).content.decode()
        found = re.search(r'name="seen" value="([0-9.]+)"', page)
        assert found is not None
        charted.measure("5.3")
        assert self.post(client, charted, seen=found[1]).status_code == 302
        revision = LimitRevision.objects.get(chart=charted.chart, kind="frozen")
        shown = [point.sequence for point in charted.points()][:-1]
        assert sorted(revision.basis.values_list("point__sequence", flat=True)) == shown
        signature = Signature.objects.get(record_kind="limit_revision")
        signed = {"chart": charted.chart.pk, "excluded": {}, "reason": "steady", "basis": shown}
        signed |= {"center": repr(revision.center), "sigma": repr(revision.sigma)}
        assert verify(signature, signed)
        assert not verify(signature, signed | {"sigma": "0.1"})

    def test_points_that_were_corrected_after_the_page_are_looked_at_again(
        self, client: Client, charted: ChartedPlant
    ) -> None:
        page = client.get(url("chart_freeze", charted)).content.decode()
        found = re.search(r'name="seen" value="([0-9.]+)"', page)
        assert found is not None
        Chart.objects.filter(pk=charted.chart.pk).update(generation=2)  # a correction replayed it
        answer = self.post(client, charted, seen=found[1])
        assert answer.status_code == 422 and not self.frozen(charted)
        page = answer.content.decode()
        assert "these are the points now: look again" in page and 'name="seen" value="2.11"' in page

    def test_signed_limits_leave_the_excluded_point_out(self, client: Client, charted: ChartedPlant) -> None:
        key = charted.points()[ODD].pk
        answer = self.post(client, charted, exclude=str(key), **{f"reason_{key}": "spindle"})
        assert answer.status_code == 302
        revision = LimitRevision.objects.get(chart=charted.chart, kind="frozen")
        assert revision.made_by == charted.plant.engineer
        assert revision.center == pytest.approx(5.0)
        assert revision.basis.get(excluded=True).reason == "spindle"

    def test_too_few_points_are_refused(self) -> None:
        plant = make_plant()
        add_chart(plant, "mixing.viscosity_pa_s")
        publish(plant)
        batch = plant.lot()
        plant.start(batch, "mixing")
        plant.submit([plant.reading("mixing.viscosity_pa_s", "5", batch)])
        chart = Chart.objects.get(stream__plan__site=plant.site)
        page = signed_in(plant.engineer).get(reverse("web:chart_freeze", args=[chart.pk])).content.decode()
        assert "Phase 1 needs 10 points" in page


def test_reviewer_sees_charts_without_buttons_to_change_them(charted: ChartedPlant) -> None:
    reviewer = signed_in(make_user(charted.plant.site, "reviewer"))
    page = reviewer.get(url("chart", charted)).content.decode()
    assert "Freeze" not in page
