"""A concession of so much: no more is taken of it, and what is larger goes nowhere until that was split off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import GenealogyLink, Lot
from quality.actions.dispose import DispositionRefused, Ruling, dispose
from quality.actions.gate import GateRefused
from quality.actions.hold import hold_by_hand
from quality.actions.reshape import Piece, cut, rewind, splice
from quality.actions.taking import Input
from quality.gates import can_leave, can_proceed
from quality.models import Disposition
from tests.support.builders import PASSWORD, Plant, make_plant, publish

pytestmark = pytest.mark.django_db
D = Disposition.Decision
Kind = GenealogyLink.Kind


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


def decide(
    plant: Plant,
    lots: Sequence[Lot],
    quantity: str = "",
    *,
    decision: Disposition.Decision = D.CONCESSION,
    extent: tuple[int, int] | None = None,
    days: int = 1,
    later: timedelta = timedelta(),
) -> None:
    """Hold the lots (`extent`: of the roll) and decide so about them; what was made of them stays held."""
    now = timezone.now() + later
    extents = [HeldExtent(lot.pk, *(extent or (None, None))) for lot in lots]
    hold = hold_by_hand(extents, site=plant.site, reason="too wet", user=plant.operator, now=now)
    conceded = decision == D.CONCESSION
    ruling = Ruling(
        decision,
        "good enough for this",
        concession_quantity=Decimal(quantity) if conceded else None,
        concession_expires_at=now + timedelta(days=days) if conceded else None,
    )
    if decision == D.REWORK:
        ruling = replace(ruling, rework_from=plant.product.route.steps.get(step__code="mixing"))
    keys = list(hold.members.filter(lot__in=lots).values_list("pk", flat=True))
    dispose(keys, ruling, site=plant.site, user=plant.engineer, password=PASSWORD, now=now)


def take(plant: Plant, lot: Lot, quantity: str, **more: object) -> Lot:
    return plant.lot(inputs=[Input(parent=lot.code, quantity=Decimal(quantity), **more)])  # type: ignore[arg-type]


def codes(lot: Lot, later: timedelta = timedelta()) -> list[str]:
    lot.refresh_from_db()
    return [blocker.code.value for blocker in can_leave(lot, now=timezone.now() + later)]


def test_no_more_is_taken_than_was_conceded(plant: Plant) -> None:
    raw = plant.raw(quantity=1_000)
    take(plant, raw, "100")  # before anything was wrong: counts against nothing
    decide(plant, [raw], "5")
    assert codes(raw) == ["conceded_in_part"]
    (blocker,) = can_leave(raw, now=timezone.now())
    assert (
        blocker.message == "only 5 kg of it were conceded; take that out, or hold the rest and decide again"
    )
    with pytest.raises(GateRefused, match=r"5\.001 kg of .* wanted; 5 kg were conceded, 0 of them"):
        take(plant, raw, "5.001")
    part = take(plant, raw, "3")
    assert can_proceed(part, "mixing", now=timezone.now()) == []
    take(plant, raw, "2")
    with pytest.raises(GateRefused, match="5 of them taken since; have more conceded"):
        take(plant, raw, "0.001")
    decide(plant, [raw], "895")  # the latest counts, and from when it was signed: all that is left
    assert codes(raw) == []
    take(plant, raw, "895")


def test_step_starts_only_where_all_was_conceded_or_it_is_worked_again(plant: Plant) -> None:
    short, whole = plant.lot(), plant.lot()
    decide(plant, [short], "99.999")
    decide(plant, [whole], "100")
    found = can_proceed(short, "mixing", now=timezone.now())
    assert [blocker.code.value for blocker in found] == ["conceded_in_part"]
    assert can_proceed(whole, "mixing", now=timezone.now()) == []
    decide(plant, [short], decision=D.REWORK, later=timedelta(seconds=1))
    assert can_proceed(short, "mixing", now=timezone.now()) == []


def test_release_of_another_hold_does_not_enlarge_it_and_a_decision_after_its_end_ends_it(
    plant: Plant,
) -> None:
    raw = plant.raw(quantity=100)
    decide(plant, [raw], "5")
    decide(plant, [raw], decision=D.RELEASE)
    assert codes(raw) == ["conceded_in_part"]
    assert codes(raw, timedelta(days=2)) == ["concession_expired"]
    decide(plant, [raw], "100", days=5)
    assert codes(raw, timedelta(days=2)) == []  # a longer one of the same takes its place
    decide(plant, [raw], decision=D.RELEASE, later=timedelta(days=6))
    assert codes(raw, timedelta(days=6)) == []


def test_of_several_lots_all_is_conceded_and_a_tray_counts_with_its_cells(plant: Plant) -> None:
    first, second = plant.raw(quantity=3), plant.raw(quantity=3)
    with pytest.raises(DispositionRefused, match="6 kg are held; concede all of it, or decide on one lot"):
        decide(plant, [first, second], "5")
    tray = plant.lot("T-CELL-LOT", quantity=2)
    cells = [plant.lot("T-CELL", quantity=1, group=tray.code) for _ in range(2)]
    with pytest.raises(DispositionRefused, match="2 1 are held"):
        decide(plant, [tray, *cells], "1")
    decide(plant, [tray, *cells], "2")
    assert all("conceded_in_part" not in codes(lot) for lot in (tray, *cells))


def test_of_a_roll_the_metres_that_are_held_are_conceded_whole(plant: Plant) -> None:
    roll = plant.lot("T-COLLECTOR", quantity=100, length_mm=100_000)
    with pytest.raises(
        DispositionRefused, match="10 m are held; concede all of it, or narrow the hold first"
    ):
        decide(plant, [roll], "4", extent=(40_000, 50_000))
    decide(plant, [roll], "10", extent=(40_000, 50_000), days=1)
    decide(plant, [roll], "1", extent=(80_000, 81_000), days=5)
    assert "conceded_in_part" not in codes(roll)
    assert "concession_expired" in codes(roll, timedelta(days=2))  # the other metres' does not prolong it


LATER = timedelta(days=2)


def pieces(plant: Plant, roll: Lot, *ends: int) -> list[Lot]:
    wanted = [
        Piece(plant.code("PC"), start, end)
        for start, end in zip((0, *ends), (*ends, roll.length_mm or 0), strict=True)
    ]
    return cut(roll, wanted, user=plant.operator, now=timezone.now())


def has_ended(lot: Lot, later: timedelta = LATER) -> bool:
    return "concession_expired" in codes(lot, later)


def test_what_is_cut_wound_or_joined_from_a_conceded_roll_is_bound_like_it(plant: Plant) -> None:
    roll, other = roll_of(plant), roll_of(plant)
    decide(plant, [roll], "10", extent=(40_000, 50_000))
    before, within, after = pieces(plant, roll, 30_000, 45_000)
    wound = rewind(within, plant.code("RW"), user=plant.operator, now=timezone.now())
    near, far = pieces(plant, after, 5_000)
    joined = splice([far, other], plant.code("SP"), user=plant.operator, now=timezone.now())
    bound_by_it = splice([before, near], plant.code("SP"), user=plant.operator, now=timezone.now())
    assert [has_ended(lot) for lot in (wound, bound_by_it, joined)] == [True, True, False]
    assert not any(has_ended(lot, timedelta()) for lot in (wound, bound_by_it))
    blockers = can_leave(wound, now=timezone.now() + LATER)
    assert f"the concession of {roll.code} has expired; hold it and decide again" in [
        blocker.message for blocker in blockers
    ]


def test_a_decision_on_the_piece_takes_the_place_of_the_rolls_concession(plant: Plant) -> None:
    roll = roll_of(plant)
    decide(plant, [roll], "100")
    released, prolonged, earlier = pieces(plant, roll, 30_000, 60_000)
    decide(plant, [prolonged], "30", days=5)
    decide(plant, [earlier], decision=D.RELEASE)  # of another hold, before the end: prolongs nothing
    decide(plant, [released], decision=D.RELEASE, later=LATER)
    assert [has_ended(lot) for lot in (released, prolonged, earlier)] == [False, False, True]
    wound = rewind(prolonged, plant.code("RW"), user=plant.operator, now=timezone.now())
    assert not has_ended(wound)
    assert has_ended(wound, timedelta(days=6))


def split_off(plant: Plant, roll: Lot, from_mm: int, to_mm: int, **more: Any) -> Lot:
    """A part of a roll as its own lot, with the map told by whoever takes it."""
    quantity = Decimal(to_mm - from_mm) / 1000
    source = Input(roll.code, quantity, kind=Kind.SPLIT, from_mm=from_mm, to_mm=to_mm, **more)
    return plant.lot("T-COLLECTOR", length_mm=to_mm - from_mm, quantity=quantity, inputs=[source])


def roll_of(plant: Plant) -> Lot:
    return plant.lot("T-COLLECTOR", quantity=100, length_mm=100_000)


def test_what_was_cut_before_the_concession_is_not_bound_by_it(plant: Plant) -> None:
    roll = roll_of(plant)
    taken = split_off(plant, roll, 0, 60_000)
    decide(plant, [roll], "40")
    assert has_ended(roll)
    assert not has_ended(taken)


def test_a_decision_on_the_roll_after_the_cut_frees_no_piece(plant: Plant) -> None:
    roll = roll_of(plant)
    decide(plant, [roll], "100")
    taken = split_off(plant, roll, 0, 60_000)
    further = split_off(plant, taken, 0, 20_000)
    decide(plant, [roll], "40", days=5)
    decide(plant, [taken], "40", days=5)
    decide(plant, [roll], decision=D.RELEASE, later=LATER)
    assert [has_ended(lot) for lot in (roll, taken, further)] == [False, False, True]


def test_a_decision_on_other_metres_ends_no_concession(plant: Plant) -> None:
    roll = roll_of(plant)
    decide(plant, [roll], "10", extent=(40_000, 50_000))
    decide(plant, [roll], decision=D.RELEASE, extent=(80_000, 81_000), later=LATER)
    assert has_ended(roll)
    decide(plant, [roll], decision=D.RELEASE, extent=(39_000, 50_000), later=LATER)
    assert not has_ended(roll)


def test_metres_of_a_turned_roll_are_found_again(plant: Plant) -> None:
    roll = roll_of(plant)
    decide(plant, [roll], "10", extent=(0, 10_000))
    wound = rewind(roll, plant.code("RW"), user=plant.operator, now=timezone.now())
    assert [has_ended(lot) for lot in pieces(plant, wound, 50_000, 90_000)] == [False, False, True]


def test_a_piece_is_bound_by_metres_that_its_uncertainty_may_contain(plant: Plant) -> None:
    roll = roll_of(plant)
    decide(plant, [roll], "10", extent=(30_000, 40_000))
    sure = split_off(plant, roll, 0, 29_000, uncertainty_mm=50)
    unsure = split_off(plant, roll, 29_000, 30_000, uncertainty_mm=50, child_offset_mm=-29_000)
    assert [has_ended(lot) for lot in (sure, unsure)] == [False, True]


def test_a_map_that_does_not_lie_on_the_piece_is_not_trusted(plant: Plant) -> None:
    roll = roll_of(plant)
    decide(plant, [roll], "10", extent=(90_000, 100_000))
    taken = split_off(plant, roll, 60_000, 100_000)  # says that metre 60 of the roll is metre 60 of the piece
    assert has_ended(split_off(plant, taken, 0, 5_000))


def test_ways_that_meet_again_are_walked_once(plant: Plant) -> None:
    """Twenty-two times poured over in two goes: 2²² ways back, and an answer at once."""
    powder = plant.lot("T-COLLECTOR", quantity=100)
    decide(plant, [powder], "100")
    for _ in range(22):
        goes = [Input(powder.code, Decimal(50), kind=Kind.SPLIT)] * 2
        powder = plant.lot("T-COLLECTOR", quantity=100, inputs=goes)
    assert has_ended(powder)


def test_a_slit_roll_is_bound_and_what_is_made_of_a_conceded_one_is_not(plant: Plant) -> None:
    roll = roll_of(plant)
    decide(plant, [roll], "100")
    source = Input(roll.code, Decimal(50), kind=Kind.SPLIT, from_mm=0, to_mm=50_000)
    slit = plant.lot("T-SLIT", quantity=50, length_mm=50_000, inputs=[source])
    used = Input(roll.code, Decimal(1), from_mm=50_000, to_mm=51_000)
    cells = plant.lot("T-CELL-LOT", quantity=1, inputs=[used])
    assert [has_ended(lot) for lot in (slit, cells)] == [True, False]
