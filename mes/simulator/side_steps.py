"""Steps beside the main flow: started, read and finished at once, with the operator's readings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from mes.simulator import events as e
from mes.simulator.bodies import iso, reading_body
from mes.simulator.doors import Answer
from mes.simulator.refusals import Refused
from mes.simulator.several import Send

Allowed = Callable[[str, dict[str, Any]], Answer]
Each = Callable[[Sequence[str], Send], tuple[list[Answer], dict[str, Refused]]]


def run_step(
    allowed: Allowed,
    each: Each,
    step: str,
    readings: dict[str, tuple[e.ReadingOut, ...]],
    *,
    started_at: datetime,
    at: datetime,
) -> int:
    """Run the step on every lot of `readings` that `each` lets pass; how many readings it took."""
    taken = 0

    def start(lots: list[str]) -> Answer:
        return allowed("/steps/start", {"lots": lots, "step": step, "equipment": None, "at": iso(started_at)})

    def finish(lots: list[str]) -> Answer:
        nonlocal taken
        bodies = [reading_body(r, lot=lot) for lot in lots for r in readings[lot]]
        answer = allowed("/steps/finish", {"lots": lots, "step": step, "readings": bodies, "at": iso(at)})
        taken += len(bodies)
        return answer

    _, refused = each(list(readings), start)
    each([lot for lot in readings if lot not in refused], finish)
    return taken


def by_cell(reports: Iterable[e.CellReport]) -> dict[str, tuple[e.ReadingOut, ...]]:
    """What each cell reports."""
    return {report.cell_code: report.readings for report in reports}
