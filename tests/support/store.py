"""A room that was checked and a drum that was received, for the plant that has worked."""

from __future__ import annotations

from decimal import Decimal

from django.utils import timezone

from lots.models import MaterialDefinition, Zone
from lots.science.humidity_events import ChecklistItem
from quality.actions.receive import Delivery, Stated, open_lot, receive, set_incoming_rule
from quality.actions.shift_check import answer_checklist, set_zone_rule
from quality.models import CertificateItem
from tests.support.builders import Plant


def receive_a_drum(plant: Plant) -> None:
    now = timezone.now()
    set_incoming_rule(
        MaterialDefinition.objects.create(code="T-SALT", name="Salt", kind="raw", unit="kg"),
        [CertificateItem(name="water", unit="[ppm]", upper=Decimal(50))],
        shelf_life_d=None,
        open_life_h=24,
        warn_before_h=24,
        reason="supplier's sheet",
        site=plant.site,
        user=plant.process_engineer,
        now=now,
    )
    drum = Delivery(
        code="DRUM-1",
        material="T-SALT",
        quantity=Decimal(50),
        supplier="Salts",
        supplier_lot="S-1",
        label_matches=True,
        packaging_intact=True,
        certificate_matches=True,
        certificate=(Stated("water", "18", "[ppm]"),),
    )
    receipt = receive(drum, site=plant.site, user=plant.operator, now=now)
    open_lot(receipt.lot, user=plant.operator, now=now)


def check_a_room(plant: Plant) -> None:
    zone = Zone.objects.create(site=plant.site, code="DR-W", name="Dry room")
    now = timezone.now()
    set_zone_rule(zone, ["dry_room"], hours=None, reason="daily", user=plant.process_engineer, now=now)
    answer_checklist(zone, dict.fromkeys(ChecklistItem, True), user=plant.operator, now=now)
