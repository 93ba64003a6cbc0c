"""Builders: a small plant made through the public actions, and verbs to run material through it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import TypedDict, Unpack

from django.utils import timezone

from lots.envelope import Envelope, ReadingIn
from lots.models import (
    Calibration,
    Characteristic,
    Equipment,
    Gauge,
    Lot,
    MaterialDefinition,
    Membership,
    ProcessStep,
    Product,
    ProductRevision,
    Recipe,
    RecipeParameter,
    RecipeRevision,
    Route,
    RouteStep,
    Site,
    Source,
    StepExecution,
    User,
    WorkOrder,
    WorkOrderRecipe,
    Zone,
)
from lots.steps import STEPS
from mes import pipeline
from quality.actions.produce import NewLot, produce_lots
from quality.actions.publish_plan import publish_plan
from quality.actions.run_step import start_step
from quality.actions.taking import Input
from quality.models import (
    ControlPlan,
    ControlPlanLine,
    ControlPlanRevision,
    Requirement,
    SourceType,
    Specification,
    SpecificationLine,
    WorkOrderPlan,
)

PASSWORD = "a password for tests 1"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_numbers = itertools.count(1)

MATERIALS = {
    "T-RAW": ("raw", "kg"),
    "T-SLURRY": ("slurry", "kg"),
    "T-COLLECTOR": ("collector", "m"),
    "T-ELECTROLYTE": ("electrolyte", "kg"),
    "T-ROLL": ("mother_roll", "m"),
    "T-SLIT": ("daughter_roll", "m"),
    "T-CELL-LOT": ("cell_lot", "1"),
    "T-CELL": ("cell", "1"),
}
RECIPE = {
    "punch_area_cm2": "12",
    "coated_sides": "2",
    "foil_thickness_um": "15",
    "solid_density_g_cm3": "3.95",
    "drying_rate_limit_pct_min": "0.2",
    "drying_consecutive": "2",
    "fill_target_g": "60",
    "nominal_capacity_ah": "20",
    "formation_cycles": "4",
    "capacity_reference_ah": "20",
    "electrolyte_density_g_cm3": "1.25",
    "pore_volume_cm3": "61.6",
    "viscosity_temperature_c": "25",
    "viscosity_shear_rate_1_s": "100",
    "salt_molar_mass_g_mol": "167.952",
    "ocv_reading_u_mv": "0.1",
    "ageing_least_days": "3",
}


def make_user(site: Site, role: str, *, name: str = "") -> User:
    """An active user with one role and the password PASSWORD."""
    username = name or f"{role}-{next(_numbers)}"
    user = User.objects.create_user(
        username=username, password=PASSWORD, first_name=role.title(), last_name="Test"
    )
    Membership.objects.create(user=user, site=site, role=role)
    return user


def make_site(*, simulated: bool = False) -> Site:
    number = next(_numbers)
    return Site.objects.create(
        code=f"T{number}",
        name=f"Test plant {number}",
        time_zone="Europe/Berlin",
        production_day_starts=time(6),
        simulated=simulated,
    )


class Alike(TypedDict, total=False):
    """What may be said of lots that a plant makes."""

    quantity: Decimal | int
    length_mm: int | None
    lanes: int | None
    inputs: Sequence[Input]
    group: str
    code: str
    expires_at: datetime | None


@dataclass
class Plant:
    """A site with a product, a route of all steps, one order, a published control plan and people."""

    site: Site
    operator: User
    engineer: User
    process_engineer: User
    source: Source
    product: ProductRevision
    order: WorkOrder
    plan: ControlPlanRevision
    equipment: dict[str, Equipment] = field(default_factory=dict)

    # --- material -------------------------------------------------------------------------------
    def code(self, prefix: str) -> str:
        return f"{prefix}-{next(_numbers)}"

    def lot(self, material: str = "T-SLURRY", **alike: Unpack[Alike]) -> Lot:
        return self.lots(1, material, **alike)[0]

    def lots(self, number: int, material: str = "T-SLURRY", **alike: Unpack[Alike]) -> list[Lot]:
        """So many lots alike, made at once; each takes the inputs."""
        specs = [
            NewLot(
                code=alike.get("code") or self.code(material),
                material=material,
                quantity=Decimal(alike.get("quantity", 100)),
                work_order="" if material == "T-RAW" else self.order.code,
                length_mm=alike.get("length_mm"),
                lanes=alike.get("lanes"),
                inputs=tuple(alike.get("inputs", ())),
                group=alike.get("group", ""),
                expires_at=alike.get("expires_at"),
            )
            for _ in range(number)
        ]
        return produce_lots(specs, site=self.site, user=self.operator, now=timezone.now())

    def raw(self, *, quantity: int = 1_000) -> Lot:
        return self.lot("T-RAW", quantity=quantity)

    # --- steps ----------------------------------------------------------------------------------
    def start(self, lot: Lot, step: str) -> StepExecution:
        return self.start_all([lot], step)[0]

    def start_all(self, lots: Sequence[Lot], step: str) -> list[StepExecution]:
        return start_step(lots, step, user=self.operator, equipment=self.equipment[step], now=timezone.now())

    def finish(self, execution: StepExecution, readings: Sequence[ReadingIn] = ()) -> pipeline.Answer:
        return pipeline.finish_step(execution, self.envelope(readings), now=timezone.now())

    def run(self, lot: Lot, step: str, readings: Sequence[ReadingIn] = ()) -> StepExecution:
        return self.run_all([lot], step, readings)[0]

    def run_all(
        self, lots: Sequence[Lot], step: str, readings: Sequence[ReadingIn] = ()
    ) -> list[StepExecution]:
        """The lots go through the step together; the readings are of any of them."""
        executions = self.start_all(lots, step)
        if readings:
            self.submit(readings)
        for execution in executions:
            self.finish(execution)
        return executions

    # --- measurements ---------------------------------------------------------------------------
    def reading(self, code: str, value: str | float, lot: Lot | None = None, **more: object) -> ReadingIn:
        fields: dict[str, object] = {
            "characteristic": code,
            "value": str(value),
            "unit": Characteristic.objects.get(code=code).unit,
            "measured_at": timezone.now() - timedelta(seconds=1),
            "lot": lot.code if lot is not None else "",
        }
        return ReadingIn(**(fields | more))  # type: ignore[arg-type]

    def envelope(self, readings: Sequence[ReadingIn], *, key: str = "", user: User | None = None) -> Envelope:
        return Envelope(
            site=self.site,
            source=self.source,
            key=key or f"key-{next(_numbers)}",
            user=user or self.operator,
            readings=tuple(readings),
        )

    def submit(self, readings: Sequence[ReadingIn], *, key: str = "") -> pipeline.Answer:
        return pipeline.record(self.envelope(readings, key=key), now=timezone.now())


def make_plant(*, simulated: bool = False, product: ProductRevision | None = None) -> Plant:
    """A plant whose control plan has no lines yet: add them with `add_line` before `publish`.

    It makes a product of its own unless another plant's is given.
    """
    site = make_site(simulated=simulated)
    operator = make_user(site, Membership.Role.OPERATOR)
    _materials()
    product = product or _product()
    steps = list(ProcessStep.objects.order_by("sequence"))
    machines = Equipment.objects.bulk_create(
        Equipment(site=site, code=f"{step.code.upper()}-1", name=step.name, step=step) for step in steps
    )
    equipment = {step.code: machine for step, machine in zip(steps, machines, strict=True)}
    order = WorkOrder.objects.create(
        site=site, code="WO-1", product_revision=product, quantity=1, unit="1", opened_at=LONG_AGO
    )
    _pin_recipe(order, product)
    plan = ControlPlanRevision.objects.create(
        plan=ControlPlan.objects.create(site=site, code="CP-1", product_revision=product),
        number=1,
        change_reason="first",
    )
    WorkOrderPlan.objects.create(work_order=order, revision=plan)
    return Plant(
        site=site,
        operator=operator,
        engineer=make_user(site, Membership.Role.QUALITY_ENGINEER),
        process_engineer=make_user(site, Membership.Role.PROCESS_ENGINEER),
        source=Source.objects.create(site=site, code="TERMINAL-1", name="Terminal", user=operator),
        product=product,
        order=order,
        plan=plan,
        equipment=equipment,
    )


def _product() -> ProductRevision:
    """With a route of all steps that are not optional."""
    product = ProductRevision.objects.create(
        product=Product.objects.create(code=f"P{next(_numbers)}", name="Test cell"),
        revision="A",
        issued_at=LONG_AGO,
    )
    route = Route.objects.create(product_revision=product, name="Test route")
    optional = {step.code for step in STEPS if step.optional}
    RouteStep.objects.bulk_create(
        RouteStep(route=route, sequence=step.sequence, step=step)
        for step in ProcessStep.objects.order_by("sequence")
        if step.code not in optional
    )
    return product


def _materials() -> None:
    """Of all plants of a database together."""
    there = set(MaterialDefinition.objects.filter(code__in=MATERIALS).values_list("code", flat=True))
    MaterialDefinition.objects.bulk_create(
        MaterialDefinition(code=code, name=code, kind=kind, unit=unit)
        for code, (kind, unit) in MATERIALS.items()
        if code not in there
    )


def _pin_recipe(order: WorkOrder, product: ProductRevision) -> None:
    revision = RecipeRevision.objects.create(
        recipe=Recipe.objects.create(code=f"R{next(_numbers)}", name="Recipe", product=product.product),
        revision="1",
        issued_at=LONG_AGO,
    )
    step = ProcessStep.objects.order_by("sequence").first()
    RecipeParameter.objects.bulk_create(
        RecipeParameter(recipe_revision=revision, step=step, name=name, value=Decimal(value), unit="1")
        for name, value in RECIPE.items()
    )
    WorkOrderRecipe.objects.bulk_create(
        WorkOrderRecipe(work_order=order, material=material, recipe_revision=revision)
        for material in MaterialDefinition.objects.filter(code__in=MATERIALS)
    )


def add_line(plant: Plant, characteristic: str, **fields: object) -> ControlPlanLine:
    """A line of the unpublished plan; by default one required value, no chart."""
    row = Characteristic.objects.get(code=characteristic)
    defaults: dict[str, object] = {"frequency": "every lot", "step": row.step, "required_count": 1}
    return ControlPlanLine.objects.create(revision=plant.plan, characteristic=row, **(defaults | fields))


def put_on_route(plant: Plant, *codes: str, required: bool = True) -> None:
    """Have the plant's route run optional steps."""
    for step in ProcessStep.objects.filter(code__in=codes):
        RouteStep.objects.create(
            route=plant.product.route, sequence=step.sequence, step=step, required=required
        )


