"""A chart in a real browser: limits, signals, the details of a point, a cause; on a desk and on a tablet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from spc.models import Signal
from tests.conftest import Database
from tests.support.frozen_chart import ChartedPlant, frozen_plant
from tests.support.served import complaints, log_in, served


@pytest.fixture
def charted(fresh_database: Database) -> ChartedPlant:
    charted = frozen_plant()
    charted.signal()
    return charted


@pytest.fixture
def address(charted: ChartedPlant) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.mark.parametrize("width", [1440, 1024])
def test_chart_is_drawn_and_its_signal_explained(
    page: Page, charted: ChartedPlant, address: str, width: int
) -> None:
    said = complaints(page)
    page.set_viewport_size({"width": width, "height": 900})
    log_in(page, address, charted.plant.engineer, then=f"/charts/{charted.chart.pk}/")
    expect(page.locator("halite-chart canvas")).to_have_count(2)
    expect(page.locator(".chart__legend")).to_contain_text("Specification limits")
    expect(page.locator(".chart__legend")).to_contain_text("Excluded")
    page.locator(".chart__plot").focus()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator("#point")).to_contain_text(f"Point {len(charted.points())}")
    expect(page.locator("#point")).to_contain_text("A point beyond a control limit")
    expect(page.locator("#point")).to_contain_text(charted.batches[-1].code)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    assert said == []


def test_cause_is_assigned_in_the_panel_of_the_point(page: Page, charted: ChartedPlant, address: str) -> None:
    said = complaints(page)
    signal = Signal.objects.get(chart=charted.chart, panel="location", provisional=False)
    log_in(
        page,
        address,
        charted.plant.engineer,
        then=f"/charts/{charted.chart.pk}/?point={signal.point_id}",
    )
    form = page.locator(f"form:has(#cause-{signal.pk})")
    form.locator("input[name=cause]").fill("spindle of another rheometer")
    form.locator("button").click()
    expect(page.locator(".signal-card--seen")).to_contain_text("spindle of another rheometer")
    signal.refresh_from_db()
    assert signal.cause == "spindle of another rheometer"
    assert said == []
