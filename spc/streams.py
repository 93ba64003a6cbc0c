"""Which chart a measurement belongs to: the stratum of its plan, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from lots.models import Lot, Measurement
from lots.queries import recipe_revision_of
from spc.models import Chart, ChartPlan, ChartState, Stream


@dataclass(frozen=True)
class Stratum:
    """What separates one stream of a plan from another; None where the plan does not separate."""

    plan_id: int
    equipment_id: int | None
    zone_id: int | None
    gauge_id: int | None
    position: Decimal | None
    product_revision_id: int | None
    recipe_revision_id: int | None


def stratum_of(
    row: Measurement, plan: ChartPlan, lots: dict[int, Lot], recipes: dict[int, int]
) -> Stratum | None:
    """The stratum of a good measurement under a plan; None where the plan does not chart it."""
    if row.characteristic_id not in plan.characteristic_ids or row.quality != Measurement.Quality.GOOD:
        return None
    if row.qualifier:
        return None  # a censored value has no place on a chart; its judgement blocks instead
    lot = lots.get(row.lot_id) if row.lot_id is not None else None
    if plan.material_id is not None and (lot is None or lot.material_id != plan.material_id):
        return None
    if plan.first_attempt_only and row.execution is not None and row.execution.attempt != 1:
        return None
    return Stratum(
        plan_id=plan.pk,
        equipment_id=row.equipment_id if plan.stratify_equipment else None,
        zone_id=row.zone_id,
        gauge_id=row.gauge_id if plan.stratify_gauge else None,
        position=row.position if plan.stratify_position else None,
        product_revision_id=lot.product_revision_id if lot is not None and plan.stratify_product else None,
        recipe_revision_id=recipes.get(lot.pk) if lot is not None and plan.stratify_recipe else None,
    )


def stratum_of_stream(stream: Stream) -> Stratum:
    return Stratum(
        plan_id=stream.plan_id,
        equipment_id=stream.equipment_id,
        zone_id=stream.zone_id,
        gauge_id=stream.gauge_id,
        position=stream.position,
        product_revision_id=stream.product_revision_id,
        recipe_revision_id=stream.recipe_revision_id,
    )


def charts_for(strata: Iterable[Stratum]) -> dict[Stratum, Chart]:
    """The chart of every stratum; streams and charts seen for the first time are made, safely under races."""
    wanted = set(strata)
    found = _existing(wanted)
    new = wanted - found.keys()
    if new:
        Stream.objects.bulk_create((Stream(**vars(stratum)) for stratum in new), ignore_conflicts=True)
        streams = [s for s in _streams(new) if stratum_of_stream(s) in new]
        Chart.objects.bulk_create((Chart(stream=stream) for stream in streams), ignore_conflicts=True)
        charts = Chart.objects.filter(stream__in=streams)
        ChartState.objects.bulk_create((ChartState(chart=chart) for chart in charts), ignore_conflicts=True)
        found |= _existing(new)
    return found


def _streams(strata: set[Stratum]) -> list[Stream]:
    return list(Stream.objects.filter(plan__in={stratum.plan_id for stratum in strata}))


def _existing(strata: set[Stratum]) -> dict[Stratum, Chart]:
    charts = Chart.objects.filter(stream__plan__in={stratum.plan_id for stratum in strata}).select_related(
        "stream"
    )
    by_stratum = {stratum_of_stream(chart.stream): chart for chart in charts}
    return {stratum: by_stratum[stratum] for stratum in strata if stratum in by_stratum}


def recipes_of(lots: dict[int, Lot]) -> dict[int, int]:
    """Lot → recipe revision, for `stratum_of`."""
    return recipe_revision_of(lots.values())
