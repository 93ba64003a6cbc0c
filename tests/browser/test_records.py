"""Raw records in a real browser, on a desk and on a tablet."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from lots.models import Lot
from tests.support.api import ApiClient
from tests.support.builders import Plant, make_gauge, make_plant, publish
from tests.support.processes import Stack
from tests.support.raw import (
    cell_in_filling,
    coated_roll,
    map_body,
    mass_body,
    open_roll,
    pressure_body,
    started,
)
from tests.support.watch import log_in

# How many pixels of a plot are of the brown in which the endpoint is drawn.
BROWN = """canvas => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let found = 0;
    for (let i = 0; i < pixels.length; i += 4)
        if (pixels[i + 3] > 120 && pixels[i] > pixels[i + 1] + 40 && pixels[i + 1] > pixels[i + 2] + 20) found += 1;
    return found;
}"""


def with_records(plant: Plant) -> dict[str, tuple[Lot, int]]:
    """One lot of each page, and how many plots it has."""
    api = ApiClient(plant.site, plant.operator)
    roll, cell = coated_roll(plant), cell_in_filling(plant)
    for lot, body in (
        (roll, map_body(make_gauge(plant, "thickness_gauge"), started_at=started())),
        (roll, mass_body(make_gauge(plant, "balance"), started_at=started())),
        (cell, pressure_body(make_gauge(plant, "pressure_sensor"), started_at=started())),
    ):
        assert (
            api.post(f"/lots/{lot.code}/records", body, key=f"{lot.code}-{body['kind']}").status_code == 201
        )
    opened = open_roll(plant, api, sensor_until_min=20)
    return {"thickness": (roll, 2), "drying": (roll, 3), "vacuum": (cell, 1), "dose": (opened, 1)}


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (820, 1180)])
def test_raw_records_are_drawn_and_said_in_words(
    live_site: Stack, page: Page, width: int, height: int
) -> None:
    plant = make_plant()
    publish(plant)
    watch = log_in(page, live_site.url, plant.operator.username)
    page.set_viewport_size({"width": width, "height": height})
    for name, (lot, plots) in with_records(plant).items():
        page.goto(f"{live_site.url}/lots/{lot.code}/{name}/")
        expect(page.locator("halite-record[data-ready]")).to_be_visible()
        expect(page.locator("halite-record canvas")).to_have_count(plots)
        for words in page.locator("[data-words]").all():
            expect(words).not_to_be_empty()
        if name == "drying":
            assert all(
                page.locator("halite-record canvas").nth(plot).evaluate(BROWN) > 100 for plot in (0, 1)
            )
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert watch.complaints == []
