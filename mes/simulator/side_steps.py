"""Steps beside the main flow: started, read and finished at once, with the operator's readings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from mes.simulator import events as e
from mes.simulator.bodies import iso, reading_body
from mes.simulator.doors import Answer

Allowed = Callable[[str, dict[str, Any]], Answer]


def run_step(
    allowed: Allowed,
    step: str,
    readings: dict[str, tuple[e.ReadingOut, ...]],
    *,
    started_at: datetime,
    at: datetime,
) -> int:
    """Run the step on every lot of `readings`, or on none; how many readings it took."""
    lots = list(readings)
    allowed("/steps/start", {"lots": lots, "step": step, "equipment": None, "at": iso(started_at)})
    bodies = [reading_body(r, lot=lot) for lot, rows in readings.items() for r in rows]
    allowed("/steps/finish", {"lots": lots, "step": step, "readings": bodies, "at": iso(at)})
    return len(bodies)


def by_cell(reports: Iterable[e.CellReport]) -> dict[str, tuple[e.ReadingOut, ...]]:
    """What each cell reports."""
    return {report.cell_code: report.readings for report in reports}
