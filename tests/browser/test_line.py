"""The overview changes by itself."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.processes import Stack
from tests.support.watch import log_in
from tests.support.web import mixing_plant, running_mix


def test_a_new_hold_appears_without_a_reload(live_site: Stack, page: Page) -> None:
    plant = mixing_plant()
    watch = log_in(page, live_site.url, plant.engineer.username)
    expect(page.get_by_text("Nothing is held")).to_be_visible()
    lot, _ = running_mix(plant)
    with page.expect_request("**/line/board/") as refresh:
        plant.submit([plant.reading("mixing.solids_pct", "70", lot)])
    assert refresh.value.headers["x-halite-background"] == "1"
    expect(page.locator("#board")).to_contain_text("above USL 66", timeout=15_000)
    expect(page.locator("#board")).to_contain_text(lot.code)
    assert watch.complaints == []
