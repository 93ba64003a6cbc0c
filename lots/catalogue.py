"""Master records of the plant by their codes, remembered until a master changes. Nobody changes what they return."""

from __future__ import annotations

from collections.abc import Mapping

from lots.masters import remembered
from lots.models import (
    Calibration,
    Characteristic,
    Gauge,
    ProcessStep,
    RecipeParameter,
    Route,
    RouteStep,
    WorkOrderRecipe,
    Zone,
)


@remembered(Characteristic, ProcessStep)
def characteristics() -> Mapping[str, Characteristic]:
    """Every declared characteristic, with its step."""
    return {found.code: found for found in Characteristic.objects.select_related("step")}


@remembered(Zone)
def zones_of(site_id: int) -> Mapping[str, Zone]:
    """The site's zones."""
    return {zone.code: zone for zone in Zone.objects.filter(site=site_id)}


@remembered(Gauge)
def gauges_of(site_id: int) -> Mapping[str, Gauge]:
    """The site's gauges, retired ones too."""
    return {gauge.code: gauge for gauge in Gauge.objects.filter(site=site_id)}


@remembered(Gauge)
def dew_point_sensors(zone_id: int) -> frozenset[int]:
    """Keys of the zone's sensors that read the dew point, over water."""
    return frozenset(
        Gauge.objects.filter(zone=zone_id, moisture_reading=Gauge.MoistureReading.DEW_POINT).values_list(
            "pk", flat=True
        )
    )


@remembered(Calibration)
def calibrations_of(gauge_id: int) -> tuple[Calibration, ...]:
    """All calibrations of the gauge, the earliest first."""
    return tuple(Calibration.objects.filter(gauge=gauge_id).order_by("calibrated_at", "pk"))


@remembered(RouteStep, Route, ProcessStep)
def route_of(product_revision_id: int, material_kind: str) -> tuple[RouteStep, ...]:
    """The steps that a material of this kind runs on the product's route, in sequence."""
    return tuple(
        RouteStep.objects.filter(
            route__product_revision=product_revision_id, step__material_kind=material_kind
        )
        .select_related("step")
        .order_by("sequence")
    )


@remembered(WorkOrderRecipe)
def recipe_revision(work_order_id: int, material_id: int) -> int | None:
    """The recipe revision that the order pins for the material, where there is one."""
    pinned = WorkOrderRecipe.objects.filter(work_order=work_order_id, material=material_id)
    return pinned.values_list("recipe_revision_id", flat=True).first()


@remembered(RecipeParameter)
def recipe_parameters(recipe_revision_id: int) -> Mapping[str, float]:
    """The parameters of a recipe revision by name."""
    rows = RecipeParameter.objects.filter(recipe_revision=recipe_revision_id)
    return {row.name: float(row.value) for row in rows}
