"""Who does on the line what no machine does: the process engineer who freezes control limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mes.simulator.doors import Door, UnexpectedAnswer

PROCESS_ENGINEER = "pe.sato"
FEWEST_POINTS = 20  # no chart of the plan is asked for less in phase 1
LOOK_AGAIN_AFTER = 5  # points


@dataclass
class ProcessEngineer:
    """Reads the charts that learn and freezes their limits once phase 1 is complete, signed with the password."""

    door: Door
    keys: Mapping[str, str]
    password: str
    frozen: list[int] = field(default_factory=list)
    _asked: dict[int, int] = field(default_factory=dict)  # chart → points when it was last refused

    def look_at_charts(self) -> int:
        """Freeze what can be frozen; the number of charts frozen now."""
        before = len(self.frozen)
        for chart in self.charts():
            enough = max(FEWEST_POINTS, self._asked.get(chart["id"], 0) + LOOK_AGAIN_AFTER)
            if chart["learning"] and chart["points_total"] >= enough:
                self._freeze(chart["id"], chart["points_total"])
        return len(self.frozen) - before

    def charts(self) -> list[dict[str, Any]]:
        """All charts of the site."""
        found: list[dict[str, Any]] = []
        cursor: int | None = None
        while True:
            query = {"limit": 200, **({} if cursor is None else {"cursor": cursor})}
            page = self.door.get("/charts", key=self._key, **query).body
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                return found

    def _freeze(self, chart_id: int, points_total: int) -> None:
        chart = self.door.get(f"/charts/{chart_id}", key=self._key, limit=10_000).body
        body = {
            "excluded": exclusions(chart),
            "reason": f"phase 1 complete with {points_total} points",
            "password": self.password,
        }
        answer = self.door.post(f"/charts/{chart_id}/freeze", body, key=self._key)
        if answer.ok:
            self.frozen.append(chart_id)
        elif answer.status == 409:
            self._asked[chart_id] = points_total  # too few yet, the answer says how many are needed
        else:
            raise UnexpectedAnswer(f"freezing chart {chart_id}: {answer.status} {answer.body}")

    @property
    def _key(self) -> str:
        return self.keys[PROCESS_ENGINEER]


def exclusions(chart: dict[str, Any]) -> dict[str, str]:
    """Points (id → reason) beyond the provisional limits: they are no part of a stable process.

    Runs and trends are not excluded: they say something of a stretch, not of a point.
    """
    ids = dict(zip(chart["points"]["sequence"], chart["points"]["id"], strict=True))
    return {
        str(ids[signal["sequence"]]): f"{signal['meaning']} while the limits were provisional"
        for signal in chart["signals"]
        if signal["rule"] == "beyond_limits" and signal["sequence"] in ids
    }
