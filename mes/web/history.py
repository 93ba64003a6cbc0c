"""The audit chain of a lot as sentences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lots.models import AuditEvent, Lot, RouteStep, Zone

PAGE = 25


@dataclass(frozen=True)
class Event:
    """One entry of `includes/timeline.html`; `at` is real time, also on a simulated site."""

    at: datetime
    icon: str
    tone: str
    title: str
    words: str
    actor: str
    sequence: int


def history_of(lot: Lot, *, before: int | None = None) -> tuple[list[Event], int | None]:
    """A page of the chain, newest first, and where the next page begins (None: this was the last)."""
    rows = AuditEvent.objects.filter(chain=f"lot:{lot.pk}").order_by("-sequence")
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    found = list(rows[: PAGE + 1])
    page = found[:PAGE]
    names = _Names(page)
    events = [_event(row, names) for row in page]
    return events, page[-1].sequence if len(found) > PAGE else None


class _Names:
    """Codes of what the events refer to by key."""

    def __init__(self, rows: Iterable[AuditEvent]) -> None:
        self.payloads = {row.pk: _payload(row) for row in rows}
        self.lots = self._of(Lot, "parent_id")
        self.zones = self._of(Zone, "zone_id")
        steps = {p["route_step_id"] for p in self.payloads.values() if p.get("route_step_id")}
        self.steps = {
            s.pk: s.step.name for s in RouteStep.objects.filter(pk__in=steps).select_related("step")
        }

    def _of(self, model: Any, key: str) -> dict[int, str]:
        keys = {payload[key] for payload in self.payloads.values() if isinstance(payload.get(key), int)}
        return dict(model.objects.filter(pk__in=keys).values_list("pk", "code")) if keys else {}


def _payload(row: AuditEvent) -> dict[str, Any]:
    payload = json.loads(row.payload)
    return payload if isinstance(payload, dict) else {}


def _event(row: AuditEvent, names: _Names) -> Event:
    payload = names.payloads[row.pk]
    icon, tone, title, words = _said(row, payload, names)
    return Event(row.at, icon, tone, title, words, row.actor, row.sequence)


def _said(row: AuditEvent, payload: Mapping[str, Any], names: _Names) -> tuple[str, str, str, str]:
    """Icon, tone, title and words. What is not known by name is shown as it is stored: nothing is hidden."""
    match row.table_name, row.operation:
        case "lots_lot", "insert":
            return "package", "released", "Lot made", f"quantity {payload.get('quantity')}"
        case "lots_lot", "update":
            return "pencil", "neutral", "Lot changed", _changes(payload)
        case "lots_stepexecution", "insert":
            step = names.steps.get(payload.get("route_step_id", 0), "Step")
            return "player-play", "running", f"{step} started", f"attempt {payload.get('attempt')}"
        case "lots_stepexecution", "update" if "finished_at" in payload:
            return "circle-check", "released", "Step finished", ""
        case "lots_submission", "insert":
            return "ruler-2", "neutral", "Readings recorded", f"digest {str(payload.get('digest'))[:16]}…"
        case "lots_openinterval", "insert":
            zone = names.zones.get(payload.get("zone_id", 0), "a zone")
            return "activity", "waiting", "Container opened", f"in {zone}"
        case "lots_openinterval", "update":
            return "lock", "neutral", "Container closed", ""
        case "lots_genealogylink", "insert":
            parent = names.lots.get(payload.get("parent_id", 0), "another lot")
            words = f"{payload.get('quantity')} {payload.get('unit')}"
            return "arrow-right", "released", f"Made from {parent}", words
        case "lots_movement", "insert":
            kind = str(payload.get("kind", "")).replace("_", " ")
            words = "reported, not permitted" if payload.get("reported") else "permitted by its gate"
            return "arrow-right", "held" if payload.get("reported") else "neutral", f"Moved: {kind}", words
        case "quality_deviation", "insert":
            words = (
                f"{payload.get('gate', '')} gate, until {payload.get('expires_at')}: {payload.get('reason')}"
            )
            return "signature", "waiting", "Deviation asked for", words.replace("_", "-", 1)
        case "quality_spikelot", "insert":
            return (
                "alert-triangle",
                "waiting",
                "Lay open in a humidity spike",
                "formation limits are tightened",
            )
    table = row.table_name.removeprefix("lots_").removeprefix("quality_")
    return "history", "neutral", f"{table} {row.operation}", _changes(payload)


def _changes(payload: Mapping[str, Any]) -> str:
    said = [
        f"{key.replace('_', ' ')} {value[0]} → {value[1]}"
        for key, value in payload.items()
        if isinstance(value, list) and len(value) == 2
    ]
    return ", ".join(said)
