"""A trace as plain data: what the command, the API and the page show alike."""

from __future__ import annotations

from typing import Any

from lots.genealogy import trace
from lots.models import Lot
from lots.queries import active_holds, latest_executions, lots_by_id


def trace_document(
    lot: Lot, *, forward: bool, from_mm: int | None = None, to_mm: int | None = None, limit: int = 2_000
) -> dict[str, Any]:
    """Nodes with their steps and holds, and links with their intervals."""
    found = trace(lot.pk, forward=forward, from_mm=from_mm, to_mm=to_mm, limit=limit)
    keys = [node.lot_id for node in found.nodes]
    lots = lots_by_id(keys)
    held = {member.lot_id for member in active_holds(keys)}
    steps: dict[int, list[dict[str, Any]]] = {}
    for (lot_id, _), execution in latest_executions(keys).items():
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
                "depth": node.depth,
                "intervals_mm": [list(interval) for interval in node.intervals_mm],
                "steps": steps.get(node.lot_id, []),
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
