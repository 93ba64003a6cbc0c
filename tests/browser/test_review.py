"""The quality engineer's way in a real browser: from the chart to the hold, its requirement, the lot, the decision."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from lots.queries import active_holds
from quality.models import Disposition, Signature
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


def test_from_the_chart_to_the_hold_its_requirement_and_the_lot(
    page: Page, charted: ChartedPlant, address: str
) -> None:
    said = complaints(page)
    hold = charted.signal()
    lot = charted.batches[-1]
    signal_point = charted.points()[-1].pk
    log_in(
        page,
        address,
        charted.plant.engineer,
        then=f"/charts/{charted.chart.pk}/?point={signal_point}",
    )
    page.locator(f"#point a[href='/holds/{hold.pk}/']").first.click()
    expect(page.locator("h1")).to_contain_text("Viscosity")
    expect(page.locator(".banner--ok")).to_contain_text("1 of 1")
    page.locator(".requirement__link").first.click()
    expect(page.locator("h1")).to_contain_text(charted.line.requirement.code)
    page.go_back()
    page.locator(f"a[href='/lots/{lot.code}/']").first.click()
    expect(page.locator("h1")).to_contain_text(lot.code)
    assert said == []


def test_wrong_password_decides_nothing_and_the_right_one_releases(
    page: Page, charted: ChartedPlant, address: str
) -> None:
    said = complaints(page)
    hold = charted.signal()
    lot = charted.batches[-1]
    log_in(page, address, charted.plant.engineer, then="/review/")
    page.locator(f"a[href='/holds/{hold.pk}/']").click()
    page.locator("input[value=release]").check()
    page.fill("#reason", "re-measured three times, 5.0 Pa.s")
    page.fill("#password", "not my password")
    page.get_by_role("button", name="Sign the decision").click()
    expect(page.locator(".banner--error")).to_contain_text("That is not your password")
    expect(page.locator("#reason")).to_have_value("re-measured three times, 5.0 Pa.s")
    assert active_holds([lot.pk]).filter(hold=hold).exists()
    assert not Disposition.objects.exists()
    said.clear()  # the browser itself reports the 422 of the refusal

    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Sign the decision").click()
    expect(page.locator("h2", has_text="What the lots may do now")).to_be_visible()
    assert not active_holds([lot.pk]).filter(hold=hold).exists()
    disposition = Disposition.objects.get()
    expect(page.locator(".hold-page aside")).to_contain_text(disposition.signature.printed_name)
    expect(page.locator(".hold-page aside")).to_contain_text("Disposition: Release")
    assert Signature.objects.filter(record_kind="disposition").count() == 1
    assert said == []


def test_fields_of_a_decision_appear_with_it(page: Page, charted: ChartedPlant, address: str) -> None:
    hold = charted.signal()
    log_in(page, address, charted.plant.engineer, then=f"/holds/{hold.pk}/")
    expect(page.locator("#quantity")).to_be_hidden()
    page.locator("input[value=concession]").check()
    expect(page.locator("#quantity")).to_be_visible()
    expect(page.locator("#rework")).to_be_hidden()
    page.locator("input[value=rework]").check()
    expect(page.locator("#rework")).to_be_visible()
