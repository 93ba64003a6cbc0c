"""As a new user would: from a requirement to a control plan, to the lot that breaks it, to its release.

Real processes: web server, broker, worker and sweeper. At every point the page says what is next.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from lots.models import Hold, Lot, RecipeParameter, User, WorkOrder
from mes import hints
from mes.runtime.processes import wait_until
from quality.actions.approve_limits import approve_limits
from quality.actions.produce import NewLot, produce_lots
from quality.models import ControlPlanRevision, Nonconformance, Release, Specification
from spc.models import Chart
from tests.support.builders import (
    PASSWORD,
    Plant,
    add_line,
    make_gauge,
    make_plant,
    make_user,
    publish,
)
from tests.support.cluster import Database
from tests.support.evidence import pending
from tests.support.processes import Stack, run_stack
from tests.support.watch import Watch, log_in
from tests.support.web import field

pytestmark = pytest.mark.timeout(600)

SOLIDS = "mixing.solids_pct"
SIZES = ((1280, 900), (820, 1180))
PHASE_1 = 20


@pytest.fixture
def site(fresh_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(hints, "_silent_until", 0.0)
    yield from run_stack(fresh_database, ["broker", "worker-1", "sweeper", "web"])


class Walk:
    """One browser per person; a picture of each point in both sizes."""

    def __init__(self, browser: Browser, url: str, pictures: Path) -> None:
        self.browser, self.url, self.pictures = browser, url, pictures
        self.pages: dict[str, Page] = {}
        self.watches: list[Watch] = []
        self.taken = 0

    def of(self, user: User) -> Page:
        if user.username not in self.pages:
            page = self.browser.new_context().new_page()
            page.set_default_timeout(30_000)
            self.watches.append(log_in(page, self.url, user.username))
            self.pages[user.username] = page
        return self.pages[user.username]

    def at(self, user: User, path: str) -> Page:
        page = self.of(user)
        page.goto(f"{self.url}{path}")
        return page

    def picture(self, page: Page, name: str) -> None:
        self.taken += 1
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=self.pictures / f"{self.taken:02}-{name}-{width}.png")

    def close(self) -> None:
        for page in self.pages.values():
            page.context.close()


@pytest.fixture
def walk(chromium: Browser, site: Stack, tmp_path: Path) -> Iterator[Walk]:
    walk = Walk(chromium, site.url, tmp_path)
    yield walk
    walk.close()


def next_is(page: Page, words: str) -> None:
    expect(page.locator(".banner").filter(has_text="Next").filter(has_text=words).first).to_be_visible()


def sign(page: Page, button: str) -> None:
    page.locator("input[type=password]").last.fill(PASSWORD)
    page.get_by_role("button", name=button).click()


def record(page: Page, value: str) -> None:
    for select in page.locator("details.gauges select").all():
        if select.is_visible():
            select.select_option(index=1)
    page.locator(f"[name={field(SOLIDS)}]").fill(value)
    page.get_by_role("button", name="Record").click()


def made(plant: Plant, order: str, code: str) -> Lot:
    spec = NewLot(code=code, material="T-SLURRY", quantity=100, work_order=order)  # type: ignore[arg-type]
    return produce_lots([spec], site=plant.site, user=plant.operator, now=timezone.now())[0]


def measured(plant: Plant, order: str, first: int, values: list[str]) -> None:
    """Batches of the order recorded through the pipeline, evaluated by the worker."""
    for number, value in enumerate(values, first):
        lot = made(plant, order, f"GOOD-{number}")
        plant.start(lot, "mixing")
        plant.submit([plant.reading(SOLIDS, value, lot, measured_at=timezone.now())])
    assert wait_until(lambda: pending() == 0, 60)


def requirement_and_specification(walk: Walk, plant: Plant) -> None:
    page = walk.at(plant.process_engineer, "/requirements/")
    page.get_by_role("link", name="New requirement").click()
    for name, text in {
        "code": "SI-MFG-77",
        "title": "Solids of the slurry",
        "statement": "The solids content stays where the coater needs it.",
        "acceptance": "solids 64 to 66 %",
        "source": "coating trial 12",
    }.items():
        page.fill(f"#{name}", text)
    page.select_option("#kind", "manufacturing")
    walk.picture(page, "requirement-form")
    page.get_by_role("button", name="Write it").click()
    next_is(page, "Derive a specification")
    walk.picture(page, "requirement")
    page.get_by_role("link", name="Derive a specification").click()
    page.select_option("#characteristic", SOLIDS)
    page.select_option("#product", str(plant.product.pk))
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#requirement")).to_have_value("SI-MFG-77")
    page.fill("#lsl", "64")
    page.fill("#usl", "66")
    page.fill("#source", "coating trial 12")
    page.fill("#change_reason", "first issue")
    page.get_by_role("button", name="Draft it").click()
    next_is(page, "another person")
    walk.picture(page, "specification-draft")
    key = Specification.objects.get(characteristic__code=SOLIDS, product_revision=plant.product).pk
    other = walk.at(plant.engineer, f"/specifications/{key}/")
    sign(other, "Approve")
    next_is(other, "Add a line to the control plan")
    walk.picture(other, "specification")


def plan_and_order(walk: Walk, plant: Plant) -> None:
    page = walk.at(plant.process_engineer, f"/plans/{plant.plan.pk}/")
    page.get_by_role("link", name="Add a line").click()
    page.select_option("#characteristic", SOLIDS)
    page.fill("#frequency", "every batch")
    page.select_option("#chart_family", "imr")
    page.select_option("#subgroup_by", "reading")
    page.fill("[name=rules]", "beyond_limits")
    page.fill("[name=phase1_subgroups]", str(PHASE_1))
    page.select_option("#reaction", "alert")
    page.fill("#change_reason", "SI-MFG-77")
    page.get_by_role("button", name="Draft the change").click()
    next_is(page, "another person")
    walk.picture(page, "plan-draft")
    draft = ControlPlanRevision.objects.get(plan=plant.plan.plan, number=2)
    other = walk.at(plant.engineer, f"/plans/{draft.pk}/")
    sign(other, "Approve and publish")
    expect(other.get_by_text("is published").first).to_be_visible()
    page.reload()
    next_is(page, "open an order")
    walk.picture(page, "plan-published")
    page.fill("#order-code", "WO-77")
    page.fill("#order-quantity", "100")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_text("Order WO-77 is open").first).to_be_visible()


def broken_lot(walk: Walk, plant: Plant) -> tuple[Lot, Hold]:
    """The operator begins a lot and records a value that violates the new limits; the page leads to the hold."""
    page = walk.at(plant.operator, "/station/")
    page.get_by_role("link", name="Begin a lot").click()
    page.select_option("#order", "WO-77")
    page.select_option("#material", "T-SLURRY")
    page.fill("#code", "BATCH-77")
    page.fill("#quantity", "100")
    walk.picture(page, "begin")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("button", name="Start on MIXING-1").click()
    lot = Lot.objects.get(code="BATCH-77")
    record(page, "67")
    expect(page.locator(".answer")).to_contain_text("BATCH-77 is now held because")
    walk.picture(page, "station-held")
    page.get_by_role("button", name="Finish mixing").click()
    expect(page.locator(".answer")).to_contain_text("Mixing is finished")
    page.get_by_role("link", name="Open the hold").first.click()
    expect(page.get_by_text("A quality engineer decides")).to_be_visible()
    hold = Hold.objects.get(members__lot=lot)
    there = walk.at(plant.engineer, f"/holds/{hold.pk}/")
    walk.picture(there, "hold")
    there.locator("main").get_by_role("link", name="SI-MFG-77").first.click()
    expect(there.locator("h1")).to_contain_text("SI-MFG-77")
    walk.picture(there, "requirement-with-hold")
    there.locator(f"main a[href='/holds/{hold.pk}/']").first.click()
    expect(there).to_have_url(f"{walk.url}/holds/{hold.pk}/")
    return lot, hold


def case(walk: Walk, plant: Plant, hold: Hold, reviewer: User) -> None:
    page = walk.at(plant.engineer, f"/holds/{hold.pk}/")
    page.get_by_role("button", name="Nonconformance").click()
    next_is(page, "name the owner")
    walk.picture(page, "case")
    number = Nonconformance.objects.get(hold=hold).pk
    page.select_option("#owner", index=1)  # nobody is chosen beforehand
    page.fill("#due", "2099-01-31")
    page.get_by_role("button", name="Assign").click()
    next_is(page, "classify")
    page.fill("#reason", "solids set too high")
    page.get_by_role("button", name="Classify").click()
    next_is(page, "trace")
    for name, text in {
        "claim": "scale reads high",
        "source": "check weight",
        "falsifier": "it reads right",
    }.items():
        page.fill(f"#{name}", text)
    page.get_by_role("button", name="Add evidence").click()
    page.fill("#because", "the scale was not tared")
    page.get_by_role("button", name="Add why").click()
    page.fill("#root", "taring is on no checklist")
    page.get_by_role("button", name="Name the root cause").click()
    next_is(page, "correct")
    lever = RecipeParameter.objects.filter(name="solid_density_g_cm3").latest("pk").pk
    page.select_option("#action-parameter", str(lever))
    page.fill("#action-1", "tare before every batch")
    page.fill("#due-1", "2099-01-15")
    page.get_by_role("button", name="Add action").first.click()
    next_is(page, "not carried out yet")
    row = page.locator("form", has=page.locator("input[value=action_done]"))
    row.locator("input[name=statement]").fill("checklist 4 issued")
    row.get_by_role("button").click()
    next_is(page, "verify")
    walk.picture(page, "case-to-verify")
    measured(plant, "WO-77", 100, ["65.0", "64.9", "65.1", "65.0", "64.9", "65.1"])
    page.get_by_role("button", name="Ask the chart").click()
    expect(page.get_by_text("Another person than who opened it")).to_be_visible()
    other = walk.at(reviewer, f"/cases/{number}/")
    other.fill("#learnt", "scales drift")
    sign(other, "Sign the closure")
    expect(other.locator(".banner--ok")).to_contain_text("Closed")
    walk.picture(other, "case-closed")


def rework_and_release(walk: Walk, plant: Plant, lot: Lot, hold: Hold, reviewer: User) -> None:
    page = walk.at(plant.engineer, f"/holds/{hold.pk}/")
    page.locator("input[name=decision][value=rework]").check()
    page.select_option("#rework", label="Mixing (slurry)")
    page.fill("#reason", "mix again with a tared scale")
    sign(page, "Sign the decision")
    expect(page.get_by_text("What the lots may do now").first).to_be_visible()
    walk.picture(page, "disposition")
    station = walk.at(plant.operator, f"/station/{lot.code}/")
    station.get_by_role("button", name="Start on MIXING-1").click()
    record(station, "65")
    expect(station.locator(".answer")).to_contain_text("Recorded")
    station.get_by_role("button", name="Finish mixing").click()
    expect(station.locator(".answer")).to_contain_text("Mixing is finished")
    assert wait_until(lambda: pending() == 0, 60)
    there = walk.at(reviewer, f"/lots/{lot.code}/release/")
    walk.picture(there, "release")
    sign(there, "Sign the release")
    expect(there.locator(".banner--ok")).to_contain_text("Released")
    walk.picture(there, "released")
    release = Release.objects.get(lot=lot)
    answer = there.request.get(f"{walk.url}/certificates/{release.pk}.pdf")
    assert answer.ok and answer.body().startswith(b"%PDF-")


def test_from_a_requirement_to_the_release_of_the_lot_that_broke_it(walk: Walk) -> None:
    plant = make_plant()
    add_line(plant, "mixing.viscosity_pa_s", required_count=0)
    publish(plant)
    for kind in ("moisture_balance", "rheometer"):
        make_gauge(plant, kind)
    reviewer = make_user(plant.site, "reviewer")
    running = plant.lot(code="RUNNING-1")
    plant.start(running, "mixing")
    requirement_and_specification(walk, plant)
    plan_and_order(walk, plant)
    # The running lot keeps its form: what was published asks nothing new of it.
    old = walk.at(plant.operator, f"/station/{running.code}/")
    expect(old.get_by_text("Viscosity").first).to_be_visible()
    expect(old.locator(f"[name={field(SOLIDS)}]")).to_have_count(0)
    assert WorkOrder.objects.get(code="WO-77").control_plan.revision.number == 2
    measured(plant, "WO-77", 0, ["65.1", "64.9"] * (PHASE_1 // 2))
    chart = Chart.objects.get(stream__plan__characteristic__code=SOLIDS)
    approve_limits(
        chart,
        excluded={},
        reason="phase 1 done",
        user=plant.process_engineer,
        password=PASSWORD,
        now=timezone.now(),
    )
    lot, hold = broken_lot(walk, plant)
    case(walk, plant, hold, reviewer)
    rework_and_release(walk, plant, lot, hold, reviewer)
    assert [watch.complaints for watch in walk.watches if watch.complaints] == []
