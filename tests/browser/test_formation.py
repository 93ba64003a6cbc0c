"""The formation page in a real browser, on a desk and on a tablet."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.mes.web.test_formation import formed_lot, others, spectrum_file
from tests.support.cycling import full_cycles, records
from tests.support.exports import battery_data_format
from tests.support.formation import cell_in_formation, formation_plant, set_recipe
from tests.support.processes import Stack
from tests.support.watch import log_in
from tests.support.web import signed_in


def upload(page: Page, url: str, code: str, content: bytes, *, conditions: bool = False) -> None:
    page.goto(f"{url}/upload/?code={code}")
    page.set_input_files("#upload-file", {"name": "x", "mimeType": "text/csv", "buffer": content})
    if conditions:
        page.fill("#upload-soc", "50")
        page.fill("#upload-temperature", "25")
    page.get_by_role("button", name="Read and record").click()
    expect(page.get_by_role("link", name="Curves")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (820, 1180)])
def test_curves_of_a_cell_are_drawn_and_said_in_words(
    live_site: Stack, page: Page, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    set_recipe(cell, upper_cutoff_v="3.8", lower_cutoff_v="2.2")
    watch = log_in(page, live_site.url, plant.operator.username)
    upload(page, live_site.url, cell.code, battery_data_format(records(full_cycles(4))))
    upload(page, live_site.url, cell.code, spectrum_file(), conditions=True)
    page.get_by_role("link", name="Curves").click()
    expect(page.locator("halite-formation[data-ready]")).to_be_visible()
    expect(page.locator("halite-formation canvas")).to_have_count(5)
    expect(page.locator('[data-words="ce"]')).to_contain_text("From 85.00 % to 85.00 %")
    expect(page.locator('[data-words="band"]')).to_contain_text("no band yet")
    expect(page.locator('[data-words="nyquist"]')).to_contain_text("fit Rs")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert watch.complaints == []


def test_cell_out_of_the_band_is_said_to_be(live_site: Stack, page: Page) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    watch = log_in(page, live_site.url, plant.operator.username)
    shifted = records(full_cycles(2))
    shifted.voltage_v[:] += 0.06
    upload(page, live_site.url, cell.code, battery_data_format(shifted))
    protocol = cell.curve_files.get().protocol
    others(plant, 20, protocol=protocol)
    page.get_by_role("link", name="Curves").click()
    expect(page.locator('[data-words="band"]')).to_contain_text("Not like 20 good cells")
    expect(page.locator('[data-list="band"] li')).to_have_count(2)
    expect(page.locator('[data-list="band"]')).to_contain_text("look at contact")
    assert watch.complaints == []


def test_cells_of_a_lot_are_drawn_together(live_site: Stack, page: Page) -> None:
    plant = formation_plant()
    lot = formed_lot(plant, signed_in(plant.operator), 5, spread=0.0)
    watch = log_in(page, live_site.url, plant.operator.username)
    page.goto(f"{live_site.url}/lots/{lot.code}/")
    page.get_by_role("link", name="Formation", exact=True).click()
    expect(page.locator('[data-words="members"]')).to_contain_text(
        "First charges of 5 cells; band of 5 good cells, provisional"
    )
    expect(page.locator("halite-formation canvas")).to_have_count(1)
    assert watch.complaints == []
