"""Reads of what was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from lots.catalogue import recipe_parameters, recipe_revision, route_of
from lots.models import (
    GenealogyLink,
    HoldLot,
    Lot,
    Measurement,
    OpenInterval,
    RouteStep,
    StepExecution,
    Supersession,
)


def current_measurements(rows: QuerySet[Measurement] | None = None) -> QuerySet[Measurement]:
    """Measurements that no correction has superseded."""
    start = Measurement.objects.all() if rows is None else rows
    return start.filter(~Exists(Supersession.objects.filter(old_id=OuterRef("id"))))


def valid_measurements(lot_ids: Iterable[int]) -> QuerySet[Measurement]:
    """Current and good measurements of the lots: what derivations, gates and release may rely on."""
    return current_measurements(
        Measurement.objects.filter(lot_id__in=list(lot_ids), quality=Measurement.Quality.GOOD)
    )


def active_holds(lot_ids: Iterable[int]) -> QuerySet[HoldLot]:
    """Open holds on the lots, oldest first."""
    return (
        HoldLot.objects.filter(lot_id__in=list(lot_ids), disposition_id__isnull=True)
        .select_related("hold", "lot", "inherited_from")
        .order_by("id")
    )


def held_lots(site_id: int) -> QuerySet[Lot]:
    """Lots of the site with at least one open hold."""
    return Lot.objects.filter(
        Exists(HoldLot.objects.filter(lot_id=OuterRef("pk"), disposition_id__isnull=True)), site_id=site_id
    )


def route_steps(lot: Lot) -> list[RouteStep]:
    """The route steps that a lot of this material runs, in sequence; empty for raw material."""
    if lot.product_revision_id is None:
        return []
    return list(route_of(lot.product_revision_id, lot.material.kind))


def latest_executions(lot_ids: Iterable[int]) -> dict[tuple[int, int], StepExecution]:
    """(lot, route step) → its latest attempt."""
    rows = (
        StepExecution.objects.filter(lot_id__in=list(lot_ids))
        .select_related("route_step__step", "equipment", "operator")
        .order_by("attempt")
    )
    return {(row.lot_id, row.route_step_id): row for row in rows}


def executions_with_inherited(lots: Iterable[Lot]) -> dict[tuple[int, int], StepExecution]:
    """`latest_executions`, and for rolls that were cut, joined or wound anew those of the rolls that they came from.

    A step counts for a joined roll when every part has it behind it. The execution then is a part's.
    """
    lots = list(lots)
    keys = [lot.pk for lot in lots]
    parts: dict[int, list[int]] = {}
    unknown = {lot.pk for lot in lots if lot.length_mm is not None}
    while unknown:
        links = GenealogyLink.objects.filter(
            child__in=unknown,
            kind__in=(GenealogyLink.Kind.SPLIT, GenealogyLink.Kind.MERGE),
            voided_at__isnull=True,
            parent__material=F("child__material"),
            child__length_mm__isnull=False,
        )
        found: dict[int, list[int]] = {}
        for child, parent in links.values_list("child_id", "parent_id").distinct():
            found.setdefault(child, []).append(parent)
        parts |= found
        unknown = {parent for parents in found.values() for parent in parents} - parts.keys() - set(keys)
    everything = {*keys, *parts, *(parent for parents in parts.values() for parent in parents)}
    own = latest_executions(everything)
    steps = {step for _, step in own}

    @cache
    def of(lot: int, step: int) -> StepExecution | None:
        if (lot, step) in own:
            return own[lot, step]
        inherited = [of(parent, step) for parent in parts.get(lot, ())]
        return inherited[0] if inherited and all(inherited) else None

    return {
        (lot, step): execution for lot in keys for step in steps if (execution := of(lot, step)) is not None
    }


def executions_by_step(lot_ids: Iterable[int]) -> dict[tuple[int, int], StepExecution]:
    """(lot, process step) → its latest attempt."""
    rows = (
        StepExecution.objects.filter(lot_id__in=list(lot_ids))
        .select_related("route_step")
        .order_by("attempt")
    )
    return {(row.lot_id, row.route_step.step_id): row for row in rows}


def recipe_values(lots: Iterable[Lot]) -> dict[int, dict[str, float]]:
    """Recipe parameters by lot: those of the recipe revision that the lot's order pins for its material."""
    lots = list(lots)
    revisions = recipe_revision_of(lots)
    return {lot.pk: dict(recipe_parameters(revisions[lot.pk])) if lot.pk in revisions else {} for lot in lots}


def recipe_revision_of(lots: Iterable[Lot]) -> dict[int, int]:
    """Lot → recipe revision that its order pins for its material, where there is one."""
    pinned = {
        lot.pk: recipe_revision(lot.work_order_id, lot.material_id)
        for lot in lots
        if lot.work_order_id is not None
    }
    return {key: revision for key, revision in pinned.items() if revision is not None}


def group_of(lot_ids: Iterable[int]) -> dict[int, int]:
    """Lot → the group (cell lot) that it is a member of."""
    return dict(
        GenealogyLink.objects.filter(
            child_id__in=list(lot_ids), kind=GenealogyLink.Kind.MEMBER, voided_at__isnull=True
        ).values_list("child_id", "parent_id")
    )


def lots_open_in_zone(zone_id: int, since: datetime, until: datetime) -> list[int]:
    """Lots that lay open to the zone's air at any time in [since, until] (site clock)."""
    return list(
        OpenInterval.objects.filter(zone_id=zone_id, opened_at__lte=until)
        .filter(Q(closed_at__isnull=True) | Q(closed_at__gte=since))
        .values_list("lot_id", flat=True)
        .distinct()
    )


def lots_by_id(keys: Iterable[int]) -> Mapping[int, Lot]:
    """Lots with what pages and exports show beside the code."""
    return (
        Lot.objects.filter(pk__in=set(keys))
        .select_related("material", "site", "work_order", "product_revision__product")
        .in_bulk()
    )
