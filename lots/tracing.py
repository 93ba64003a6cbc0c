"""A trace as plain data: what the command, the API and the page show alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lots.genealogy import trace
from lots.models import Gauge, Lot, Measurement, RecipeRevision
from lots.queries import active_holds, latest_executions, lots_by_id, recipe_revision_of


def trace_document(
    lot: Lot,
    *,
    forward: bool,
    from_mm: int | None = None,
    to_mm: int | None = None,
    limit: int = 2_000,
    detailed: bool = True,
) -> dict[str, Any]:
    """Nodes with their holds, and links with their intervals; `detailed`: steps, gauges and revisions, too."""
    found = trace(lot.pk, forward=forward, from_mm=from_mm, to_mm=to_mm, limit=limit)
    keys = [node.lot_id for node in found.nodes]
    lots = lots_by_id(keys)
    held = {member.lot_id for member in active_holds(keys)}
    details = details_of(lots) if detailed else {key: {} for key in lots}
    return {
        "lot": lot.code,
        "direction": "forward" if forward else "backward",
        "interval_mm": None if from_mm is None else [from_mm, to_mm],
        "truncated": found.truncated,
        "nodes": [
            {
                "id": node.lot_id,
                "code": lots[node.lot_id].code,
                "material": lots[node.lot_id].material.code,
                "kind": lots[node.lot_id].material.kind,
                "state": lots[node.lot_id].state,
                "held": node.lot_id in held,
                "voided": node.voided,
                "depth": node.depth,
                "intervals_mm": [list(interval) for interval in node.intervals_mm],
                **details[node.lot_id],
            }
            for node in found.nodes
        ],
        "links": [
            {
                "parent": lots[link.parent_id].code,
                "child": lots[link.child_id].code,
                "kind": link.kind,
                "quantity": f"{link.quantity.normalize():f}",
                "unit": link.unit,
                "parent_mm": None
                if link.parent_from_mm is None
                else [link.parent_from_mm, link.parent_to_mm],
                "lanes": None if link.lane_from is None else [link.lane_from, link.lane_to],
                "uncertainty_mm": link.uncertainty_mm,
                "voided": link.voided_at is not None,
            }
            for link in found.links
        ],
    }


def details_of(lots: Mapping[int, Lot]) -> dict[int, dict[str, Any]]:
    """What a trace says of each lot beside its place: steps with equipment and people, gauges, order, revisions.

    The lots come with their order and product revision (`lots_by_id`). Four queries for all of them.
    """
    keys = list(lots)
    steps: dict[int, list[dict[str, Any]]] = {}
    in_order = sorted(latest_executions(keys).items(), key=lambda item: item[1].route_step.sequence)
    for (lot_id, _), execution in in_order:
        steps.setdefault(lot_id, []).append(
            {
                "step": execution.route_step.step.code,
                "attempt": execution.attempt,
                "equipment": execution.equipment.code if execution.equipment else None,
                "operator": execution.operator.username,
                "started_at": execution.started_at.isoformat(),
                "finished_at": execution.finished_at.isoformat() if execution.finished_at else None,
            }
        )
    gauges = _gauges_of(keys)
    recipes = _recipes_of(lots.values())
    return {
        key: {
            "steps": steps.get(key, []),
            "gauges": gauges.get(key, []),
            "order": lot.work_order.code if lot.work_order else None,
            "product": str(lot.product_revision) if lot.product_revision else None,
            "recipe": recipes.get(key),
        }
        for key, lot in lots.items()
    }


def _gauges_of(keys: list[int]) -> dict[int, list[str]]:
    """Lot → codes of the gauges that measured it."""
    pairs = (
        Measurement.objects.filter(lot_id__in=keys, gauge__isnull=False)
        .values_list("lot_id", "gauge_id")
        .distinct()
    )
    found = list(pairs)
    codes = dict(Gauge.objects.filter(pk__in={gauge for _, gauge in found}).values_list("pk", "code"))
    gauges: dict[int, list[str]] = {}
    for lot_id, gauge in sorted(found, key=lambda pair: codes[pair[1] or 0]):
        gauges.setdefault(lot_id or 0, []).append(codes[gauge or 0])
    return gauges


def _recipes_of(lots: Iterable[Lot]) -> dict[int, str]:
    pinned = recipe_revision_of(lots)
    revisions = RecipeRevision.objects.select_related("recipe").in_bulk(set(pinned.values()))
    return {lot_id: str(revisions[key]) for lot_id, key in pinned.items()}
