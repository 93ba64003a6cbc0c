"""A half-filled form survives an idle logout, and nothing of it is left once it was sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from tests.conftest import Database
from tests.support.builders import PASSWORD
from tests.support.frozen_chart import ChartedPlant, frozen_plant
from tests.support.served import complaints, log_in, served


@pytest.fixture
def charted(fresh_database: Database) -> ChartedPlant:
    return frozen_plant()


@pytest.fixture
def address(charted: ChartedPlant) -> Iterator[str]:
    with served() as address:
        yield address


def sign_in_again(page: Page, charted: ChartedPlant) -> None:
    page.fill("input[name=username]", charted.plant.engineer.username)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")


def test_what_was_typed_is_back_after_an_idle_logout(page: Page, charted: ChartedPlant, address: str) -> None:
    said = complaints(page)
    hold = charted.signal()
    log_in(page, address, charted.plant.engineer, then=f"/holds/{hold.pk}/")
    page.locator("#reason").fill("checked twice, wrong spindle")
    page.locator("#cause").fill("spindle")
    page.locator("input[name=decision][value=release]").check()
    page.locator("#password").fill("half a pass")
    Session.objects.all().delete()
    page.locator("#disposition button[type=submit]").click()  # the post goes nowhere but to the login
    expect(page.locator("input[name=username]")).to_be_visible()
    sign_in_again(page, charted)
    page.goto(f"{address}/holds/{hold.pk}/")
    expect(page.locator("#reason")).to_have_value("checked twice, wrong spindle")
    expect(page.locator("#cause")).to_have_value("spindle")
    expect(page.locator("input[name=decision][value=release]")).to_be_checked()
    expect(page.locator("#password")).to_have_value("")
    expect(page.locator("#disposition .note")).to_contain_text("was not sent")
    stored = page.evaluate("() => JSON.stringify(localStorage)")
    assert "half a pass" not in stored and PASSWORD not in stored
    page.locator("#password").fill(PASSWORD)
    page.locator("#disposition button[type=submit]").click()
    expect(page.locator("h2", has_text="Signed")).to_be_visible()
    assert (
        page.evaluate("() => Object.keys(localStorage).filter((k) => k.startsWith('halite:kept:')).length")
        == 0
    )
    assert [words for words in said if "403" not in words] == []


def test_refused_form_keeps_what_was_typed(page: Page, charted: ChartedPlant, address: str) -> None:
    hold = charted.signal()
    log_in(page, address, charted.plant.engineer, then=f"/holds/{hold.pk}/")
    page.locator("#reason").fill("checked twice")
    page.locator("input[name=decision][value=release]").check()
    page.locator("#password").fill("wrong password")
    page.locator("#disposition button[type=submit]").click()
    expect(page.locator(".banner--error")).to_contain_text("not your password")
    expect(page.locator("#reason")).to_have_value("checked twice")
