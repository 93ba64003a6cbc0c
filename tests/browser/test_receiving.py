"""A delivery is received on a tablet."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from lots.models import MaterialDefinition
from quality.actions.receive import set_incoming_rule
from quality.models import CertificateItem
from tests.conftest import Database
from tests.support.builders import Plant, make_plant
from tests.support.served import complaints, log_in, served


@pytest.fixture
def plant(fresh_database: Database) -> Plant:
    plant = make_plant()
    set_incoming_rule(
        MaterialDefinition.objects.get(code="T-RAW"),
        [CertificateItem(name="water", unit="[ppm]", upper=Decimal(50))],
        shelf_life_d=365,
        open_life_h=24,
        warn_before_h=48,
        reason="data sheet",
        site=plant.site,
        user=plant.process_engineer,
        now=timezone.now(),
    )
    return plant


@pytest.fixture
def address(plant: Plant) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (820, 1180)])
def test_delivery_is_received_and_opened(
    page: Page, plant: Plant, address: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    said = complaints(page)
    log_in(page, address, plant.operator, then="/receiving/")
    page.get_by_role("link", name="T-RAW T-RAW").click()
    page.get_by_label("Lot number here").fill("DRUM-1")
    page.get_by_label("Supplier's lot").fill("S-4711")
    page.get_by_label("Supplier", exact=True).fill("Salts Ltd")
    page.get_by_label("How much").fill("25.5")
    page.get_by_label("Made on").fill(str(timezone.now().date()))
    page.get_by_label("water").fill("18")
    for button in page.locator(".choice__label--pass").all():
        button.click()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    page.get_by_role("button", name="Receive", exact=True).click()
    expect(page.get_by_text("DRUM-1 is received.")).to_be_visible()
    page.get_by_role("button", name="Open it now").click()
    expect(page.get_by_text("Expires soon")).to_be_visible()
    assert said == []
