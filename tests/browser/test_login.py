"""Logging in and out in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.builders import make_plant
from tests.support.processes import Stack
from tests.support.watch import Watch, log_in


def test_a_wrong_password_keeps_the_user_out_with_a_reason(live_site: Stack, page: Page) -> None:
    plant = make_plant()
    watch = Watch(page)
    page.goto(f"{live_site.url}/lots/")
    expect(page).to_have_url(f"{live_site.url}/login/?next=/lots/")
    page.fill("#id_username", plant.operator.username)
    page.fill("#id_password", "not this")
    page.click("button[type=submit]")
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    assert watch.complaints == []


def test_in_through_the_form_and_out_through_the_menu(live_site: Stack, page: Page) -> None:
    plant = make_plant()
    watch = log_in(page, live_site.url, plant.engineer.username)
    expect(page.get_by_role("heading", name="Line", exact=True)).to_be_visible()
    page.click(".account__button")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{live_site.url}/login/")
    page.goto(f"{live_site.url}/")
    expect(page).to_have_url(f"{live_site.url}/login/?next=/")
    assert watch.complaints == []
