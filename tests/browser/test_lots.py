"""The page of a lot in a real browser: its reasons, its genealogy."""

from __future__ import annotations

from decimal import Decimal

from playwright.sync_api import Page, expect

from quality.actions.taking import Input
from tests.support.processes import Stack
from tests.support.watch import log_in
from tests.support.web import mixing_plant


def test_the_lot_page_shows_why_it_cannot_move_and_where_it_came_from(live_site: Stack, page: Page) -> None:
    plant = mixing_plant()
    raw = plant.raw()
    lot = plant.lot(inputs=[Input(parent=raw.code, quantity=Decimal(5))])
    plant.start(lot, "mixing")
    plant.submit([plant.reading("mixing.solids_pct", "70", lot)])
    plant.finish(lot.executions.get())
    watch = log_in(page, live_site.url, plant.engineer.username)
    page.goto(f"{live_site.url}/lots/?q={lot.code}")
    page.get_by_role("link", name=lot.code, exact=True).click()
    reasons = page.get_by_role("region", name="Why it cannot move")
    expect(reasons).to_contain_text("above USL 66")
    expect(reasons).to_contain_text("0 of 1 values")
    expect(page.locator("halite-genealogy details summary")).to_contain_text("2 lots")
    expect(page.get_by_alt_text(f"Label of {lot.code}")).to_be_visible()
    reasons.get_by_role("link", name="Open the hold").click()
    expect(page).to_have_url(f"{live_site.url}/holds/{lot.hold_members.get().hold_id}/")
    assert watch.complaints == []
