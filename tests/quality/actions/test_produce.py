"""Making lots from lots: amounts are conserved, every metre of a lane is taken once, codes are never reused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisCase

from lots.actions.place_hold import HeldExtent
from lots.models import GateDecision, GenealogyLink, Lot, Movement
from lots.queries import active_holds
from quality.actions.gate import GateRefused
from quality.actions.hold import hold_by_hand
from quality.actions.produce import NewLot, consume_into, produce_lots
from quality.actions.taking import Input, ProductionRefused
from quality.permissions import NotPermitted
from tests.support.builders import Plant, make_plant, publish

pytestmark = pytest.mark.django_db
Kind = GenealogyLink.Kind


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


def take(lot: Lot, quantity: str | int = 1, **more: object) -> Input:
    return Input(parent=lot.code, quantity=Decimal(quantity), **more)  # type: ignore[arg-type]


def foil(plant: Plant, *, lanes: int | None = None) -> Lot:
    """A roll of raw material: 100 m."""
    return plant.lot("T-RAW", quantity=100, length_mm=100_000, lanes=lanes)


def nothing_taken(lot: Lot) -> bool:
    return not (lot.links_to_children.exists() or Movement.objects.filter(lot=lot).exists())


def test_a_child_is_linked_to_what_it_was_made_of(plant: Plant) -> None:
    raw = plant.raw()
    child = plant.lot(inputs=[take(raw, "2.5")])
    link = child.links_to_parents.get()
    assert (link.parent_id, link.quantity, link.unit) == (raw.pk, Decimal("2.5"), "kg")
    assert (link.movement.lot_id, link.movement.kind, link.movement.gate_decision.passed) == (
        raw.pk,
        "consume",
        True,
    )


def test_more_than_there_is_cannot_be_taken(plant: Plant) -> None:
    raw = plant.raw(quantity=10)
    plant.lot(inputs=[take(raw, 7)])
    with pytest.raises(ProductionRefused, match=f"4 kg of {raw.code} wanted, 3 left"):
        plant.lot(inputs=[take(raw, 4)])
    assert raw.links_to_children.count() == 1


def test_exactly_all_consumes_the_lot(plant: Plant) -> None:
    raw = plant.raw(quantity=10)
    plant.lot(inputs=[take(raw, "9.999")])
    raw.refresh_from_db()
    assert raw.state == Lot.State.ACTIVE
    plant.lot(inputs=[take(raw, "0.001")])
    raw.refresh_from_db()
    assert raw.state == Lot.State.CONSUMED
    with pytest.raises(ProductionRefused, match="0 left"):
        plant.lot(inputs=[take(raw, "0.001")])


def test_several_children_of_one_call_share_what_there_is(plant: Plant) -> None:
    raw = plant.raw(quantity=10)
    specs = [NewLot(code=plant.code("C"), material="T-RAW", inputs=(take(raw, 4),)) for _ in range(3)]
    with pytest.raises(ProductionRefused, match="2 left"):
        produce_lots(specs, site=plant.site, user=plant.operator, now=timezone.now())
    assert nothing_taken(raw)
    assert not Lot.objects.filter(code__in=[spec.code for spec in specs]).exists()


@pytest.mark.parametrize("quantity", ["0", "-1", "0.0001", "1.0005"])
def test_an_amount_that_cannot_be_kept_exactly_is_refused(plant: Plant, quantity: str) -> None:
    raw = plant.raw(quantity=10)
    with pytest.raises(ProductionRefused, match="quantity"):
        plant.lot(inputs=[take(raw, quantity)])
    assert nothing_taken(raw)


def test_an_interval_is_taken_once(plant: Plant) -> None:
    roll = foil(plant)
    plant.lot(inputs=[take(roll, 10, from_mm=0, to_mm=10_000)])
    with pytest.raises(ProductionRefused, match="9999–20000 mm was taken before"):
        plant.lot(inputs=[take(roll, 10, from_mm=9_999, to_mm=20_000)])
    plant.lot(inputs=[take(roll, 10, from_mm=10_000, to_mm=20_000)])
    assert roll.links_to_children.count() == 2


def test_lanes_beside_each_other_are_taken_separately(plant: Plant) -> None:
    roll = foil(plant, lanes=2)
    interval = {"kind": Kind.SPLIT, "from_mm": 0, "to_mm": 100_000}
    plant.lot("T-RAW", inputs=[take(roll, 50, lane_from=1, lane_to=1, **interval)])
    with pytest.raises(ProductionRefused, match="taken before"):
        plant.lot("T-RAW", inputs=[take(roll, 50, lane_from=1, lane_to=2, **interval)])
    plant.lot("T-RAW", inputs=[take(roll, 50, lane_from=2, lane_to=2, **interval)])
    roll.refresh_from_db()
    assert roll.state == Lot.State.CONSUMED


def test_the_whole_width_overlaps_every_lane(plant: Plant) -> None:
    roll = foil(plant, lanes=2)
    plant.lot(inputs=[take(roll, 1, from_mm=0, to_mm=1_000, lane_from=2, lane_to=2)])
    with pytest.raises(ProductionRefused, match="taken before"):
        plant.lot(inputs=[take(roll, 1, from_mm=500, to_mm=1_500)])


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"from_mm": 99_000, "to_mm": 100_001}, "is not inside"),
        ({"from_mm": -1, "to_mm": 10}, "is not inside"),
        ({"from_mm": 10, "to_mm": 10}, "is not inside"),
        ({"from_mm": 20, "to_mm": 10}, "is not inside"),
        ({"from_mm": 10}, "or neither"),
        ({"from_mm": 0, "to_mm": 10, "lane_from": 1, "lane_to": 3}, "has 2 lanes"),
        ({"from_mm": 0, "to_mm": 10, "lane_from": 2, "lane_to": 1}, "lane"),
        ({"from_mm": 0, "to_mm": 10, "lane_from": 0, "lane_to": 1}, "lane"),
        ({"from_mm": 0, "to_mm": 10, "lane_from": 1}, "lane"),
        ({"lane_from": 3, "lane_to": 4}, "has 2 lanes"),
        ({"from_mm": 0, "to_mm": 10, "scale": Decimal(0)}, "scale must not be 0"),
    ],
)
def test_an_interval_that_the_roll_does_not_have_is_refused(
    plant: Plant, where: dict[str, int], words: str
) -> None:
    roll = foil(plant, lanes=2)
    with pytest.raises(ProductionRefused, match=words):
        plant.lot(inputs=[take(roll, 1, **where)])
    assert nothing_taken(roll)


def test_a_lot_without_length_has_no_intervals(plant: Plant) -> None:
    raw = plant.raw()
    with pytest.raises(ProductionRefused, match="has no length"):
        plant.lot(inputs=[take(raw, 1, from_mm=0, to_mm=10)])


def test_a_code_is_never_used_again(plant: Plant) -> None:
    first = plant.raw(quantity=1)
    plant.lot(inputs=[take(first, 1)])  # consumed, and its code stays taken
    with pytest.raises(ProductionRefused, match="codes are never reused"):
        plant.lot("T-RAW", code=first.code)
    other = make_plant()
    assert other.lot("T-RAW", code=first.code).site_id == other.site.pk


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"material": "T-NONE"}, "^material: "),
        ({"work_order": "WO-NONE"}, "^work_order: "),
        ({"quantity": Decimal(0)}, "^quantity"),
        ({"length_mm": 0}, "^quantity and length"),
        ({"inputs": (Input(parent="NONE", quantity=Decimal(1)),)}, "^inputs: "),
        ({"group": "NONE"}, "NONE"),
    ],
)
def test_a_lot_of_unknown_things_is_refused_by_field(
    plant: Plant, change: dict[str, object], words: str
) -> None:
    spec = NewLot(code=plant.code("X"), material="T-RAW", quantity=Decimal(1))
    with pytest.raises(ProductionRefused, match=words):
        produce_lots([replace(spec, **change)], site=plant.site, user=plant.operator, now=timezone.now())
    assert not Lot.objects.filter(code=spec.code).exists()


def test_a_parent_that_has_steps_left_is_refused_by_its_gate(plant: Plant) -> None:
    slurry = plant.lot()
    with pytest.raises(GateRefused, match="Mixing has not been done"):
        plant.lot("T-ROLL", inputs=[take(slurry)])
    assert nothing_taken(slurry)
    plant.run(slurry, "mixing")
    assert plant.lot("T-ROLL", inputs=[take(slurry)]).links_to_parents.count() == 1


def test_a_member_of_a_held_group_is_refused(plant: Plant) -> None:
    group = plant.lot("T-CELL-LOT")
    hold_by_hand(
        [HeldExtent(group.pk)], site=plant.site, reason="test", user=plant.operator, now=timezone.now()
    )
    with pytest.raises(DatabaseError, match="on hold"):
        plant.lot("T-CELL", quantity=1, group=group.code)


def test_a_group_that_was_released_or_left_gets_no_further_member(plant: Plant) -> None:
    group = plant.lot("T-CELL-LOT")
    for state, words in ((Lot.State.PACKED, "is packed"), (Lot.State.SHIPPED, "is shipped")):
        Lot.objects.filter(pk=group.pk).update(state=state)
        with pytest.raises(ProductionRefused, match=f"group: {group.code} {words}; begin another one"):
            plant.lot("T-CELL", quantity=1, group=group.code)
    assert not group.links_to_children.exists()


def test_a_hold_on_a_group_reaches_its_members(plant: Plant) -> None:
    group = plant.lot("T-CELL-LOT")
    cell = plant.lot("T-CELL", quantity=1, group=group.code)
    hold_by_hand(
        [HeldExtent(group.pk)], site=plant.site, reason="test", user=plant.operator, now=timezone.now()
    )
    assert active_holds([cell.pk]).get().inherited_from_id == group.pk


def test_material_is_put_into_a_lot_that_exists(plant: Plant) -> None:
    electrolyte, cell = plant.raw(), plant.lot("T-CELL", quantity=1)
    link = consume_into(take(electrolyte, "0.06"), cell, user=plant.operator, now=timezone.now())
    assert (link.parent, link.child) == (electrolyte, cell)


def test_nothing_is_put_into_a_held_lot(plant: Plant) -> None:
    electrolyte, cell = plant.raw(), plant.lot("T-CELL", quantity=1)
    hold_by_hand(
        [HeldExtent(cell.pk)], site=plant.site, reason="test", user=plant.operator, now=timezone.now()
    )
    with pytest.raises(GateRefused):
        consume_into(take(electrolyte, "0.06"), cell, user=plant.operator, now=timezone.now())
    assert nothing_taken(electrolyte)


def test_a_lot_is_not_made_from_itself_nor_from_its_own_product(plant: Plant) -> None:
    parent = plant.raw()
    child = plant.lot("T-RAW", inputs=[take(parent)])
    for source, into in ((parent, parent), (child, parent)):
        with pytest.raises(ProductionRefused):
            consume_into(take(source), into, user=plant.operator, now=timezone.now())
    assert GenealogyLink.objects.count() == 1


def test_only_people_of_the_line_make_lots(plant: Plant) -> None:
    spec = NewLot(code=plant.code("X"), material="T-RAW")
    with pytest.raises(NotPermitted):
        produce_lots([spec], site=plant.site, user=plant.engineer, now=timezone.now())


class TestConservation(HypothesisCase):
    @settings(deadline=None, max_examples=25)
    @given(st.lists(st.integers(1, 6_000), min_size=1, max_size=8))
    def test_what_was_taken_never_exceeds_what_there_was(self, thousandths: list[int]) -> None:
        plant = make_plant()
        raw = plant.raw(quantity=10)
        for amount in thousandths:
            left = 10_000 - sum(int(link.quantity * 1_000) for link in raw.links_to_children.all())
            try:
                plant.lot(inputs=[take(raw, str(Decimal(amount) / 1_000))])
            except ProductionRefused:
                assert amount > left
            else:
                assert amount <= left
        taken = sum(link.quantity for link in raw.links_to_children.all())
        raw.refresh_from_db()
        assert (taken == 10) == (raw.state == Lot.State.CONSUMED)
        assert taken <= 10


def test_raw_sql_cannot_take_more_than_there_is(plant: Plant) -> None:
    """Not the application's checks but the lot's own count refuses it; a voided link gives back."""
    raw = plant.raw(quantity=10)
    child = plant.lot("T-CELL", quantity=1)

    def take(quantity: int) -> GenealogyLink:
        now = timezone.now()
        with transaction.atomic():
            ticket = GateDecision.objects.create(lot=raw, purpose="consume", passed=True, decided_at=now)
            movement = Movement.objects.create(
                lot=raw, kind="consume", gate_decision=ticket, moved_by=plant.operator, moved_at=now
            )
            return GenealogyLink.objects.create(
                parent=raw,
                child=child,
                kind="consume",
                movement=movement,
                quantity=quantity,
                unit="kg",
                linked_at=now,
            )

    link = take(6)
    with pytest.raises(IntegrityError, match="lot_not_overdrawn"):
        take(5)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        Lot.objects.filter(pk=raw.pk).update(taken=0)
    GenealogyLink.objects.filter(pk=link.pk).update(
        voided_at=timezone.now(), voided_by=plant.operator, void_reason="wrong drum"
    )
    take(5)
    raw.refresh_from_db()
    assert raw.taken == 5
