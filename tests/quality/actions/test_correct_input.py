"""What a lot was made from is put right: the wrong link is voided, holds follow what really went in."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.audit import verify
from lots.models import GenealogyLink, Hold, Lot, Membership, Movement
from lots.queries import active_holds
from quality.actions.correct_input import InputCorrectionRefused, correct_input
from quality.actions.hold import hold_by_hand
from quality.actions.sign import SignatureRefused
from quality.actions.taking import Input, ProductionRefused
from quality.containment import recount
from quality.models import Nonconformance, Signature
from quality.permissions import NotPermitted
from tests.support.builders import PASSWORD, Plant, make_plant, publish
from tests.support.web import signed_in
from tests.support.worked import release

pytestmark = pytest.mark.django_db
WHY = "the label of the other drum lay on the scale"


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


@pytest.fixture
def booked(plant: Plant) -> GenealogyLink:
    """All ten of the wrong drum, booked into a blend that went on into a cell."""
    wrong = plant.raw(quantity=10)
    blend = plant.lot("T-RAW", quantity=10, inputs=[Input(parent=wrong.code, quantity=Decimal(10))])
    plant.lot("T-CELL", quantity=1, inputs=[Input(parent=blend.code, quantity=Decimal(1))])
    return GenealogyLink.objects.get(parent=wrong)


def correct(plant: Plant, link: GenealogyLink, instead: str, **other: str) -> GenealogyLink | None:
    given = {"reason": WHY, "password": PASSWORD, **other}
    return correct_input(link, instead=instead, user=plant.engineer, now=timezone.now(), **given)


def hold(plant: Plant, lot: Lot) -> None:
    hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="wrong alloy", user=plant.operator, now=timezone.now()
    )


def held(lot: Lot) -> list[str]:
    return sorted(active_holds([lot.pk]).values_list("hold__source", flat=True))


def test_the_wrong_link_is_voided_and_gives_back_what_it_took(plant: Plant, booked: GenealogyLink) -> None:
    right = plant.raw(quantity=25)
    made = correct(plant, booked, right.code)
    booked.refresh_from_db()
    assert (booked.void_reason, booked.voided_by) == (WHY, plant.engineer) and booked.voided_at is not None
    assert made is not None and (made.parent, made.child_id) == (right, booked.child_id)
    assert (made.quantity, made.linked_at) == (Decimal(10), booked.linked_at)
    wrong = Lot.objects.get(pk=booked.parent_id)
    right.refresh_from_db()
    assert (wrong.taken, wrong.state, right.taken) == (0, Lot.State.ACTIVE, 10)
    assert Movement.objects.get(lot=right).reported is False
    signature = Signature.objects.get(record_kind="genealogy link")
    assert (signature.signer, signature.record_id) == (plant.engineer, str(booked.pk))
    assert all(list(verify(lot.pk)) == [] for lot in (wrong, right, booked.child))
    plant.lot("T-CELL", quantity=1, inputs=[Input(parent=wrong.code, quantity=Decimal(10))])  # it moves again


def test_holds_of_what_really_went_in_reach_everything_made_of_it(
    plant: Plant, booked: GenealogyLink
) -> None:
    right, cell = plant.raw(quantity=25), GenealogyLink.objects.get(parent=booked.child).child
    hold(plant, right)
    assert held(cell) == []
    correct(plant, booked, right.code)
    assert held(booked.child) == held(cell) == ["manual", "unauthorised"]
    assert all(recount(found).agrees for found in Hold.objects.filter(site=plant.site))
    assert Movement.objects.get(lot=right).reported
    case = Nonconformance.objects.get()
    assert case.lot_id == booked.child_id and right.code in case.title


def test_holds_that_came_down_the_wrong_link_stay(plant: Plant, booked: GenealogyLink) -> None:
    hold(plant, Lot.objects.get(pk=booked.parent_id))
    assert correct(plant, booked, "") is None
    assert held(booked.child) == ["manual"]
    assert Lot.objects.get(pk=booked.parent_id).taken == 0


def test_a_held_lot_that_was_not_used_up_moves_again_when_its_hold_is_released(
    plant: Plant, booked: GenealogyLink
) -> None:
    wrong = Lot.objects.get(pk=booked.parent_id)
    hold(plant, wrong)
    correct(plant, booked, "")
    wrong.refresh_from_db()
    assert (wrong.taken, wrong.state) == (0, Lot.State.CONSUMED)
    release(plant, wrong)
    wrong.refresh_from_db()
    assert wrong.state == Lot.State.ACTIVE
    release(plant, booked.child)
    plant.lot("T-CELL", quantity=1, inputs=[Input(parent=wrong.code, quantity=Decimal(10))])


def test_a_stretch_of_a_roll_is_given_back_and_taken_from_the_other(plant: Plant) -> None:
    wrong, right = (plant.lot("T-RAW", quantity=100, length_mm=100_000) for _ in range(2))
    stretch = Input(parent=wrong.code, quantity=Decimal(2), from_mm=40_000, to_mm=42_000, uncertainty_mm=100)
    cell = plant.lot("T-CELL", quantity=1, inputs=[stretch])
    made = correct(plant, GenealogyLink.objects.get(child=cell), right.code)
    assert made is not None
    assert (made.parent_from_mm, made.parent_to_mm, made.uncertainty_mm) == (40_000, 42_000, 100)
    other = plant.lot("T-CELL", quantity=1, inputs=[stretch])  # the metres of the wrong roll are free again
    with pytest.raises(ProductionRefused, match="40000–42000 mm was taken before"):
        correct(plant, GenealogyLink.objects.get(child=other), right.code)
    assert GenealogyLink.objects.get(child=other).voided_at is None


def test_what_is_refused_changes_nothing(plant: Plant, booked: GenealogyLink) -> None:
    small, roll = plant.raw(quantity=9), plant.lot("T-ROLL", quantity=100, length_mm=100_000)
    wrong, right = Lot.objects.get(pk=booked.parent_id), plant.raw(quantity=25)
    cell = GenealogyLink.objects.get(parent=booked.child).child
    further = plant.lot("T-RAW", quantity=20, inputs=[Input(parent=booked.child.code, quantity=Decimal(1))])
    for instead, other, words in (
        (small.code, {}, "10.* of .* wanted, 9 left"),
        (roll.code, {}, "instead: .* is .*, and not"),
        (wrong.code, {}, "instead: .* is what was booked"),
        ("NO-SUCH", {}, "instead: there is no lot NO-SUCH"),
        (booked.child.code, {}, "instead: .* is the lot itself"),
        (cell.code, {}, "instead: .* is .*, and not"),
        (further.code, {}, ".* was itself made from"),
        (right.code, {"reason": " "}, "reason: say how it was found"),
        (right.code, {"password": "wrong"}, "password: that is not your password"),
    ):
        with pytest.raises((InputCorrectionRefused, ProductionRefused, SignatureRefused), match=words):
            correct(plant, booked, instead, **other)
        booked.refresh_from_db()
        assert booked.voided_at is None and GenealogyLink.objects.filter(child=booked.child).count() == 1
    with pytest.raises(NotPermitted):
        correct_input(
            booked, instead=right.code, reason=WHY, user=plant.operator, password=PASSWORD, now=timezone.now()
        )
    assert not Signature.objects.filter(record_kind="genealogy link").exists()
    correct(plant, booked, right.code)
    with pytest.raises(InputCorrectionRefused, match="corrected before"):
        correct(plant, booked, right.code)


def test_who_booked_it_does_not_correct_it(plant: Plant, booked: GenealogyLink) -> None:
    Membership.objects.create(user=plant.operator, site=plant.site, role=Membership.Role.QUALITY_ENGINEER)
    with pytest.raises(InputCorrectionRefused, match="you booked it"):
        correct_input(
            booked, instead="", reason=WHY, user=plant.operator, password=PASSWORD, now=timezone.now()
        )


class TestPage:
    @pytest.fixture
    def client(self, plant: Plant) -> Client:
        return signed_in(plant.engineer)

    def test_an_engineer_puts_it_right(self, plant: Plant, client: Client, booked: GenealogyLink) -> None:
        right, address = plant.raw(quantity=25), reverse("web:lot_inputs", args=[booked.child.code])
        lot_page = reverse("web:lot", args=[booked.child.code])
        assert address in client.get(lot_page).content.decode()
        assert address not in signed_in(plant.operator).get(lot_page).content.decode()
        form = {"link": str(booked.pk), "reason": WHY, "password": PASSWORD}
        refused = client.post(address, form)
        assert refused.status_code == 422
        assert "Scan what really went in, or tick that nothing did" in refused.content.decode()
        assert WHY in refused.content.decode() and PASSWORD not in refused.content.decode()
        answer = client.post(address, {**form, "instead": right.code}, follow=True)
        page = answer.content.decode()
        assert f"{right.code} stands instead." in page and "Voided" in page and WHY in page
        again = client.get(address).content.decode()
        assert "Corrected before" in again and right.code in again

    def test_without_inputs_there_is_nothing_to_correct(self, plant: Plant, client: Client) -> None:
        page = client.get(reverse("web:lot_inputs", args=[plant.raw().code])).content.decode()
        assert "Nothing was consumed into it" in page and '<form class="panel"' not in page
