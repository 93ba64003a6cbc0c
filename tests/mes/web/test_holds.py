"""Holds and their dispositions through the page: evidence, containment, decision, signature."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import Hold, HoldLot, Lot, RouteStep
from lots.queries import active_holds
from quality.actions.hold import hold_by_hand
from quality.actions.taking import Input
from quality.containment import recount
from quality.models import Disposition, Signature
from quality.models import Disposition as D
from tests.support.builders import PASSWORD, Plant, add_line, make_plant, make_user, publish, specify
from tests.support.frozen_chart import ChartedPlant, frozen_plant
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]
SOLIDS = "mixing.solids_pct"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    add_line(plant, SOLIDS)
    specify(plant, SOLIDS, lsl="64", usl="66")
    publish(plant)
    return plant


@pytest.fixture
def client(plant: Plant) -> Client:
    return signed_in(plant.engineer)


def page_of(hold: Hold) -> str:
    return reverse("web:hold", args=[hold.pk])


def held(plant: Plant, lot: Lot, from_mm: int | None = None, to_mm: int | None = None) -> Hold:
    extent = HeldExtent(lot.pk, from_mm, to_mm)
    return hold_by_hand([extent], site=plant.site, reason="scratch", user=plant.operator, now=timezone.now())


def defective(plant: Plant) -> tuple[Lot, Hold]:
    lot = plant.lot()
    plant.start(lot, "mixing")
    plant.submit([plant.reading(SOLIDS, "67.5", lot)])
    return lot, Hold.objects.get(source=Hold.Source.DEFECT, site=plant.site)


def form(hold: Hold, **fields: Any) -> dict[str, Any]:
    still_open = HoldLot.objects.filter(hold=hold, disposition_id__isnull=True)
    shown = {"scope": "all", "seen": still_open.count(), "seen_to": still_open.latest("pk").pk}
    return {**shown, "decision": "release", "reason": "re-measured", "password": PASSWORD, **fields}


def refused(client: Client, hold: Hold, words: str, **fields: Any) -> None:
    """The page says why, and nothing has changed."""
    before = active_holds(hold.members.values_list("lot_id", flat=True)).count()
    answer = client.post(page_of(hold), form(hold, **fields))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Nothing was decided" in page
    assert words in page
    assert active_holds(hold.members.values_list("lot_id", flat=True)).count() == before
    assert not Disposition.objects.exists()
    assert not Signature.objects.exists()


def test_hold_of_another_site_does_not_exist(plant: Plant) -> None:
    hold = held(plant, plant.lot())
    stranger = signed_in(make_plant().engineer)
    assert stranger.get(page_of(hold)).status_code == 404
    assert stranger.post(page_of(hold), form(hold)).status_code == 404
    assert stranger.get(reverse("web:hold_recount", args=[hold.pk])).status_code == 404
    assert active_holds([hold.members.get().lot_id]).exists()


def test_page_shows_the_value_the_limits_and_where_they_come_from(
    client: Client, plant: Plant, django_assert_max_num_queries: Queries
) -> None:
    lot, hold = defective(plant)
    with django_assert_max_num_queries(30):
        page = client.get(page_of(hold)).content.decode()
    for words in (
        "67.5",
        "Above USL",
        "Assumption",
        hold.defects.get().requirement.code,
        lot.code,
        "1 directly",
    ):
        assert words in page, words


def test_page_costs_the_same_for_one_lot_and_for_forty(
    client: Client, plant: Plant, django_assert_max_num_queries: Queries
) -> None:
    parent = plant.lot("T-RAW")
    for _ in range(40):
        plant.lot(inputs=[Input(parent=parent.code, quantity=1)])
    hold = held(plant, parent)
    with django_assert_max_num_queries(30):
        page = client.get(page_of(hold)).content.decode()
    assert "41 lots: 1 directly, 40 inherited" in page


def test_page_of_a_signal_leads_to_its_point_and_requirement() -> None:
    charted: ChartedPlant = frozen_plant()
    hold = charted.signal()
    page = signed_in(charted.plant.engineer).get(page_of(hold)).content.decode()
    point = charted.points()[13]
    assert f"{reverse('web:chart', args=[charted.chart.pk])}?point={point.pk}" in page
    assert reverse("web:requirement", args=[charted.line.requirement.code]) in page
    assert charted.batches[-2].code in page  # the neighbour before


def test_recount_walks_the_raw_links(client: Client, plant: Plant) -> None:
    parent = plant.lot("T-RAW")
    child = plant.lot(inputs=[Input(parent=parent.code, quantity=1)])
    plant.run(child, "mixing", [plant.reading(SOLIDS, "65", child)])
    grandchild = plant.lot("T-ROLL", inputs=[Input(parent=child.code, quantity=1)])
    plant.lot("T-RAW")
    hold = held(plant, parent)
    assert recount(hold).reached == {parent.pk, child.pk, grandchild.pk}
    page = client.get(reverse("web:hold_recount", args=[hold.pk])).content.decode()
    assert "<b>3 of 3</b>" in page


def test_recount_follows_intervals_only_where_they_overlap(plant: Plant) -> None:
    roll = plant.lot("T-RAW", quantity=100, length_mm=100_000)
    near, far = (
        plant.lot("T-SLIT", length_mm=50_000, inputs=[Input(roll.code, 50, from_mm=a, to_mm=b)])
        for a, b in ((0, 50_000), (50_000, 100_000))
    )
    hold = held(plant, roll, 10_000, 20_000)
    assert recount(hold).reached == {roll.pk, near.pk}
    assert far.pk not in recount(hold).held


def test_recount_says_which_lot_a_hold_misses(client: Client, plant: Plant) -> None:
    parent = plant.lot("T-RAW")
    child = plant.lot(inputs=[Input(parent=parent.code, quantity=1)])
    # As if the walk that placed it had missed the child.
    hold = Hold.objects.create(site=plant.site, source="manual", reason="x", placed_at=timezone.now())
    HoldLot.objects.create(hold=hold, lot=parent)
    assert recount(hold).missing == {child.pk}
    page = client.get(reverse("web:hold_recount", args=[hold.pk])).content.decode()
    assert "<b>1 of 2</b>" in page
    assert child.code in page


def test_release_says_what_the_lot_may_do_now(client: Client, plant: Plant) -> None:
    lot = plant.lot()
    hold = held(plant, lot)
    answer = client.post(page_of(hold), form(hold), follow=True)
    page = answer.content.decode()
    assert not active_holds([lot.pk]).exists()
    assert "Next: Mixing" in page
    assert "Nothing keeps it" in page
    signature = Disposition.objects.get().signature
    assert signature.printed_name in page
    assert "Disposition: Release" in page


def test_page_after_release_still_names_what_keeps_the_lot(client: Client, plant: Plant) -> None:
    lot = plant.lot()
    hold, other = held(plant, lot), held(plant, lot)
    page = client.post(page_of(hold), form(hold), follow=True).content.decode()
    assert "What still keeps it" in page
    assert page_of(other) in page


def test_wrong_password_changes_nothing(client: Client, plant: Plant) -> None:
    refused(client, held(plant, plant.lot()), "That is not your password", password="wrong")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"decision": ""}, "Choose one"),
        ({"reason": " "}, "Say why"),
        ({"decision": "rework"}, "Name the step"),
        ({"decision": "concession"}, "Say how much"),
        ({"decision": "concession", "concession_quantity": "two"}, "is not a number"),
        ({"decision": "concession", "concession_quantity": "5"}, "Say until when"),
        (
            {"decision": "concession", "concession_quantity": "5", "concession_expires_at": "soon"},
            "not a date",
        ),
        ({"scope": "chosen"}, "Tick the lots"),
        ({"scope": "chosen", "member": "1"}, "not members of this hold"),
        ({"seen": "7"}, "members changed"),
        ({"seen_to": ""}, "members changed"),
    ],
)
def test_refusals_are_said_in_words(client: Client, plant: Plant, fields: dict[str, str], words: str) -> None:
    refused(client, held(plant, plant.lot()), words, **fields)


def test_only_the_chosen_lots_are_released(client: Client, plant: Plant) -> None:
    parent = plant.lot("T-RAW")
    child = plant.lot(inputs=[Input(parent=parent.code, quantity=1)])
    hold = held(plant, parent)
    member = hold.members.get(lot=child)
    client.post(page_of(hold), form(hold, scope="chosen", member=str(member.pk)))
    assert [row.lot_id for row in active_holds([parent.pk, child.pk])] == [parent.pk]


def test_rework_names_its_step(client: Client, plant: Plant) -> None:
    hold = held(plant, plant.lot())
    step = RouteStep.objects.get(route__product_revision=plant.product, step__code="mixing")
    client.post(page_of(hold), form(hold, decision="rework", rework_from=str(step.pk)))
    assert Disposition.objects.get().rework_from == step


def test_concession_is_bounded_in_site_time(client: Client, plant: Plant) -> None:
    hold = held(plant, plant.lot())
    until = (timezone.now() + timedelta(days=2)).strftime("%Y-%m-%dT12:00")
    client.post(
        page_of(hold),
        form(hold, decision="concession", concession_quantity="5", concession_expires_at=until),
    )
    disposition = Disposition.objects.get()
    assert disposition.decision == D.Decision.CONCESSION
    expires = disposition.concession_expires_at
    assert expires is not None
    assert expires.hour in {10, 11}  # noon in Berlin


def test_scrap_ends_the_lot(client: Client, plant: Plant) -> None:
    lot = plant.lot()
    hold = held(plant, lot)
    page = client.post(page_of(hold), form(hold, decision="scrap"), follow=True).content.decode()
    assert "Scrapped: it moves no more." in page and "it may move" not in page
    lot.refresh_from_db()
    assert lot.state == Lot.State.SCRAPPED
    assert "it moves no more" in page


def test_operator_sees_who_decides_and_cannot(plant: Plant) -> None:
    hold = held(plant, plant.lot())
    operator = signed_in(plant.operator)
    page = operator.get(page_of(hold)).content.decode()
    assert f"A quality engineer decides: {plant.engineer.printed_name}" in page
    assert operator.post(page_of(hold), form(hold)).status_code == 403
    assert not Disposition.objects.exists()


def test_engineer_who_placed_the_hold_leaves_it_to_another(plant: Plant) -> None:
    engineer = make_user(plant.site, "quality_engineer")
    lot = plant.lot()
    hold = hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="scratch", user=engineer, now=timezone.now()
    )
    client = signed_in(engineer)
    assert "another quality engineer must decide" in client.get(page_of(hold)).content.decode()
    assert client.post(page_of(hold), form(hold)).status_code == 422
    assert active_holds([lot.pk]).exists()
