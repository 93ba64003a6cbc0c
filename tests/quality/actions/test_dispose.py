"""Dispositions: the only way out of a hold, by a signed decision that closes exactly what it names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import HoldLot, Lot, Membership, Movement
from lots.queries import active_holds
from mes.pipeline import record
from quality.actions.dispose import DispositionRefused, Ruling, dispose
from quality.actions.gate import GateRefused
from quality.actions.hold import HoldRefused, hold_by_hand
from quality.actions.sign import SignatureRefused, verify
from quality.actions.taking import Input
from quality.gates import can_proceed, next_step
from quality.models import Disposition, Signature
from quality.permissions import NotPermitted
from tests.support.builders import PASSWORD, Plant, make_plant, make_user, publish, specify

pytestmark = pytest.mark.django_db
D = Disposition.Decision


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    specify(plant, "mixing.solids_pct", lsl="64", usl="66")
    publish(plant)
    return plant


def hold(plant: Plant, *lots: Lot, by: object = None) -> list[int]:
    """One hold on the lots (and what was made of them); the keys of its members on the lots themselves."""
    placed = hold_by_hand(
        [HeldExtent(lot.pk) for lot in lots],
        site=plant.site,
        reason="scratches",
        user=by or plant.operator,
        now=timezone.now(),
    )
    return list(placed.members.filter(lot__in=lots).order_by("pk").values_list("pk", flat=True))


def decide(
    plant: Plant, keys: Sequence[int], ruling: Ruling, *, user: object = None, password: str = PASSWORD
) -> Disposition:
    return dispose(
        keys, ruling, site=plant.site, user=user or plant.engineer, password=password, now=timezone.now()
    )


def release(plant: Plant, keys: Sequence[int], **more: object) -> Disposition:
    return decide(plant, keys, Ruling(D.RELEASE, "measured again, within limits"), **more)


def assert_untouched(keys: Sequence[int]) -> None:
    assert HoldLot.objects.filter(pk__in=keys, disposition_id__isnull=True).count() == len(keys)
    assert not Disposition.objects.exists()
    assert not Signature.objects.exists()


def test_release_closes_the_hold_and_the_lot_moves_again(plant: Plant) -> None:
    lot = plant.lot()
    keys = hold(plant, lot)
    disposition = release(plant, keys)
    assert HoldLot.objects.get(pk=keys[0]).disposition_id == disposition.pk
    assert plant.start(lot, "mixing").pk


def test_only_the_named_holds_are_closed(plant: Plant) -> None:
    lot, other = plant.lot(), plant.lot()
    first = hold(plant, lot, other)
    second = hold(plant, lot)
    release(plant, first[:1])
    assert set(active_holds([lot.pk, other.pk]).values_list("pk", flat=True)) == {first[1], *second}
    with pytest.raises(GateRefused):
        plant.start(lot, "mixing")


def test_releasing_a_parent_does_not_release_what_was_made_from_it(plant: Plant) -> None:
    parent = plant.raw()
    child = plant.lot(inputs=[Input(parent=parent.code, quantity=Decimal(1))])
    release(plant, hold(plant, parent))
    assert not active_holds([parent.pk]).exists()
    assert active_holds([child.pk]).get().inherited_from_id == parent.pk


@pytest.mark.parametrize(
    ("ruling", "field"),
    [
        (Ruling(D.RELEASE, "  "), "reason"),
        (
            Ruling(D.CONCESSION, "ok", concession_expires_at=timezone.now() + timedelta(days=1)),
            "concession_quantity",
        ),
        (
            Ruling(
                D.CONCESSION,
                "ok",
                concession_quantity=Decimal(0),
                concession_expires_at=timezone.now() + timedelta(days=1),
            ),
            "concession_quantity",
        ),
        (Ruling(D.CONCESSION, "ok", concession_quantity=Decimal(5)), "concession_expires_at"),
        (
            Ruling(
                D.CONCESSION,
                "ok",
                concession_quantity=Decimal(5),
                concession_expires_at=timezone.now() - timedelta(minutes=1),
            ),
            "concession_expires_at",
        ),
        (Ruling(D.REWORK, "again"), "rework_from"),
    ],
)
def test_a_decision_without_its_fields_is_refused_by_name(plant: Plant, ruling: Ruling, field: str) -> None:
    keys = hold(plant, plant.lot())
    with pytest.raises(DispositionRefused, match=f"^{field}: "):
        decide(plant, keys, ruling)
    assert_untouched(keys)


def test_a_step_to_repeat_goes_with_rework_only(plant: Plant) -> None:
    keys = hold(plant, plant.lot())
    step = plant.product.route.steps.get(step__code="mixing")
    with pytest.raises(DispositionRefused, match=r"^rework_from: "):
        decide(plant, keys, Ruling(D.RELEASE, "fine", rework_from=step))
    assert_untouched(keys)


def test_wrong_password_changes_nothing(plant: Plant) -> None:
    keys = hold(plant, plant.lot())
    with pytest.raises(SignatureRefused, match="password"):
        release(plant, keys, password="not my password")
    assert_untouched(keys)


@pytest.mark.parametrize("role", sorted(set(Membership.Role.values) - {"quality_engineer"}))
def test_only_a_quality_engineer_decides(plant: Plant, role: str) -> None:
    keys = hold(plant, plant.lot())
    with pytest.raises(NotPermitted, match="quality engineer"):
        release(plant, keys, user=make_user(plant.site, role))
    assert_untouched(keys)


def test_a_quality_engineer_of_another_site_does_not_decide(plant: Plant) -> None:
    keys = hold(plant, plant.lot())
    with pytest.raises(NotPermitted):
        release(plant, keys, user=make_plant().engineer)
    assert_untouched(keys)


def test_holds_of_another_site_are_not_within_reach(plant: Plant) -> None:
    other = make_plant()
    publish(other)
    keys = hold(other, other.lot())
    with pytest.raises(DispositionRefused, match=r"^holds: "):
        release(plant, keys)
    assert_untouched(keys)


def test_nobody_releases_a_hold_that_they_placed(plant: Plant) -> None:
    keys = hold(plant, plant.lot(), by=plant.engineer)
    with pytest.raises(DispositionRefused, match="another engineer"):
        release(plant, keys)
    assert_untouched(keys)
    release(plant, keys, user=make_user(plant.site, "quality_engineer"))


def test_nobody_releases_a_violation_that_they_recorded(plant: Plant) -> None:
    lot = plant.lot()
    plant.start(lot, "mixing")
    reading = plant.reading("mixing.solids_pct", "70", lot)
    record(plant.envelope([reading], user=plant.engineer), now=timezone.now())
    keys = list(active_holds([lot.pk]).values_list("pk", flat=True))
    with pytest.raises(DispositionRefused, match="recorded or held this yourself"):
        release(plant, keys)
    assert_untouched(keys)


def test_a_hold_is_disposed_of_once(plant: Plant) -> None:
    keys = hold(plant, plant.lot())
    release(plant, keys)
    with pytest.raises(DispositionRefused, match="meanwhile"):
        release(plant, keys)
    assert Disposition.objects.count() == 1


@pytest.mark.parametrize("keys", [[], [-1]])
def test_nothing_named_is_nothing_decided(plant: Plant, keys: list[int]) -> None:
    with pytest.raises(DispositionRefused):
        release(plant, keys)
    assert not Signature.objects.exists()


def test_the_same_hold_named_twice_is_decided_once(plant: Plant) -> None:
    (key,) = hold(plant, plant.lot())
    assert release(plant, [key, key]).items.count() == 1


def test_scrap_ends_the_lot(plant: Plant) -> None:
    lot = plant.lot()
    decide(plant, hold(plant, lot), Ruling(D.SCRAP, "beyond repair"))
    lot.refresh_from_db()
    assert lot.state == Lot.State.SCRAPPED
    assert Movement.objects.get(lot=lot).kind == Movement.Kind.SCRAP
    with pytest.raises(GateRefused, match="scrapped"):
        plant.start(lot, "mixing")


def test_scrap_demands_that_every_hold_is_named(plant: Plant) -> None:
    lot = plant.lot()
    keys = hold(plant, lot)
    hold(plant, lot)
    with pytest.raises(DispositionRefused, match=f"{lot.code} has other open holds"):
        decide(plant, keys, Ruling(D.SCRAP, "beyond repair"))
    assert_untouched(keys)
    lot.refresh_from_db()
    assert lot.state == Lot.State.ACTIVE


def test_rework_demands_the_step_and_all_after_it_again(plant: Plant) -> None:
    roll = plant.lot("T-ROLL", quantity=240, length_mm=240_000, lanes=2)
    for step in ("coating", "drying", "calendering"):
        plant.run(roll, step)
    drying = plant.product.route.steps.get(step__code="drying")
    decide(plant, hold(plant, roll), Ruling(D.REWORK, "too wet", rework_from=drying))
    codes = {blocker.code for blocker in can_proceed(roll, "slitting", now=timezone.now())}
    assert codes == {"rework_due"}
    assert [b.code for b in can_proceed(roll, "coating", now=timezone.now())] == ["already_done"]
    assert next_step(roll) == drying
    assert plant.run(roll, "drying").attempt == 2
    assert {b.code for b in can_proceed(roll, "slitting", now=timezone.now())} == {"rework_due"}
    plant.run(roll, "calendering")
    assert can_proceed(roll, "slitting", now=timezone.now()) == []


def test_rework_names_a_step_that_runs_on_the_lot(plant: Plant) -> None:
    keys = hold(plant, plant.lot())
    coating = plant.product.route.steps.get(step__code="coating")
    with pytest.raises(DispositionRefused, match=r"^rework_from: .* does not run on lot"):
        decide(plant, keys, Ruling(D.REWORK, "again", rework_from=coating))
    assert_untouched(keys)


def concede(plant: Plant, lot: Lot) -> Disposition:
    ruling = Ruling(
        D.CONCESSION,
        "usable this week",
        concession_quantity=lot.quantity,
        concession_expires_at=timezone.now() + timedelta(days=1),
    )
    return decide(plant, hold(plant, lot), ruling)


def test_a_concession_lets_the_lot_move_until_it_expires(plant: Plant) -> None:
    lot = plant.lot()
    concede(plant, lot)
    assert can_proceed(lot, "mixing", now=timezone.now()) == []
    tomorrow = timezone.now() + timedelta(days=1, minutes=1)
    assert [b.code for b in can_proceed(lot, "mixing", now=tomorrow)] == ["concession_expired"]


def test_after_an_expired_concession_a_new_decision_lets_the_lot_move(plant: Plant) -> None:
    lot = plant.lot()
    concede(plant, lot)
    later = timezone.now() + timedelta(days=2)
    keys = hold(plant, lot)
    dispose(
        keys,
        Ruling(D.RELEASE, "inspected after the concession"),
        site=plant.site,
        user=plant.engineer,
        password=PASSWORD,
        now=later,
    )
    assert can_proceed(lot, "mixing", now=later + timedelta(minutes=1)) == []


def test_another_decision_during_a_concession_does_not_prolong_it(plant: Plant) -> None:
    lot = plant.lot()
    concede(plant, lot)
    release(plant, hold(plant, lot))
    assert [b.code for b in can_proceed(lot, "mixing", now=timezone.now() + timedelta(days=2))] == [
        "concession_expired"
    ]


def test_the_signature_covers_what_was_decided(plant: Plant) -> None:
    lot = plant.lot()
    disposition = release(plant, hold(plant, lot))
    content = {
        "holds": sorted(disposition.items.values_list("hold_lot_id", flat=True)),
        "lots": [lot.code],
        "decision": disposition.decision,
        "reason": disposition.reason,
        "cause": disposition.cause,
        "concession_quantity": None,
        "concession_expires_at": None,
        "rework_from": None,
        "decided_at": disposition.decided_at,
    }
    assert verify(disposition.signature, content)
    assert not verify(disposition.signature, content | {"decision": "scrap"})
    assert (disposition.signature.signer, disposition.signature.record_kind) == (
        plant.engineer,
        "disposition",
    )


def test_a_hold_by_hand_says_why(plant: Plant) -> None:
    with pytest.raises(HoldRefused, match=r"^reason: "):
        hold_by_hand(
            [HeldExtent(plant.lot().pk)],
            site=plant.site,
            reason=" ",
            user=plant.operator,
            now=timezone.now(),
        )
