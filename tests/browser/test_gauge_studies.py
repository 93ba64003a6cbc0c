"""A gauge study in a real browser: a reading is taken on a tablet, and the report draws its plots."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from lots.models import Characteristic
from quality.actions.gauge_study import StudyPlan, plan_study, record_readings
from quality.models import GaugeStudy
from tests.conftest import Database
from tests.support.builders import Plant, make_gauge, make_plant, specify
from tests.support.served import complaints, log_in, served

THICKNESS = "calendering.thickness_um"


@pytest.fixture
def plant(fresh_database: Database) -> Plant:
    plant = make_plant()
    specify(plant, THICKNESS, lsl="210", usl="220")
    return plant


@pytest.fixture
def study(plant: Plant) -> GaugeStudy:
    """Ten parts, three operators, two trials; one reading is missing."""
    thickness = Characteristic.objects.get(code=THICKNESS)
    plan = StudyPlan("crossed", [f"P{n}" for n in range(1, 11)], ["Ann", "Bo", "Chen"], 2)
    gauge = make_gauge(plant, thickness.gauge_kind)
    made = plan_study(gauge, thickness, plan, seed=3, user=plant.process_engineer, now=timezone.now())
    values = {
        run: f"{211 + 0.8 * int(part[1:]) + (run * 7 % 5 - 2) / 10:.1f}"
        for run, (part, _, _) in enumerate(made.order[:-1])
    }
    record_readings(made, values, user=plant.operator, now=timezone.now())
    return made


@pytest.fixture
def address(study: GaugeStudy) -> Iterator[str]:
    with served() as address:
        yield address


@pytest.mark.parametrize("width", [1280, 820])
def test_last_reading_is_taken_and_the_report_is_drawn(
    page: Page, plant: Plant, study: GaugeStudy, address: str, width: int
) -> None:
    said = complaints(page)
    page.set_viewport_size({"width": width, "height": 1180 if width < 1000 else 900})
    log_in(page, address, plant.operator, then=f"/gauge-studies/{study.pk}/")
    expect(page.locator(".study-next")).to_contain_text(study.order[-1][0])
    page.fill("#value", "215.3")
    page.keyboard.press("Enter")
    expect(page.locator("halite-plot[data-ready] canvas")).to_have_count(3)
    expect(page.locator("table").first).to_contain_text("Part × operator")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    assert said == []