def add_chart(plant: Plant, characteristic: str, **fields: object) -> ControlPlanLine:
    """A charted line: individuals, phase 1 of 10 points, beyond limits and runs, reaction hold."""
    defaults: dict[str, object] = {
        "chart_family": "imr",
        "subgroup_by": "reading",
        "rules": "beyond_limits run_one_side",
        "phase1_subgroups": 10,
        "stratify": "equipment product recipe",
        "reaction": "hold",
        "required_count": 0,
    }
    return add_line(plant, characteristic, **(defaults | fields))


def publish(plant: Plant) -> None:
    publish_plan(plant.plan, user=plant.process_engineer, now=timezone.now())


def specify(
    plant: Plant,
    characteristic: str,
    *,
    lsl: str | None = None,
    usl: str | None = None,
    target: str | None = None,
    material: str = "",
) -> SpecificationLine:
    """A specification with limits, tracing to a requirement made for it."""
    number = next(_numbers)
    requirement = Requirement.objects.create(
        code=f"SI-T-{number}", kind="manufacturing", title=characteristic
    )
    specification = Specification.objects.create(
        characteristic=Characteristic.objects.get(code=characteristic),
        product_revision=plant.product,
        material=MaterialDefinition.objects.get(code=material) if material else None,
    )
    return SpecificationLine.objects.create(
        specification=specification,
        revision=1,
        lsl=None if lsl is None else Decimal(lsl),
        usl=None if usl is None else Decimal(usl),
        target=None if target is None else Decimal(target),
        requirement=requirement,
        source_type=SourceType.ASSUMPTION,
        source="test",
        effective_at=LONG_AGO,
        change_reason="first",
    )


def make_gauge(
    plant: Plant, kind: str, *, due_in: timedelta = timedelta(days=30), zone: Zone | None = None
) -> Gauge:
    """A gauge calibrated a day ago, due `due_in` from now (negative: out of calibration)."""
    gauge = Gauge.objects.create(
        site=plant.site,
        code=f"G-{next(_numbers)}",
        name=kind,
        kind=kind,
        zone=zone,
        moisture_reading="frost" if zone else "",
    )
    now = timezone.now()
    Calibration.objects.create(
        gauge=gauge,
        calibrated_at=now - timedelta(days=100),
        due_at=now + due_in,
        passed=True,
        certificate="C-1",
        recorded_by=plant.process_engineer,
    )
    return gauge
