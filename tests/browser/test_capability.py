"""The capability page in a real browser: histogram, curves and limits are drawn; on a desk and on a tablet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Database
from tests.support.frozen_chart import ChartedPlant, frozen_plant
from tests.support.served import complaints, log_in, served


@pytest.fixture
def charted(fresh_database: Database) -> ChartedPlant:
    charted = frozen_plant()
    for value in ("4.8", "5.2", "5.3", "4.7", "5.0"):
        charted.measure(value)
    return charted


@pytest.fixture
def address(charted: ChartedPlant) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.mark.parametrize("width", [1280, 820])
def test_histogram_is_drawn_with_its_curves(
    page: Page, charted: ChartedPlant, address: str, width: int
) -> None:
    said = complaints(page)
    page.set_viewport_size({"width": width, "height": 900})
    log_in(page, address, charted.plant.engineer, then=f"/charts/{charted.chart.pk}/capability/")
    expect(page.locator("halite-plot[data-ready] canvas")).to_have_count(1)
    expect(page.locator("halite-plot .u-legend")).to_contain_text("Normal, sigma within")
    painted = page.locator("halite-plot canvas").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v).length"
    )
    assert painted > 5_000
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    assert said == []
