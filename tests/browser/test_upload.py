"""Uploading a cycler file in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from lots.models import Measurement
from tests.support.formation import cell_in_formation, formation_plant, just_now, two_cycles
from tests.support.processes import Stack
from tests.support.watch import log_in


def upload(page: Page, content: bytes) -> None:
    page.set_input_files("#upload-file", {"name": "t.ndax", "mimeType": "application/zip", "buffer": content})
    page.get_by_role("button", name="Read and record").click()


def test_a_cycler_file_becomes_cycles_on_the_page(live_site: Stack, page: Page) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    watch = log_in(page, live_site.url, plant.operator.username)
    page.goto(f"{live_site.url}/upload/")
    page.get_by_role("link", name=cell.code).click()
    upload(page, two_cycles(started=just_now()))
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{cell.code}: 2 cycles")
    expect(page.get_by_role("table", name="Cycles of the file")).to_contain_text("90.00")
    assert Measurement.objects.filter(lot_id=cell.pk).exists()
    assert watch.complaints == []


def test_a_corrupt_file_is_refused_and_nothing_is_stored(live_site: Stack, page: Page) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    watch = log_in(page, live_site.url, plant.operator.username)
    page.goto(f"{live_site.url}/upload/?code={cell.code}")
    upload(page, two_cycles()[:2500])
    expect(page.get_by_role("alert")).to_contain_text("truncated or corrupt")
    expect(page.locator("#upload-lot")).to_have_value(cell.code)
    assert not Measurement.objects.filter(lot_id=cell.pk).exists()
    assert watch.complaints == []


def test_a_file_that_is_too_large_is_not_sent(live_site: Stack, page: Page) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    watch = log_in(page, live_site.url, plant.operator.username)
    page.goto(f"{live_site.url}/upload/?code={cell.code}")
    page.locator("form[data-upload]").evaluate("form => { form.dataset.maxMb = '0.001'; }")
    upload(page, two_cycles())
    expect(page.locator("[data-upload-words]")).to_contain_text("Nothing was sent")
    assert not Measurement.objects.filter(lot_id=cell.pk).exists()
    assert watch.complaints == []


def test_refused_file_can_be_followed_by_a_good_one_in_place(live_site: Stack, page: Page) -> None:
    plant = formation_plant()
    cell, _ = cell_in_formation(plant)
    watch = log_in(page, live_site.url, plant.operator.username)
    page.goto(f"{live_site.url}/upload/?code={cell.code}")
    upload(page, two_cycles()[:2500])
    expect(page.get_by_role("alert")).to_contain_text("truncated or corrupt")
    upload(page, two_cycles(started=just_now()))
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{cell.code}: 2 cycles")
    assert watch.complaints == []
