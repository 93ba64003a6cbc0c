"""What the demo's deliveries must show at the door, and one delivery of each material."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from lots.models import MaterialDefinition, Site, User
from mes.demo.product import MATERIALS
from quality.actions.load_table import decimal_or_none, read_table
from quality.actions.receive import Delivery, Stated, set_incoming_rule
from quality.models import CertificateItem

INCOMING = Path(__file__).with_name("incoming.csv")
CERTIFICATES = Path(__file__).with_name("certificates.csv")


def load_incoming_rules(site: Site, *, user: User, now: datetime) -> None:
    """Shelf life and certificate of each purchased material; one that has a rule keeps it."""
    materials = {
        material.code: material for material in MaterialDefinition.objects.filter(incoming_rules__isnull=True)
    }
    certificates = read_table(CERTIFICATES)
    for row in read_table(INCOMING):
        if row["material"] not in materials:
            continue
        items = [
            CertificateItem(
                name=item["name"],
                unit=item["unit"],
                lower=decimal_or_none(item["lower"]),
                upper=decimal_or_none(item["upper"]),
            )
            for item in certificates
            if item["material"] == row["material"]
        ]
        set_incoming_rule(
            materials[row["material"]],
            items,
            shelf_life_d=int(row["shelf_life_d"]),
            open_life_h=int(row["open_life_h"]) if row["open_life_h"] else None,
            warn_before_h=int(row["warn_before_h"]),
            reason="assumption of the demo: suppliers' values replace it",
            site=site,
            user=user,
            now=now,
        )


def deliveries(today: date) -> list[Delivery]:
    """What lies in the store when the demo begins. The salt is nearly at the end of its shelf life."""
    incoming = {row["material"]: row for row in read_table(INCOMING)}
    certificates = read_table(CERTIFICATES)
    return [
        Delivery(
            code=f"{row['code']}-D001",
            material=row["code"],
            quantity=Decimal(row["delivered"]),
            supplier=incoming[row["code"]]["supplier"],
            supplier_lot=f"{row['code'][:4]}-D001",
            label_matches=True,
            packaging_intact=True,
            certificate_matches=True,
            certificate=tuple(
                Stated(item["name"], item["typical"], item["unit"])
                for item in certificates
                if item["material"] == row["code"]
            ),
            manufactured_date=today - timedelta(days=int(incoming[row["code"]]["age_d"])),
        )
        for row in read_table(MATERIALS)
        if row["delivered"]
    ]
