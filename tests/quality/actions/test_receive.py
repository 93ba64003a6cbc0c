"""Deliveries: papers, incoming checks, shelf life and life after opening; what is over is used by no path."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from lots.models import (
    CertificateValue,
    GateDecision,
    Hold,
    Lot,
    MaterialDefinition,
    Movement,
    Opening,
    Receipt,
    Zone,
)
from lots.queries import active_holds
from mes import pipeline
from quality.actions.gate import GateRefused
from quality.actions.produce import NewLot, produce_lots
from quality.actions.receive import Delivery, ReceiptRefused, Stated, open_lot, receive, set_incoming_rule
from quality.actions.report_movement import report_production
from quality.actions.taking import Input, ProductionRefused
from quality.gates import can_leave
from quality.models import CertificateItem, IncomingRule
from quality.permissions import NotPermitted
from quality.shelf_life import expiring_soon, lives_of
from tests.support.builders import Plant, make_plant, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def plant() -> Plant:
    plant = make_plant()
    publish(plant)
    return plant


def rule(plant: Plant, **change: Any) -> IncomingRule:
    wanted: dict[str, Any] = {
        "shelf_life_d": 365,
        "open_life_h": 24,
        "warn_before_h": 48,
        "reason": "data sheet",
    }
    items = [
        CertificateItem(name="water", unit="[ppm]", upper=Decimal(50)),
        CertificateItem(name="purity", unit="%", lower=Decimal("99.5"), upper=Decimal(100)),
    ]
    return set_incoming_rule(
        MaterialDefinition.objects.get(code="T-RAW"),
        change.pop("items", items),
        site=plant.site,
        user=plant.process_engineer,
        now=timezone.now(),
        **(wanted | change),
    )


def drum(plant: Plant, **change: Any) -> Delivery:
    base = Delivery(
        code=plant.code("DRUM"),
        material="T-RAW",
        quantity=Decimal(100),
        supplier="Salts Ltd",
        supplier_lot="S-4711",
        label_matches=True,
        packaging_intact=True,
        certificate_matches=True,
        certificate=(Stated("water", "18", "[ppm]"), Stated("purity", "99.8", "%")),
        manufactured_date=timezone.now().date() - timedelta(days=10),
    )
    return replace(base, **change)


def received(plant: Plant, **change: Any) -> Lot:
    return receive(drum(plant, **change), site=plant.site, user=plant.operator, now=timezone.now()).lot


def use(plant: Plant, lot: Lot) -> Lot:
    return plant.lot(inputs=[Input(lot.code, Decimal(1))])


def codes(lot: Lot, after: timedelta = timedelta(0)) -> list[str]:
    return [blocker.code.value for blocker in can_leave(lot, now=timezone.now() + after)]


def test_good_delivery_becomes_a_lot_with_its_papers_and_may_be_used(plant: Plant) -> None:
    rule(plant)
    lot = received(plant)
    receipt = Receipt.objects.get(lot=lot)
    assert (receipt.supplier, receipt.supplier_lot, receipt.received_by) == (
        "Salts Ltd",
        "S-4711",
        plant.operator,
    )
    stated = {v.name: (v.entered_text, v.conforms) for v in receipt.certificate.all()}
    assert stated == {"water": ("18", True), "purity": ("99.8", True)}
    assert lot.aliases.get().alias == "S-4711"
    assert use(plant, lot).links_to_parents.get().parent_id == lot.pk


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"packaging_intact": False, "remarks": "torn"}, "the packaging is damaged"),
        ({"label_matches": False, "remarks": "other grade"}, "the label does not match"),
        ({"certificate_matches": False, "remarks": "other lot"}, "does not belong to the lot"),
        ({"certificate": (Stated("water", "50.1", "[ppm]"), Stated("purity", "99.8", "%"))}, "water 50.1"),
        ({"certificate": (Stated("water", "5", "[ppm]"), Stated("purity", "99.49", "%"))}, "purity 99.49"),
    ],
)
def test_delivery_that_fails_is_received_and_held(plant: Plant, change: Any, words: str) -> None:
    rule(plant)
    lot = received(plant, **change)
    hold = active_holds([lot.pk]).get().hold
    assert hold.source == Hold.Source.INCOMING and words in hold.reason
    with pytest.raises(GateRefused):
        use(plant, lot)


def test_value_on_the_limit_conforms(plant: Plant) -> None:
    rule(plant)
    lot = received(plant, certificate=(Stated("water", "50", "[ppm]"), Stated("purity", "99.5", "%")))
    assert codes(lot) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"certificate": (Stated("water", "18", "[ppm]"),)}, "certificate: purity missing"),
        (
            {"certificate": (Stated("water", "", "[ppm]"), Stated("purity", "99.8", "%"))},
            "certificate: water",
        ),
        ({"certificate": (Stated("water", "18", "%"), Stated("purity", "99.8", "%"))}, "give it in"),
        ({"certificate": (Stated("water", "dry", "[ppm]"), Stated("purity", "99.8", "%"))}, "not a decimal"),
        ({"certificate": (Stated("water", "nan", "[ppm]"), Stated("purity", "99.8", "%"))}, "finite"),
        ({"packaging_intact": False, "remarks": " "}, "remarks: say what is wrong"),
        ({"material": "T-CELL"}, "material: 'T-CELL' is not a material that is delivered"),
        ({"supplier": " "}, "supplier: is needed"),
        ({"manufactured_date": None}, "expires_at: T-RAW keeps 365 days"),
        ({"manufactured_date": date(2999, 1, 1)}, "manufactured_date: lies after"),
        ({"quantity": Decimal(0)}, "quantity"),
    ],
)
def test_incomplete_delivery_is_refused_and_leaves_nothing(plant: Plant, change: Any, field: str) -> None:
    rule(plant)
    with pytest.raises((ReceiptRefused, ProductionRefused), match=field):
        received(plant, **change)
    assert not Receipt.objects.exists() and not Lot.objects.exists()


def test_shelf_life_is_the_earlier_of_label_and_manufacture(plant: Plant) -> None:
    rule(plant)
    made = date(2026, 1, 10)
    ends = datetime(2027, 1, 10, 23, tzinfo=UTC)  # the end of the 365th day after, in Berlin
    assert received(plant, manufactured_date=made).expires_at == ends
    sooner = datetime(2026, 12, 1, tzinfo=UTC)
    assert received(plant, manufactured_date=made, expires_at=sooner).expires_at == sooner
    later = datetime(2028, 12, 1, tzinfo=UTC)
    assert received(plant, manufactured_date=made, expires_at=later).expires_at == ends


def test_opening_starts_a_shorter_life(plant: Plant) -> None:
    rule(plant)
    lot = received(plant)
    assert codes(lot, timedelta(hours=25)) == []
    opening = open_lot(lot, user=plant.operator, now=timezone.now())
    assert opening.use_by == opening.opened_at + timedelta(hours=24)
    assert codes(lot, timedelta(hours=23, minutes=59)) == []
    (blocker,) = can_leave(lot, now=timezone.now() + timedelta(hours=24, seconds=1))
    local = opening.use_by.astimezone(ZoneInfo("Europe/Berlin"))  # as people of the site read it
    ends = f"life after opening ended at {local.day} {local:%b %Y %H:%M %Z}"
    assert blocker.code.value == "expired" and ends in blocker.message
    with pytest.raises(ReceiptRefused, match="opened already"):
        open_lot(lot, user=plant.operator, now=timezone.now())


def test_opening_in_a_dry_room_starts_it_too_and_only_once(plant: Plant) -> None:
    rule(plant)
    lot = received(plant)
    zone = Zone.objects.create(site=plant.site, code="DR-1", name="Dry room")
    first = timezone.now() - timedelta(hours=2)
    pipeline.open_container(lot, zone, user=plant.operator, now=timezone.now(), at=first)
    pipeline.close_container(lot, user=plant.operator, at=first + timedelta(minutes=5))
    pipeline.open_container(lot, zone, user=plant.operator, now=timezone.now(), at=first + timedelta(hours=1))
    assert Opening.objects.get(lot=lot).opened_at == first


def test_material_without_life_after_opening_is_not_shortened(plant: Plant) -> None:
    rule(plant, open_life_h=None)
    lot = received(plant)
    assert open_lot(lot, user=plant.operator, now=timezone.now()).use_by is None
    assert codes(lot, timedelta(days=300)) == []


def test_expired_material_is_refused_by_raw_sql_too_and_only_reported(plant: Plant) -> None:
    lot = plant.lot("T-RAW", quantity=10, expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(GateRefused, match="shelf life ended"):
        use(plant, lot)
    with pytest.raises(DatabaseError, match="the shelf life of lot") as caught, transaction.atomic():
        decision = GateDecision.objects.create(
            lot=lot, purpose="consume", passed=True, decided_at=timezone.now()
        )
        Movement.objects.create(
            lot=lot,
            kind="consume",
            gate_decision=decision,
            moved_by=plant.operator,
            moved_at=timezone.now(),
        )
    assert caught.value.__cause__.sqlstate == "HL006"  # type: ignore[union-attr]
    assert not Movement.objects.filter(lot=lot).exists()
    made = report_production(
        [
            NewLot(
                code="R-1",
                material="T-SLURRY",
                work_order=plant.order.code,
                inputs=(Input(lot.code, Decimal(1)),),
            )
        ],
        reason="poured before the scan",
        site=plant.site,
        user=plant.operator,
        now=timezone.now(),
    )
    assert active_holds([made.lots[0].pk]).exists()


def test_raw_sql_is_refused_by_the_opened_container_too(plant: Plant) -> None:
    rule(plant, open_life_h=1)
    lot = received(plant)
    open_lot(lot, user=plant.operator, now=timezone.now(), at=timezone.now() - timedelta(hours=2))
    with pytest.raises(DatabaseError, match="the shelf life of lot"), transaction.atomic():
        decision = GateDecision.objects.create(
            lot=lot, purpose="consume", passed=True, decided_at=timezone.now()
        )
        Movement.objects.create(
            lot=lot,
            kind="consume",
            gate_decision=decision,
            moved_by=plant.operator,
            moved_at=timezone.now(),
        )


def test_inspected_material_is_not_used_without_its_receipt(plant: Plant) -> None:
    stock = plant.raw()
    rule(plant)
    assert codes(stock) == []  # it came in before anybody asked
    smuggled = produce_lots(
        [NewLot(code="SMUGGLED", material="T-RAW", quantity=Decimal(5))],
        site=plant.site,
        user=plant.operator,
        now=timezone.now(),
    )[0]
    assert codes(smuggled) == ["not_received"]
    with pytest.raises(GateRefused, match="has not passed incoming inspection"):
        use(plant, smuggled)


def test_a_work_order_does_not_stand_for_the_receipt_but_what_it_was_made_from_does(plant: Plant) -> None:
    stock = plant.raw()
    rule(plant)
    order = plant.lot().work_order
    assert order is not None
    ordered = produce_lots(
        [NewLot(code="ORDERED", material="T-RAW", quantity=Decimal(5), work_order=order.code)],
        site=plant.site,
        user=plant.operator,
        now=timezone.now(),
    )[0]
    assert codes(ordered) == ["not_received"]
    assert codes(plant.lot("T-RAW", quantity=5, inputs=[Input(parent=stock.code, quantity=Decimal(5))])) == []


def test_what_expires_soon_is_listed_by_its_own_warning(plant: Plant) -> None:
    rule(plant, warn_before_h=48)
    now = timezone.now()
    near = received(plant, expires_at=now + timedelta(hours=47))
    received(plant, expires_at=now + timedelta(hours=49))
    over = received(plant, expires_at=now - timedelta(hours=1))
    opened = received(plant)
    open_lot(opened, user=plant.operator, now=now)
    assert [lot for lot, _ in expiring_soon(plant.site, now=now)] == [over, opened, near]
    life = lives_of([over], now=now)[over.pk]
    assert (life.is_over, life.is_soon, life.after_opening) == (True, False, False)


def test_the_latest_rule_counts_for_new_deliveries(plant: Plant) -> None:
    rule(plant)
    rule(plant, items=[], shelf_life_d=None)
    lot = received(plant, certificate=(Stated("colour", "1.5", "1"),), manufactured_date=None)
    assert lot.expires_at is None
    assert CertificateValue.objects.get().lower is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"shelf_life_d": 0}, "shelf_life_d"),
        ({"open_life_h": 100_001}, "open_life_h"),
        ({"warn_before_h": -1}, "warn_before_h"),
        ({"reason": ""}, "reason"),
        ({"items": [CertificateItem(name="w", unit="")]}, "certificate: each value"),
        (
            {"items": [CertificateItem(name="w", unit="%"), CertificateItem(name="w", unit="%")]},
            "certificate",
        ),
        (
            {"items": [CertificateItem(name="w", unit="%", lower=Decimal(2), upper=Decimal(1))]},
            "a lower limit lies above",
        ),
    ],
)
def test_impossible_rules_are_refused(plant: Plant, change: Any, field: str) -> None:
    with pytest.raises(ReceiptRefused, match=field):
        rule(plant, **change)
    assert not IncomingRule.objects.exists()


def test_supplier_lot_that_comes_twice_leads_to_the_first(plant: Plant) -> None:
    first, second = received(plant), received(plant)
    assert first.aliases.count() == 1 and second.aliases.count() == 0


def test_who_may_receive_and_who_may_set_the_rule(plant: Plant) -> None:
    with pytest.raises(NotPermitted):
        receive(drum(plant), site=plant.site, user=plant.engineer, now=timezone.now())
    with pytest.raises(NotPermitted):
        set_incoming_rule(
            MaterialDefinition.objects.get(code="T-RAW"),
            [],
            shelf_life_d=None,
            open_life_h=None,
            warn_before_h=1,
            reason="x",
            site=plant.site,
            user=plant.operator,
            now=timezone.now(),
        )
