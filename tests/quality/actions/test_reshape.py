"""Rolls are cut, spliced, rewound and trimmed; metres map back, shares are exact, the route goes on."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.genealogy import trace
from lots.models import Lot
from lots.queries import active_holds
from quality.actions.gate import GateRefused
from quality.actions.hold import hold_by_hand
from quality.actions.reshape import Piece, ReshapeRefused, cut, rewind, splice
from quality.actions.taking import Input, ProductionRefused
from quality.containment import recount
from quality.gates import can_proceed, next_step
from tests.support.api import ApiClient
from tests.support.builders import Plant, add_line, make_plant, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    add_line(plant, "coating.gap_um")
    publish(plant)
    return plant


def coated(plant: Plant, *, quantity: str = "100", length_mm: int = 100_000) -> Lot:
    """A mother roll that has coating behind it."""
    roll = plant.lot("T-ROLL", quantity=Decimal(quantity), length_mm=length_mm, lanes=2)  # type: ignore[arg-type]
    plant.run(roll, "coating", [plant.reading("coating.gap_um", "200", roll)])
    return roll


def rewound(plant: Plant, roll: Lot) -> Lot:
    return rewind(roll, plant.code("RW"), user=plant.operator, now=timezone.now())


def joined(plant: Plant, rolls: list[Lot], overlap_mm: int = 0) -> Lot:
    return splice(rolls, plant.code("SP"), overlap_mm=overlap_mm, user=plant.operator, now=timezone.now())


def pieces(
    plant: Plant, roll: Lot, *ends: int, scrap: frozenset[int] = frozenset(), **more: object
) -> list[Lot]:
    wanted = [
        Piece(plant.code("PC"), start, end, scrap=number in scrap)
        for number, (start, end) in enumerate(zip((0, *ends), (*ends, roll.length_mm or 0), strict=True))
    ]
    return cut(roll, wanted, user=plant.operator, now=timezone.now(), **more)  # type: ignore[arg-type]


def stretches(lot: Lot, *, of: Lot, from_mm: int, to_mm: int) -> tuple[tuple[int, int], ...]:
    """What of `lot` the interval of `of` became."""
    found = trace(of.pk, forward=True, from_mm=from_mm, to_mm=to_mm)
    return next((node.intervals_mm for node in found.nodes if node.lot_id == lot.pk), ())


def test_rewinding_turns_the_metres_round(plant: Plant) -> None:
    roll = coated(plant)
    new = rewound(plant, roll)
    assert (new.length_mm, new.quantity, new.lanes) == (100_000, 100, 2)
    assert stretches(new, of=roll, from_mm=0, to_mm=10_000) == ((90_000, 100_000),)
    again = rewound(plant, new)
    assert stretches(again, of=roll, from_mm=0, to_mm=10_000) == ((0, 10_000),)
    roll.refresh_from_db()
    assert roll.state == Lot.State.CONSUMED


def test_splice_puts_rolls_behind_each_other_and_knows_its_place_to_the_overlap(plant: Plant) -> None:
    one, two = coated(plant, length_mm=60_000), coated(plant, length_mm=40_000)
    new = joined(plant, [one, two], overlap_mm=200)
    assert (new.length_mm, new.quantity) == (99_800, 200)
    assert stretches(new, of=one, from_mm=10_000, to_mm=20_000) == ((10_000, 20_000),)
    assert stretches(new, of=two, from_mm=10_000, to_mm=20_000) == ((69_600, 80_000),)


def test_pieces_keep_exact_shares_that_add_up(plant: Plant) -> None:
    roll = coated(plant, quantity="100.001", length_mm=3_000)
    made = pieces(plant, roll, 1_000, 2_000)
    assert [lot.quantity for lot in made] == [Decimal("33.333"), Decimal("33.333"), Decimal("33.335")]
    assert [lot.length_mm for lot in made] == [1_000, 1_000, 1_000]
    assert stretches(made[1], of=roll, from_mm=1_500, to_mm=1_600) == ((500, 600),)


def test_trimmed_ends_are_scrap_with_codes_of_their_own(plant: Plant) -> None:
    roll = coated(plant)
    start, kept, end = pieces(plant, roll, 2_000, 95_000, scrap=frozenset({0, 2}), reason="start-up and tail")
    assert [lot.state for lot in (start, kept, end)] == ["scrapped", "active", "scrapped"]
    assert start.movements.get(kind="scrap").reason == "start-up and tail"
    with pytest.raises(GateRefused):
        rewound(plant, start)


def test_new_roll_goes_on_where_the_old_one_stood(plant: Plant) -> None:
    roll = coated(plant)
    assert next_step(roll).step.code == "drying"  # type: ignore[union-attr]
    new = rewound(plant, pieces(plant, roll, 50_000)[0])
    assert next_step(new).step.code == "drying"  # type: ignore[union-attr]
    assert can_proceed(new, "drying", now=timezone.now()) == []
    plant.run(new, "drying")
    assert next_step(new).step.code == "calendering"  # type: ignore[union-attr]


def test_splice_goes_on_only_where_both_parts_stood(plant: Plant) -> None:
    one, two = coated(plant), coated(plant)
    plant.run(one, "drying")
    new = joined(plant, [one, two])
    assert next_step(new).step.code == "drying"  # type: ignore[union-attr]


def test_missing_value_is_not_left_behind_by_cutting(plant: Plant) -> None:
    roll = plant.lot("T-ROLL", quantity=100, length_mm=100_000, lanes=2)
    execution = plant.start(roll, "coating")
    with pytest.raises(GateRefused, match="not finished"):
        pieces(plant, roll, 50_000)
    plant.finish(execution)
    with pytest.raises(GateRefused, match="0 of 1 values"):
        pieces(plant, roll, 50_000)


def test_held_roll_and_held_part_are_not_reshaped(plant: Plant) -> None:
    roll, whole = coated(plant), coated(plant)
    for extent in (HeldExtent(roll.pk, 10_000, 20_000), HeldExtent(whole.pk)):
        hold_by_hand([extent], site=plant.site, reason="scratch", user=plant.operator, now=timezone.now())
    for held in (roll, whole):
        with pytest.raises(GateRefused, match="scratch"):
            rewound(plant, held)
        with pytest.raises(GateRefused, match="scratch"):
            joined(plant, [held, coated(plant)])


def test_good_metres_of_a_roll_with_a_held_part_may_be_used(plant: Plant) -> None:
    """And the held ones may not, to the uncertainty of the cut."""
    foil = plant.lot("T-RAW", quantity=100, length_mm=100_000)
    hold_by_hand(
        [HeldExtent(foil.pk, 10_000, 20_000)],
        site=plant.site,
        reason="scratch",
        user=plant.operator,
        now=timezone.now(),
    )

    def take(from_mm: int, to_mm: int) -> Lot:
        item = Input(parent=foil.code, quantity=Decimal(1), from_mm=from_mm, to_mm=to_mm, uncertainty_mm=100)
        return plant.lot("T-CELL", quantity=1, inputs=[item])

    free = take(30_000, 40_000)
    assert not active_holds([free.pk]).exists()
    for from_mm, to_mm in ((15_000, 16_000), (0, 9_901), (20_099, 21_000)):
        with pytest.raises(GateRefused, match=r"10 to 20 m"):
            take(from_mm, to_mm)
    assert not active_holds([take(20_100, 21_000).pk]).exists()
    with pytest.raises(GateRefused, match="scratch"):
        plant.lot("T-CELL", quantity=1, inputs=[Input(parent=foil.code, quantity=Decimal(1))])


def test_hold_on_metres_follows_them_through_every_map(plant: Plant) -> None:
    roll = coated(plant)
    left, right = pieces(plant, roll, 50_000, uncertainty_mm=10)
    new = joined(plant, [rewound(plant, right), left])
    hold = hold_by_hand(
        [HeldExtent(roll.pk, 60_000, 61_000)],
        site=plant.site,
        reason="found late",
        user=plant.operator,
        now=timezone.now(),
    )
    member = hold.members.get(lot=new)
    # 60 to 61 m are 10 to 11 m of the right piece ± 10 mm, and 39 to 40 m when it is wound the other way round.
    assert (member.from_mm, member.to_mm) == (38_990, 40_010)
    assert not hold.members.filter(lot=left).exists()
    assert recount(hold).agrees


@pytest.mark.parametrize(
    ("ends", "message"),
    [((60_000, 50_000), "without gap or overlap"), ((100_000,), "without gap or overlap")],
)
def test_pieces_that_do_not_cover_the_roll_are_refused(
    plant: Plant, ends: tuple[int, ...], message: str
) -> None:
    roll = coated(plant)
    with pytest.raises(ReshapeRefused, match=message):
        pieces(plant, roll, *ends)
    with pytest.raises(ReshapeRefused, match="reason: say why"):
        pieces(plant, roll, 50_000, scrap=frozenset({1}))
    with pytest.raises(ReshapeRefused, match="two or more different rolls"):
        joined(plant, [roll, roll])
    with pytest.raises(ReshapeRefused, match="shorter than every roll"):
        joined(plant, [roll, coated(plant, length_mm=500)], overlap_mm=500)
    with pytest.raises(ProductionRefused, match="used before"):
        rewind(roll, roll.code, user=plant.operator, now=timezone.now())
    roll.refresh_from_db()
    assert roll.state == Lot.State.ACTIVE


def test_rolls_are_reshaped_through_the_api_once(plant: Plant) -> None:
    api = ApiClient(plant.site, plant.operator)
    roll = coated(plant)
    body = {
        "roll": roll.code,
        "pieces": [
            {"code": "A-1", "from_mm": 0, "to_mm": 99_000},
            {"code": "A-2", "from_mm": 99_000, "to_mm": 100_000, "scrap": True},
        ],
        "reason": "tail",
    }
    first = api.post("/rolls/cut", body, key="k1")
    assert first.status_code == 201, first.content
    assert [(lot["code"], lot["state"]) for lot in first.json()["lots"]] == [
        ("A-1", "active"),
        ("A-2", "scrapped"),
    ]
    assert api.post("/rolls/cut", body, key="k1").json() == first.json()
    assert api.post("/rolls/rewind", {"roll": "A-1", "code": "A-1R"}, key="k2").status_code == 201
    other = coated(plant)
    spliced = api.post(
        "/rolls/splice", {"rolls": ["A-1R", other.code], "code": "B-1", "overlap_mm": 50}, key="k3"
    )
    assert spliced.status_code == 201 and spliced.json()["lots"][0]["length_mm"] == 198_950
    refused = api.post("/rolls/cut", body | {"roll": "B-1"}, key="k4")
    assert refused.status_code == 409 and refused.json()["problems"][0]["field"] == "pieces"
