"""The trace page and the ruler of a roll: metres, lanes, holds, signals and what was made from where."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import GenealogyLink, Lot
from mes.web.ruler import WIDTH, ruler_of
from quality.actions.hold import hold_by_hand
from quality.actions.produce import consume_into
from quality.actions.taking import Input
from spc.models import Point
from tests.support.api import ApiClient
from tests.support.builders import Plant, add_chart, make_gauge, make_plant, publish
from tests.support.web import signed_in
from tests.support.worked import evaluate_all

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    add_chart(plant, "coating.gap_um")
    publish(plant)
    return plant


@pytest.fixture
def roll(plant: Plant) -> Lot:
    return plant.lot("T-RAW", quantity=100, length_mm=100_000, lanes=2)


@pytest.fixture
def cells(plant: Plant, roll: Lot) -> list[Lot]:
    """Three cells: 0 to 10 m of lane 1, 0 to 10 m of lane 2, 50 to 60 m of both."""
    places = [(0, 1, 1), (0, 2, 2), (50_000, 1, 2)]
    return [
        plant.lot(
            "T-CELL",
            quantity=1,
            inputs=[
                Input(
                    parent=roll.code,
                    quantity=Decimal(10),
                    from_mm=at,
                    to_mm=at + 10_000,
                    lane_from=first,
                    lane_to=last,
                    uncertainty_mm=200,
                )
            ],
        )
        for at, first, last in places
    ]


@pytest.fixture
def client(plant: Plant) -> Client:
    return signed_in(plant.engineer)


def test_ruler_places_what_was_taken_and_what_is_held(plant: Plant, roll: Lot, cells: list[Lot]) -> None:
    hold_by_hand(
        [HeldExtent(roll.pk, 45_000, 52_000)],
        site=plant.site,
        reason="scratch",
        user=plant.operator,
        now=timezone.now(),
    )
    ruler = ruler_of(roll)
    assert ruler is not None
    assert [(part.code, part.x, part.width, part.y, part.height, part.held) for part in ruler.taken] == [
        (cells[0].code, 0, WIDTH / 10, 0, 30, False),
        (cells[1].code, 0, WIDTH / 10, 30, 30, False),
        (cells[2].code, WIDTH / 2, WIDTH / 10, 0, 60, True),
    ]
    assert [(part.x, part.width, part.words) for part in ruler.held] == [
        (450, pytest.approx(70), "held 45 to 52 m: scratch")
    ]
    assert [tick.label for tick in ruler.ticks] == [str(m) for m in range(0, 101, 10)]
    assert ruler_of(cells[0]) is None


def test_ruler_of_a_mother_roll_places_the_cells_of_the_rolls_made_from_it(plant: Plant, roll: Lot) -> None:
    """Metre 10 to 12 of a rewound half, which runs from 100 m back to 50 m in lane 2: 88 to 90 m."""
    wound = Input(
        parent=roll.code,
        quantity=Decimal(50),
        from_mm=50_000,
        to_mm=100_000,
        lane_from=2,
        lane_to=2,
        child_offset_mm=100_000,
        scale=Decimal(-1),
    )
    half = plant.lot("T-RAW", quantity=50, length_mm=50_000, lanes=1, inputs=[wound])
    piece = Input(parent=half.code, quantity=Decimal(2), from_mm=10_000, to_mm=12_000)
    cell = plant.lot("T-CELL", quantity=1, inputs=[piece])
    hold_by_hand(
        [HeldExtent(cell.pk)], site=plant.site, reason="bent tab", user=plant.operator, now=timezone.now()
    )
    ruler = ruler_of(roll)
    assert ruler is not None
    (drawn,) = ruler.cells
    assert (drawn.code, drawn.x, drawn.width, drawn.y, drawn.height, drawn.held) == (
        cell.code,
        880,
        20,
        37.5,
        15,
        True,
    )
    assert drawn.words == f"{cell.code}, by way of {half.code}: 88 to 90 m"


def test_signals_are_marked_at_their_metre_and_over_the_whole_roll(
    plant: Plant, client: Client, django_assert_max_num_queries: Queries
) -> None:
    """A reading at 120 m of 240 signals in the middle; one that names no metre, over the whole length."""
    coated = plant.lot("T-ROLL", quantity=240, length_mm=240_000, lanes=2)
    plant.start(coated, "coating")
    calm = [
        plant.reading("coating.gap_um", gap, coated, roll_position_mm=at * 10_000)
        for at, gap in enumerate(("199", "201") * 6)
    ]
    plant.submit(calm)
    evaluate_all()
    plant.submit([plant.reading("coating.gap_um", "260", coated, roll_position_mm=120_000)])
    plant.submit([plant.reading("coating.gap_um", "140", coated)])
    evaluate_all()
    with django_assert_max_num_queries(6):
        ruler = ruler_of(coated)
    assert ruler is not None
    assert {(part.x, part.width, part.words) for part in ruler.signals} == {
        (WIDTH / 2, 3, "Coating gap, 120 m: a point beyond a control limit"),
        (0, WIDTH, "Coating gap, whole roll: a point beyond a control limit"),
    }
    page = client.get(reverse("web:lot_trace", args=[coated.code])).content.decode()
    for part in ruler.signals:
        link = f"{reverse('web:chart', args=[part.key])}?point={part.code}"
        assert page.count(link) == 2 and f">{part.words}</a>" in page, "a mark and a line in words"
        point = Point.objects.get(pk=part.code)
        assert point.signals.exists() and point.chart_id == part.key
    other = plant.lot("T-ROLL", quantity=240, length_mm=240_000)
    unmarked = ruler_of(other)
    assert unmarked is not None and unmarked.signals == ()


@pytest.mark.parametrize(
    ("length_mm", "last"), [(7, "0.007"), (1_000, "1"), (1_234_567, "1200"), (10**9, "1e+06")]
)
def test_ruler_has_round_ticks_at_any_length(plant: Plant, length_mm: int, last: str) -> None:
    ruler = ruler_of(plant.lot("T-RAW", quantity=5_000_000, length_mm=length_mm))
    assert ruler is not None and 5 <= len(ruler.ticks) <= 13
    assert ruler.ticks[-1].label == last and ruler.ticks[-1].x <= WIDTH


def test_page_answers_which_cells_an_interval_became(client: Client, roll: Lot, cells: list[Lot]) -> None:
    url = reverse("web:lot_trace", args=[roll.code])
    everything = client.get(url).content.decode()
    assert "<b>3 lots</b>" in everything and "ruler__taken" in everything
    part = client.get(url, {"from_m": "49", "to_m": "51"})
    assert [node["code"] for node in part.context["nodes"]] == [cells[2].code]
    assert "<b>1 lot</b>" in part.content.decode()
    near = client.get(url, {"from_m": "10.1", "to_m": "10.15"})  # within the uncertainty of the cut
    assert {node["code"] for node in near.context["nodes"]} == {cells[0].code, cells[1].code}
    document = client.get(url, {"from_m": "49", "to_m": "51", "format": "json"}).json()
    assert document["interval_mm"] == [49_000, 51_000]


def test_command_traces_an_interval_either_way(
    plant: Plant, roll: Lot, capsys: pytest.CaptureFixture[str]
) -> None:
    half = Input(
        parent=roll.code, quantity=Decimal(50), from_mm=50_000, to_mm=100_000, child_offset_mm=-50_000
    )
    piece = plant.lot("T-RAW", quantity=50, length_mm=50_000, lanes=2, inputs=[half])
    call_command("trace", piece.code, from_m=10.0, to_m=11.0)
    nodes = {node["code"]: node["intervals_mm"] for node in json.loads(capsys.readouterr().out)["nodes"]}
    assert nodes == {piece.code: [[10_000, 11_000]], roll.code: [[60_000, 61_000]]}
    with pytest.raises(CommandError, match="is 50 m long"):
        call_command("trace", piece.code, forward=True, from_m=10.0, to_m=60.0)


def test_what_only_a_voided_link_reaches_is_shown_as_voided(
    plant: Plant, client: Client, roll: Lot, cells: list[Lot]
) -> None:
    """The last cell was booked at 50 to 60 m, and belongs to 70 to 80 m: it is still of the roll, not of metre 55."""
    wrong = GenealogyLink.objects.filter(child=cells[2])
    wrong.update(voided_at=timezone.now(), voided_by=plant.engineer, void_reason="wrong metres")
    right = Input(parent=roll.code, quantity=Decimal(10), from_mm=70_000, to_mm=80_000)
    consume_into(right, cells[2], user=plant.operator, now=timezone.now())
    url, api = reverse("web:lot_trace", args=[roll.code]), ApiClient(plant.site, plant.operator)

    def voided(**interval: str) -> dict[str, bool]:
        nodes = client.get(url, {**interval, "format": "json"}).json()["nodes"]
        answer = api.get(f"/lots/{roll.code}/trace", **interval).json()
        shown = {node["code"]: node["voided"] for node in nodes if node["code"] != roll.code}
        lots = {node["code"]: node["voided"] for node in answer["lots"] if node["code"] != roll.code}
        assert shown == lots
        return shown

    assert voided() == {cell.code: False for cell in cells}
    assert voided(from_m="54", to_m="56") == {cells[2].code: True}
    assert voided(from_m="74", to_m="76") == {cells[2].code: False}
    page = client.get(url, {"from_m": "54", "to_m": "56"}).content.decode()
    assert "Voided links, no longer in force" in page and f"{roll.code} &rarr; {cells[2].code}" in page
    row = page.split(f">{cells[2].code}</a>")[1].split("</td>")[0]
    assert "Voided" in row
    ruler = ruler_of(roll)
    assert ruler is not None and [part.x for part in ruler.taken] == [0, 0, 700]
    graph = client.get(reverse("web:lot_genealogy", args=[roll.code])).json()
    assert sorted(link["voided"] for link in graph["links"]) == [False, False, False, True]
    back = client.get(reverse("web:lot_trace", args=[cells[2].code]), {"format": "json"}).json()
    assert [(link["parent_mm"], link["voided"]) for link in back["links"]] == [
        ([50_000, 60_000], True),
        ([70_000, 80_000], False),
    ]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"from_m": "x", "to_m": "2"}, "Give both ends as numbers"),
        ({"from_m": "5"}, "Give both ends as numbers"),
        ({"from_m": "90", "to_m": "101"}, "must lie on the roll: 0 to 100 m"),
    ],
)
def test_impossible_interval_is_explained(
    client: Client, roll: Lot, asked: dict[str, str], words: str
) -> None:
    answer = client.get(reverse("web:lot_trace", args=[roll.code]), asked)
    assert answer.status_code == 422 and words in answer.content.decode()


def test_cell_resolves_to_the_metres_gauges_and_revisions_behind_it(plant: Plant, client: Client) -> None:
    coated = plant.lot("T-ROLL", quantity=240, length_mm=240_000, lanes=2)
    gauge = make_gauge(plant, "gap gauge")
    plant.start(coated, "coating")
    for at in (1_000, 120_000):
        reading = plant.reading("coating.gap_um", "200", coated, gauge=gauge.code, roll_position_mm=at)
        plant.submit([reading])
    evaluate_all()
    found = (
        ApiClient(plant.site, plant.operator).get(f"/lots/{coated.code}/trace", direction="backward").json()
    )
    (node,) = found["lots"]
    assert node["gauges"] == [gauge.code]
    assert node["product"] == str(plant.product) and node["order"] == plant.order.code and node["recipe"]
    assert node["steps"][0]["equipment"] == plant.equipment["coating"].code


def test_lot_page_of_a_roll_shows_the_ruler(client: Client, roll: Lot, cells: list[Lot]) -> None:
    page = client.get(reverse("web:lot", args=[roll.code])).content.decode()
    assert "ruler__drawing" in page and reverse("web:lot_trace", args=[roll.code]) in page
    assert "ruler__drawing" not in client.get(reverse("web:lot", args=[cells[0].code])).content.decode()
