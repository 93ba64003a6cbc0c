"""Reactions act: tightened sampling asks for more and ends, a stop keeps lots from starting until it is lifted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from lots.models import Equipment, Lot
from lots.queries import active_holds
from mes.pipeline import evaluate_chart
from quality.actions.dispose import Ruling, dispose
from quality.actions.draft_plan import change_line
from quality.actions.end_reaction import EndingRefused, end_tightening, lift_stop
from quality.actions.gate import GateRefused
from quality.actions.run_step import start_step
from quality.actions.sign import SignatureRefused, sign
from quality.actions.tighten import good_in_a_row
from quality.blockers import Code
from quality.gates import can_leave, can_proceed
from quality.models import Disposition, ReactionFiring, StreamStop, Tightening
from quality.permissions import NotPermitted
from quality.plan_table import PlanRefused
from tests.support.api import ApiClient
from tests.support.builders import PASSWORD
from tests.support.frozen_chart import VISCOSITY, ChartedPlant, frozen_plant
from tests.support.web import field, signed_in

pytestmark = pytest.mark.django_db
FAR_OUT = "6.5"


@pytest.fixture
def tightened() -> ChartedPlant:
    """One value is planned; a signal asks for three until two subgroups in a row are good."""
    charted = frozen_plant(reaction="tighten", required_count=1, tighten_factor=3, good_to_relax=2)
    charted.measure(FAR_OUT)
    return charted


@pytest.fixture
def stopped() -> ChartedPlant:
    charted = frozen_plant(reaction="stop", stratify="equipment product recipe")
    charted.measure(FAR_OUT)
    return charted


def signed(charted: ChartedPlant, **more: object) -> dict[str, Any]:
    fields = {
        "reason": "spindle replaced",
        "user": charted.plant.engineer,
        "password": PASSWORD,
        "now": timezone.now(),
    }
    return fields | more


def codes(blockers: list[Any]) -> set[Code]:
    return {blocker.code for blocker in blockers}


def test_tightened_sampling_is_asked_of_lots_that_start_then_and_demanded_by_the_gate(
    tightened: ChartedPlant,
) -> None:
    plant = tightened.plant
    signalled = tightened.batches[-1]
    lot = tightened.measure("5.0")
    page = signed_in(plant.operator).get(reverse("web:station_lot", args=[lot.code])).content.decode()
    assert "1 of 3 recorded" in page and "Tightened sampling: 3 values" in page
    assert field(VISCOSITY, 1) in page and field(VISCOSITY, 2) not in page
    for batch in (signalled, lot):
        plant.finish(batch.executions.get())
    assert Code.MISSING not in codes(can_leave(signalled, now=timezone.now()))
    (missing,) = [b for b in can_leave(lot, now=timezone.now()) if b.code == Code.MISSING]
    assert "1 of 3 values" in missing.message
    assert not active_holds([signalled.pk]).exists()


def test_good_subgroups_in_a_row_end_it_and_a_signal_starts_the_count_anew(tightened: ChartedPlant) -> None:
    tightening = Tightening.objects.get()
    tightened.measure("5.0")
    assert good_in_a_row(tightening) == 1
    tightened.measure(FAR_OUT)
    assert good_in_a_row(tightening) == 0
    assert Tightening.objects.count() == 1
    tightened.measure("5.0")
    tightening.refresh_from_db()
    assert tightening.ended_at is None
    tightened.measure("5.0")
    tightening.refresh_from_db()
    assert tightening.ended_at is not None and tightening.end_reason == "2 good subgroups in a row"
    assert tightening.ended_by is None
    later = tightened.plant.lot()
    run = tightened.plant.start(later, "mixing")
    page = signed_in(tightened.plant.operator).get(reverse("web:station_lot", args=[later.code]))
    assert "0 of 1 recorded" in page.content.decode()
    assert run.started_at > tightening.ended_at


def test_a_signature_ends_it_once_and_only_with_a_reason(tightened: ChartedPlant) -> None:
    tightening = Tightening.objects.get()
    with pytest.raises(NotPermitted):
        end_tightening(tightening, **signed(tightened, user=tightened.plant.operator))
    with pytest.raises(EndingRefused, match="reason"):
        end_tightening(tightening, **signed(tightened, reason=" "))
    with pytest.raises(SignatureRefused):
        end_tightening(tightening, **signed(tightened, password="guess"))
    ended = end_tightening(tightening, **signed(tightened))
    assert (ended.ended_by, ended.end_reason) == (tightened.plant.engineer, "spindle replaced")
    with pytest.raises(EndingRefused, match="ended already"):
        end_tightening(tightening, **signed(tightened))
    tightened.measure(FAR_OUT)
    assert Tightening.objects.filter(ended_at__isnull=True).count() == 1


@pytest.mark.parametrize(
    ("characteristic", "words"),
    [
        ("coating.loading_mean_mg_cm2", "it is computed"),
        ("formation.cutoffs_reached", "once in each cycle"),
        ("dry_room.frost_point_c", "air is measured all the time"),
    ],
)
def test_what_cannot_be_asked_for_more_often_cannot_be_tightened(
    tightened: ChartedPlant, characteristic: str, words: str
) -> None:
    line = {
        "frequency": "each",
        "chart_family": "imr",
        "subgroup_by": "reading",
        "rules": "beyond_limits",
        "reaction": "tighten",
    }
    plant = tightened.plant
    with pytest.raises(PlanRefused) as caught:
        change_line(
            plant.plan,
            (characteristic, ""),
            line,
            change_reason="x",
            user=plant.process_engineer,
            now=timezone.now(),
        )
    assert [words in problem.message for problem in caught.value.problems] == [True]
    with pytest.raises(PlanRefused) as caught:
        change_line(
            plant.plan,
            ("mixing.solids_pct", ""),
            {"frequency": "each", "reaction": "stop"},
            change_reason="x",
            user=plant.process_engineer,
            now=timezone.now(),
        )
    assert "give the line a chart" in caught.value.problems[0].message


def test_a_stop_contains_and_keeps_lots_from_starting_on_the_machine(stopped: ChartedPlant) -> None:
    plant = stopped.plant
    stop = StreamStop.objects.get()
    assert stop.equipment == plant.equipment["mixing"]
    assert active_holds([stopped.batches[-1].pk]).exists()
    lot = plant.lot()
    (blocker,) = [b for b in can_proceed(lot, "mixing", now=timezone.now()) if b.code == Code.STOPPED]
    assert (blocker.kind, blocker.key) == ("stop", stop.pk)
    assert "Viscosity" in blocker.message and "quality engineer" in blocker.message
    with pytest.raises(GateRefused, match="lift the stop"):
        plant.start(lot, "mixing")
    page = signed_in(plant.operator).get(reverse("web:station_lot", args=[lot.code])).content.decode()
    assert f"{reverse('web:reactions')}#stop-{stop.pk}" in page


def test_another_machine_still_runs_and_no_machine_named_is_refused(stopped: ChartedPlant) -> None:
    plant = stopped.plant
    mixer = plant.equipment["mixing"]
    other = Equipment.objects.create(site=plant.site, code="MIXING-2", name="Mixer 2", step=mixer.step)
    part = Equipment.objects.create(
        site=plant.site, code="MIXING-1A", name="Bowl", step=mixer.step, parent=mixer
    )
    lot = plant.lot()
    assert Code.STOPPED not in codes(can_proceed(lot, "mixing", now=timezone.now()))
    page = signed_in(plant.operator).get(reverse("web:station_lot", args=[lot.code])).content.decode()
    assert "Start on MIXING-2" in page and "Start on MIXING-1" not in page
    assert "Not offered, because it is stopped" in page
    for machine in (None, mixer, part):
        with pytest.raises(GateRefused, match="lift the stop"):
            start_step([lot], "mixing", user=plant.operator, equipment=machine, now=timezone.now())
    start_step([lot], "mixing", user=plant.operator, equipment=other, now=timezone.now())


def test_only_a_quality_engineer_lifts_a_stop_with_reason_and_password(stopped: ChartedPlant) -> None:
    plant, stop = stopped.plant, StreamStop.objects.get()
    with pytest.raises(NotPermitted):
        lift_stop(stop, **signed(stopped, user=plant.process_engineer))
    with pytest.raises(EndingRefused, match="reason"):
        lift_stop(stop, **signed(stopped, reason=""))
    with pytest.raises(SignatureRefused):
        lift_stop(stop, **signed(stopped, password="guess"))
    lot = plant.lot()
    assert Code.STOPPED in codes(can_proceed(lot, "mixing", now=timezone.now()))
    lift_stop(stop, **signed(stopped))
    assert plant.start(lot, "mixing").equipment == stop.equipment
    assert active_holds([stopped.batches[-1].pk]).exists()
    with pytest.raises(EndingRefused, match="lifted already"):
        lift_stop(stop, **signed(stopped))


def test_the_database_lets_nobody_else_lift_a_stop(stopped: ChartedPlant) -> None:
    stop = StreamStop.objects.get()
    own = sign(
        user=stopped.plant.process_engineer,
        password=PASSWORD,
        meaning="lifted",
        record_kind="stream_stop",
        record_id="1",
        content={},
        now=timezone.now(),
    )
    lifted = {"lifted_at": timezone.now(), "lifted_by": stopped.plant.process_engineer, "lift_signature": own}
    with pytest.raises(DatabaseError, match="lifted by a quality engineer"), transaction.atomic():
        StreamStop.objects.filter(pk=stop.pk).update(**lifted)
    lift_stop(stop, **signed(stopped))
    with pytest.raises(DatabaseError, match="set already"), transaction.atomic():
        StreamStop.objects.filter(pk=stop.pk).update(lift_reason="another")


def test_a_second_signal_adds_no_second_stop_and_each_firing_says_what_it_did() -> None:
    charted = frozen_plant(reaction="stop", stratify="equipment product recipe")
    before, after = charted.plant.lot(), charted.plant.lot()
    for lot in (before, after):  # both run before the stream stops
        charted.plant.start(lot, "mixing")
    for lot in (before, after):
        charted.plant.submit([charted.plant.reading(VISCOSITY, FAR_OUT, lot)])
        evaluate_chart(charted.chart.pk, now=timezone.now())
    did = list(ReactionFiring.objects.filter(reaction="stop").order_by("pk").values_list("did", flat=True))
    assert len(did) == 2 and did[0].startswith("held ") and did[0].endswith("and stopped the stream")
    assert did[1].endswith("the stream was stopped already")
    assert StreamStop.objects.count() == 1
    echoes = ReactionFiring.objects.exclude(reaction="stop").filter(signal__provisional=False)
    assert set(echoes.values_list("did", flat=True)) <= {"alerted; nothing was held"}


def test_the_page_lists_what_fired_and_lifts_and_ends(
    stopped: ChartedPlant, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    plant, stop = stopped.plant, StreamStop.objects.get()
    engineer = signed_in(plant.engineer)
    with django_assert_max_num_queries(16):
        page = engineer.get(reverse("web:reactions")).content.decode()
    assert f'id="stop-{stop.pk}"' in page and "stopped the stream" in page
    assert "Lift the stop" not in signed_in(plant.operator).get(reverse("web:reactions")).content.decode()
    assert "Stopped." in engineer.get(reverse("web:line")).content.decode()
    url = reverse("web:stop_lift", args=[stop.pk])
    assert signed_in(plant.operator).post(url).status_code == 403
    answer = engineer.post(url, {"reason": "checked", "password": "guess"}, follow=True)
    assert "Not lifted. That is not your password" in answer.content.decode()
    page = engineer.post(url, {"reason": "checked", "password": PASSWORD}, follow=True).content.decode()
    assert "Nothing is stopped" in page and "Stops lifted" in page
    assert "Stopped." not in engineer.get(reverse("web:line")).content.decode()
    assert (
        "No reaction has fired"
        in engineer.get(reverse("web:reactions"), {"reaction": "contain"}).content.decode()
    )


def test_the_page_ends_a_tightening(tightened: ChartedPlant) -> None:
    engineer = signed_in(tightened.plant.process_engineer)
    assert "0 of 2" in engineer.get(reverse("web:reactions")).content.decode()
    url = reverse("web:tightening_end", args=[Tightening.objects.get().pk])
    page = engineer.post(url, {"reason": "ok", "password": PASSWORD}, follow=True).content.decode()
    assert "Every stream is sampled as planned" in page


def test_a_disposed_hold_does_not_lift_the_stop(stopped: ChartedPlant) -> None:
    lot: Lot = stopped.batches[-1]
    members = [member.pk for member in active_holds([lot.pk])]
    dispose(
        members,
        Ruling(decision=Disposition.Decision.RELEASE, reason="measured again"),
        site=stopped.plant.site,
        user=stopped.plant.engineer,
        password=PASSWORD,
        now=timezone.now(),
    )
    assert Code.STOPPED in codes(can_proceed(stopped.plant.lot(), "mixing", now=timezone.now()))


def test_stops_and_tightenings_by_the_api(stopped: ChartedPlant) -> None:
    plant, stop = stopped.plant, StreamStop.objects.get()
    api = ApiClient(plant.site, plant.engineer)
    (listed,) = api.get("/stops", in_force="true").json()["items"]
    assert listed["id"] == stop.pk and listed["equipment"] == "MIXING-1" and "Viscosity" in listed["reason"]
    body = {"reason": "spindle replaced", "password": PASSWORD}
    path = f"/stops/{stop.pk}/lift"
    assert ApiClient(plant.site, plant.process_engineer).post(path, body).status_code == 403
    assert api.post(path, body | {"password": "guess"}).status_code == 403
    lifted = api.post(path, body).json()
    assert lifted["lifted_by"] == plant.engineer.username and lifted["lift_reason"] == "spindle replaced"
    assert api.post(path, body).status_code == 409
    assert api.get("/stops", in_force="true").json()["items"] == []


def test_a_tightening_by_the_api_says_how_far_it_is(tightened: ChartedPlant) -> None:
    api = ApiClient(tightened.plant.site, tightened.plant.process_engineer)
    tightened.measure("5.0")
    key = Tightening.objects.get().pk
    shown = api.get(f"/tightenings/{key}").json()
    assert (shown["factor"], shown["good"], shown["good_needed"]) == (3, 1, 2)
    body = {"reason": "stable", "password": PASSWORD}
    assert api.post(f"/tightenings/{key}/end", body | {"reason": " "}).status_code == 409
    assert api.post(f"/tightenings/{key}/end", body).json()["end_reason"] == "stable"
    assert api.get(f"/tightenings/{key}").json()["good"] is None
