"""The shift checklist of a dry room in a real browser, answered on a tablet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from lots.models import Zone
from quality.actions.shift_check import set_zone_rule
from tests.conftest import Database
from tests.support.builders import Plant, make_gauge, make_plant, publish
from tests.support.served import complaints, log_in, served


@pytest.fixture
def plant(fresh_database: Database) -> Plant:
    plant = make_plant()
    publish(plant)
    zone = Zone.objects.create(site=plant.site, code="DR-1", name="Staging room")
    make_gauge(plant, "frost_point_sensor", zone=zone)
    set_zone_rule(
        zone, ["dry_room"], hours=None, reason="7.2", user=plant.process_engineer, now=timezone.now()
    )
    return plant


@pytest.fixture
def address(plant: Plant) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (820, 1180)])
def test_checklist_is_answered_with_large_buttons(
    page: Page, plant: Plant, address: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    said = complaints(page)
    log_in(page, address, plant.operator, then="/dry-rooms/")
    page.get_by_role("link", name="Staging room").click()
    expect(page.get_by_text("Nothing starts here")).to_be_visible()
    for button in page.locator(".choice__label--pass").all():
        box = button.bounding_box()
        assert box is not None and box["height"] >= 60 and box["width"] >= 100
        button.click()
    page.get_by_role("button", name="Record the checklist").click()
    expect(page.get_by_text("Work may start here")).to_be_visible()
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow == 0
    assert said == []
