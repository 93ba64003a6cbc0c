"""At the station with a scanner: from the scan to the hold."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from lots.models import HoldLot, Measurement
from tests.support.processes import Stack
from tests.support.watch import log_in
from tests.support.web import field, mixing_plant


def test_scan_start_record_violation_held(live_site: Stack, page: Page) -> None:
    plant = mixing_plant()
    lot = plant.lot(code="SLURRY-0042")
    watch = log_in(page, live_site.url, plant.operator.username)
    expect(page.locator("[data-scan-input]")).to_be_focused()
    page.keyboard.type(lot.code)
    page.keyboard.press("Enter")

    page.get_by_role("button", name="Start on MIXING-1").click()  # first tap
    value = page.locator(f"[name={field('mixing.solids_pct')}]")
    value.fill("67.5")
    value.blur()
    expect(page.locator(".verdict--out")).to_contain_text("above USL 66")
    assert not Measurement.objects.filter(lot_id=lot.pk).exists()
    page.get_by_role("button", name="Record").click()  # second tap

    expect(page.locator(".answer")).to_contain_text("SLURRY-0042 is now held because")
    expect(page.locator(".counter--held")).to_contain_text("1 held")
    assert HoldLot.objects.get(lot=lot).disposition_id is None
    assert Measurement.objects.get(lot_id=lot.pk).entered_text == "67.5"
    assert watch.complaints == []


def test_a_slow_tap_counts_though_the_verdict_comes_meanwhile(live_site: Stack, page: Page) -> None:
    plant = mixing_plant()
    lot = plant.lot()
    plant.start(lot, "mixing")
    watch = log_in(page, live_site.url, plant.operator.username)
    page.goto(f"{live_site.url}/station/{lot.code}/")
    name = field("mixing.solids_pct")
    page.locator(f"[name={name}]").fill("67.5")
    button = page.get_by_role("button", name="Record")
    # A press that slides off the button is no tap: the verdict appears then.
    button.hover()
    with page.expect_response("**/judge/**"):
        page.mouse.down()
    page.wait_for_timeout(200)
    expect(page.locator(".verdict--out")).to_have_count(0)
    page.mouse.move(5, 5)
    page.mouse.up()
    expect(page.locator(".verdict--out")).to_contain_text("above USL 66")
    assert not Measurement.objects.filter(lot_id=lot.pk).exists()
    page.locator(f"[name={name}]").fill("68")
    button.hover()
    with page.expect_response("**/judge/**"):
        page.mouse.down()
    page.wait_for_timeout(200)
    page.mouse.up()
    expect(page.locator(".answer")).to_contain_text("is now held because")
    assert watch.complaints == []


def test_readings_survive_a_reload_and_end_with_their_recording(live_site: Stack, page: Page) -> None:
    plant = mixing_plant()
    lot = plant.lot()
    plant.start(lot, "mixing")
    watch = log_in(page, live_site.url, plant.operator.username)
    name = f"[name={field('mixing.solids_pct')}]"
    page.goto(f"{live_site.url}/station/{lot.code}/")
    page.locator(name).fill("65.25")
    page.reload()
    expect(page.locator(name)).to_have_value("65.25")
    expect(page.locator("[data-draft-note]")).to_be_visible()
    page.get_by_text("Pass", exact=True).click()
    page.get_by_role("button", name="Record").click()
    expect(page.locator(".answer")).to_contain_text("Recorded: 2 readings")
    page.reload()
    expect(page.locator("[data-draft-note]")).to_be_hidden()
    assert Measurement.objects.filter(lot_id=lot.pk).count() == 2
    assert watch.complaints == []


def test_finishing_too_early_asks_and_keeps_what_was_typed(live_site: Stack, page: Page) -> None:
    plant = mixing_plant()
    lot = plant.lot()
    plant.start(lot, "mixing")
    watch = log_in(page, live_site.url, plant.operator.username)
    page.goto(f"{live_site.url}/station/{lot.code}/")
    page.locator(f"[name={field('mixing.solids_pct')}]").fill("65.25")
    page.get_by_role("button", name="Finish mixing").click()
    expect(page.get_by_role("alert")).to_contain_text("Mixing is not finished: 2 of 2 still missing")
    expect(page.locator(f"[name={field('mixing.solids_pct')}]")).to_have_value("65.25")
    page.get_by_role("button", name="Finish without them").click()
    expect(page.locator(".answer")).to_contain_text("Mixing is finished")
    assert watch.complaints == []


def test_a_wrong_field_is_marked_and_the_rest_is_kept(live_site: Stack, page: Page) -> None:
    plant = mixing_plant()
    lot = plant.lot()
    plant.start(lot, "mixing")
    watch = log_in(page, live_site.url, plant.operator.username)
    page.goto(f"{live_site.url}/station/{lot.code}/")
    page.locator(f"[name={field('mixing.solids_pct')}]").fill("6,5")
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_text("Nothing was recorded")).to_be_visible()
    expect(page.locator(f"[name={field('mixing.solids_pct')}]")).to_have_value("6,5")
    assert not Measurement.objects.filter(lot_id=lot.pk).exists()
    assert watch.complaints == []


def test_holding_a_lot_by_hand(live_site: Stack, page: Page) -> None:
    plant = mixing_plant()
    lot = plant.lot()
    watch = log_in(page, live_site.url, plant.operator.username)
    page.goto(f"{live_site.url}/station/{lot.code}/")
    page.get_by_role("button", name="Hold this lot").first.click()
    page.get_by_label("What is wrong?").fill("foam on top")
    page.locator("#hold-dialog").get_by_role("button", name="Hold this lot").click()
    expect(
        page.get_by_text("foam on top — a quality engineer must dispose of it", exact=False)
    ).to_be_visible()
    expect(page.get_by_role("button", name="Start on MIXING-1")).to_have_count(0)
    assert watch.complaints == []
