"""Load the demo line: masters, site, people, product, control plan, work order, raw material."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.load_masters import load_steps
from lots.clock import site_time
from lots.models import (
    Lot,
    MaterialDefinition,
    ProductRevision,
    RecipeRevision,
    Site,
    User,
    WorkOrder,
    WorkOrderRecipe,
)
from mes.demo.incoming import deliveries, load_incoming_rules
from mes.demo.keys import FILE_NAME, issue_keys
from mes.demo.people import Account, accounts, load_people
from mes.demo.product import load_materials, load_product, load_recipes
from mes.demo.site import load_equipment, load_gauges, load_site, load_zone_rules, plant
from mes.demo.study import load_study
from quality.actions.load_control_plan import load_control_plan
from quality.actions.load_gates import load_gates
from quality.actions.load_requirements import load_requirements
from quality.actions.load_safety import load_safety_chain
from quality.actions.load_specifications import load_specifications
from quality.actions.load_windows import load_windows
from quality.actions.receive import receive
from quality.models import ControlPlanRevision, WorkOrderPlan

PLANNER = "pe.sato"
CONTROL_PLAN_CODE, CONTROL_PLAN_NUMBER = "CP-SIB20", 2
WORK_ORDER, ORDERED_CELLS = "WO-0001", Decimal(100_000)


@dataclass(frozen=True)
class LoadedDemo:
    """What the demo now has. `keys_file` holds the API keys in clear."""

    site: Site
    accounts: list[Account]
    keys_file: Path
    control_plan: ControlPlanRevision
    specifications: int
    raw_lots: list[str]


def load_demo(*, state_directory: Path, now: datetime) -> LoadedDemo:
    """Load everything that is missing; repeating it changes nothing. The caller has checked the profile."""
    with transaction.atomic():
        act_as(None, process="load_demo")
        load_steps()
        load_requirements(now=now)
        load_windows()
        load_gates()
        content = plant()
        site = load_site(content)
        site_now = site_time(site, now)
        listed = accounts(content)
        act_as(None, process="load_demo")
        users = load_people(site, listed)
        planner = users[PLANNER]
        load_equipment(site, content)
        load_gauges(site, content["gauges"], user=planner, now=now)
        load_zone_rules(site, content, user=planner, now=now)
        act_as(None, process="load_demo")
        materials = load_materials()
        product = load_product(content["product"]["code"], content["product"]["revision"], issued_at=site_now)
        recipes = load_recipes(product.product, materials, issued_at=site_now)
        load_safety_chain(product.product, now=now)
        specifications = load_specifications(product, effective_at=site_now)
        control_plan = _plan(site, product, planner, now=now)
        _open_order(site, product, control_plan, materials, recipes, opened_at=site_now)
        load_incoming_rules(site, user=planner, now=now)
        raw_lots = _deliver(site, planner, now=now)
        load_study(site, users, now=now)
    keys_file = state_directory / FILE_NAME
    issue_keys(site, listed, keys_file, now=now)
    return LoadedDemo(site, listed, keys_file, control_plan, specifications, raw_lots)


def _plan(site: Site, product: ProductRevision, planner: User, *, now: datetime) -> ControlPlanRevision:
    """The plan is loaded once; from then on people revise it on its pages, and the newest published one counts."""
    stored = ControlPlanRevision.objects.filter(
        plan__site=site, plan__code=CONTROL_PLAN_CODE, published_at__isnull=False
    )
    return stored.order_by("-number").first() or load_control_plan(
        site=site,
        product_revision=product,
        code=CONTROL_PLAN_CODE,
        number=CONTROL_PLAN_NUMBER,
        user=planner,
        now=now,
    )


def _open_order(
    site: Site,
    product: ProductRevision,
    control_plan: ControlPlanRevision,
    materials: dict[str, MaterialDefinition],
    recipes: dict[str, RecipeRevision],
    *,
    opened_at: datetime,
) -> WorkOrder:
    """The work order pins the control plan and the recipe of each material that it makes."""
    order, _ = WorkOrder.objects.get_or_create(
        site=site,
        code=WORK_ORDER,
        defaults={
            "product_revision": product,
            "quantity": ORDERED_CELLS,
            "unit": "1",
            "opened_at": opened_at,
        },
    )
    WorkOrderPlan.objects.get_or_create(work_order=order, defaults={"revision": control_plan})
    for code, revision in recipes.items():
        WorkOrderRecipe.objects.get_or_create(
            work_order=order, material=materials[code], defaults={"recipe_revision": revision}
        )
    return order


def _deliver(site: Site, user: User, *, now: datetime) -> list[str]:
    """One large lot of each purchased material. They run no route, so they need no order."""
    wanted = deliveries(site_time(site, now).date())
    stored = set(
        Lot.objects.filter(site=site, code__in=[d.code for d in wanted]).values_list("code", flat=True)
    )
    for delivery in wanted:
        if delivery.code not in stored:
            receive(delivery, site=site, user=user, now=now)
    return [delivery.code for delivery in wanted]
