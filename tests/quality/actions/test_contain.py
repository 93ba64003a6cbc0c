"""Holds are widened with a reason and narrowed under signature; what is let go is named, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import Hold, Lot
from lots.queries import active_holds
from quality.actions.contain import ContainmentRefused, narrow, widen
from quality.actions.dispose import Ruling, dispose
from quality.actions.hold import hold_by_hand
from quality.actions.sign import SignatureRefused
from quality.actions.taking import Input
from quality.containment import recount
from quality.containment_sheet import containment_sheet
from quality.models import ContainmentChange, Disposition
from quality.permissions import NotPermitted
from tests.support.builders import PASSWORD, Plant, make_plant, publish
from tests.support.frozen_chart import frozen_plant
from tests.support.web import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def roll(plant: Plant) -> Lot:
    """100 m of foil, of which cells 0 to 4 took 10 m each, from 0, 20, 40, 60 and 80 m on."""
    return plant.lot("T-RAW", quantity=100, length_mm=100_000, lanes=1)


@pytest.fixture
def cells(plant: Plant, roll: Lot) -> list[Lot]:
    return [
        plant.lot(
            "T-CELL",
            quantity=1,
            inputs=[
                Input(
                    parent=roll.code, quantity=Decimal(10), from_mm=at, to_mm=at + 10_000, uncertainty_mm=500
                )
            ],
        )
        for at in range(0, 100_000, 20_000)
    ]


def held(plant: Plant, *extents: HeldExtent) -> Hold:
    return hold_by_hand(
        list(extents), site=plant.site, reason="scratch", user=plant.operator, now=timezone.now()
    )


def held_codes(*lots: Lot) -> list[bool]:
    return [active_holds([lot.pk]).exists() for lot in lots]


def sign_narrow(
    plant: Plant, hold: Hold, lot: Lot, keep: tuple[int, int] | None, **changes: object
) -> ContainmentChange:
    fields: dict[str, object] = {
        "reason": "the scratch begins at 35 m",
        "user": plant.engineer,
        "password": PASSWORD,
        "now": timezone.now(),
    }
    return narrow(hold, lot, keep, **(fields | changes))  # type: ignore[arg-type]


def test_narrowing_to_an_interval_lets_go_what_was_made_from_the_rest(
    plant: Plant, roll: Lot, cells: list[Lot]
) -> None:
    hold = held(plant, HeldExtent(roll.pk))
    assert held_codes(roll, *cells) == [True] * 6
    change = sign_narrow(plant, hold, roll, (35_000, 65_000))
    assert held_codes(roll, *cells) == [True, False, False, True, True, False]
    member = hold.members.get(lot=roll, disposition_id__isnull=True)
    assert (member.from_mm, member.to_mm) == (35_000, 65_000)
    disposition = change.disposition
    assert disposition is not None and disposition.decision == Disposition.Decision.NARROW
    assert disposition.items.count() == change.lots_closed == 4  # the whole roll and three cells
    assert recount(hold).agrees


def test_cell_at_the_edge_stays_held_for_its_uncertainty(plant: Plant, roll: Lot, cells: list[Lot]) -> None:
    hold = held(plant, HeldExtent(roll.pk))
    sign_narrow(plant, hold, roll, (30_400, 35_000))
    assert held_codes(*cells) == [False, True, False, False, False]
    second = held(plant, HeldExtent(roll.pk))
    sign_narrow(plant, second, roll, (30_500, 39_501))
    assert held_codes(*cells) == [False, True, True, False, False]


def test_taking_a_lot_out_leaves_what_other_lots_of_the_hold_reach(
    plant: Plant, roll: Lot, cells: list[Lot]
) -> None:
    other = plant.lot("T-RAW", quantity=5)
    both = plant.lot("T-CELL", quantity=1, inputs=[Input(parent=other.code, quantity=Decimal(1))])
    hold = held(plant, HeldExtent(roll.pk), HeldExtent(other.pk), HeldExtent(cells[1].pk))
    sign_narrow(plant, hold, roll, None)
    assert held_codes(roll, other, both, *cells) == [False, True, True, False, True, False, False, False]


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ((35_000, 120_000), "must lie inside what is held"),
        ((0, 100_000), "nothing would be let go"),
    ],
)
def test_narrowing_that_is_none_is_refused(
    plant: Plant, roll: Lot, cells: list[Lot], keep: tuple[int, int], message: str
) -> None:
    hold = held(plant, HeldExtent(roll.pk, 0, 100_000))
    with pytest.raises(ContainmentRefused, match=message):
        sign_narrow(plant, hold, roll, keep)
    assert held_codes(roll, *cells) == [True] * 6


def test_narrowing_needs_password_role_reason_and_another_person(
    plant: Plant, roll: Lot, cells: list[Lot]
) -> None:
    hold = held(plant, HeldExtent(roll.pk))
    with pytest.raises(SignatureRefused):
        sign_narrow(plant, hold, roll, None, password="guess")
    with pytest.raises(NotPermitted):
        sign_narrow(plant, hold, roll, None, user=plant.operator)
    with pytest.raises(ContainmentRefused, match="reason"):
        sign_narrow(plant, hold, roll, None, reason=" ")
    with pytest.raises(ContainmentRefused, match="not held directly"):
        sign_narrow(plant, hold, cells[0], None)
    assert held_codes(roll, *cells) == [True] * 6
    assert not ContainmentChange.objects.exists() and not Disposition.objects.exists()


def test_widening_reaches_descendants_and_is_recounted(plant: Plant, roll: Lot, cells: list[Lot]) -> None:
    hold = held(plant, HeldExtent(roll.pk, 0, 15_000))
    assert held_codes(*cells) == [True, False, False, False, False]
    change = widen(
        hold,
        [HeldExtent(roll.pk, 15_000, 45_000)],
        reason="seen further",
        user=plant.engineer,
        now=timezone.now(),
    )
    assert held_codes(*cells) == [True, True, True, False, False]
    assert (change.lots_added, change.what) == (3, f"{roll.code} 15 to 45 m")
    assert recount(hold).agrees
    with pytest.raises(ContainmentRefused, match="covers them already"):
        widen(
            hold,
            [HeldExtent(roll.pk, 15_000, 45_000)],
            reason="again",
            user=plant.engineer,
            now=timezone.now(),
        )


def test_widening_onto_what_was_let_go_needs_a_new_hold(plant: Plant, roll: Lot, cells: list[Lot]) -> None:
    hold = held(plant, HeldExtent(roll.pk))
    sign_narrow(plant, hold, roll, (35_000, 65_000))
    with pytest.raises(ContainmentRefused, match="place a new hold"):
        widen(
            hold, [HeldExtent(cells[0].pk)], reason="it is bad too", user=plant.engineer, now=timezone.now()
        )


def test_sheet_names_what_was_consumed_and_how_precisely_it_is_known(
    plant: Plant, roll: Lot, cells: list[Lot]
) -> None:
    salt = plant.lot("T-RAW", quantity=1)
    mixed = plant.lot("T-CELL", quantity=1, inputs=[Input(parent=salt.code, quantity=Decimal(1))])
    sheet = containment_sheet(held(plant, HeldExtent(roll.pk), HeldExtent(salt.pk)))
    assert sheet.recount.agrees and len(sheet.recount.held) == 8
    assert (sheet.precision.position, sheet.precision.lot, sheet.precision.time) == (5, 3, 0)
    assert [(row.code, row.state, row.made_into) for row in sheet.moved] == [(salt.code, "Consumed", 1)]
    assert mixed.code not in {row.code for row in sheet.moved}


def test_page_widens_from_a_point_of_the_chart_and_narrows_under_signature() -> None:
    charted = frozen_plant()
    plant = charted.plant
    client = signed_in(plant.engineer)
    hold = charted.signal()
    url = reverse("web:containment", args=[hold.pk])
    page = client.get(url).content.decode()
    assert "Held of reachable" in page and "Widen" in page
    before = hold.members.count()
    assert (
        client.post(url, {"action": "widen", "from_point": "1", "reason": "gauge was loose"}).status_code
        == 302
    )
    assert hold.members.count() > before
    refused = client.post(url, {"action": "widen", "from_point": "99999", "reason": "no"})
    assert refused.status_code == 422 and "number from 1 to" in refused.content.decode()
    member = (
        hold.members.filter(inherited_from__isnull=True, disposition_id__isnull=True)
        .select_related("lot")
        .first()
    )
    assert member is not None
    sent = {"action": "narrow", "lot": member.lot.code, "reason": "measured twice", "password": PASSWORD}
    assert client.post(url, sent | {"password": "wrong"}).status_code == 422
    assert client.post(url, sent).status_code == 302
    assert "measured twice" in client.get(url).content.decode()


def test_sheet_after_a_narrowing_says_what_is_still_held_and_what_had_moved_before(
    plant: Plant, roll: Lot, cells: list[Lot]
) -> None:
    hold = held(plant, HeldExtent(roll.pk, 0, 10_000), HeldExtent(roll.pk, 35_000, 65_000))
    client = signed_in(plant.engineer)
    url = reverse("web:containment", args=[hold.pk])
    page = client.get(url).content.decode()
    assert page.count(f'<option value="{roll.code}"') == 1 and "0 to 10 m and 35 to 65 m" in page
    sent = {"action": "narrow", "lot": roll.code, "from_m": "35", "to_m": "55", "reason": "measured"}
    page = client.post(url, sent | {"password": PASSWORD}, follow=True).content.decode()
    assert "(4 lots or stretches let go)" in page  # the roll's two, the first cell and the last
    assert "2 still held" in page
    members = hold.members.filter(lot=cells[2], disposition_id__isnull=True).values_list("pk", flat=True)
    ruling = Ruling(decision=Disposition.Decision.SCRAP, reason="shorted")
    dispose(
        list(members),
        ruling,
        site=plant.site,
        user=plant.engineer,
        password=PASSWORD,
        now=timezone.now(),
    )
    sheet = containment_sheet(hold)
    assert (sheet.moved_count, sheet.still_held) == (0, 1)  # scrapped by its own decision: not before
