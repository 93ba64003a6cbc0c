"""The sampling plan designer in a real browser, on a desktop and on a tablet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Database
from tests.support.builders import Plant, make_plant
from tests.support.served import complaints, log_in, served


@pytest.fixture
def plant(fresh_database: Database) -> Plant:
    return make_plant()


@pytest.fixture
def address(plant: Plant) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (820, 1180)])
def test_a_wish_becomes_plans_and_curves_without_a_sideways_scroll(
    page: Page, plant: Plant, address: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    said = complaints(page)
    log_in(page, address, plant.process_engineer, then="/sampling/")
    page.get_by_label("Lot size").fill("500")
    page.get_by_label("AQL, %").select_option("2.5")
    page.get_by_role("button", name="Show plans").click()
    expect(page.get_by_role("heading", name="Plans for 500 items a lot")).to_be_visible()
    expect(page.locator("svg.plot")).to_have_count(3)
    expect(page.get_by_text("code letter H").first).to_be_visible()
    page.get_by_label("Bad lots have at least, % defective").fill("1.1")
    page.get_by_role("button", name="Show plans").click()
    expect(page.get_by_role("alert")).to_contain_text("1.3 times")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow == 0
    assert said == []
