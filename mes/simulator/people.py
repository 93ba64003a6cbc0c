"""Who decides on the line what no machine does: the process engineer who freezes limits, the planner of stacking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mes.simulator.doors import Door, UnexpectedAnswer
from mes.simulator.events import CellLotStacked, ContainerClosed, FormationStarted, LineEvent
from mes.simulator.model import LineModel
from mes.simulator.plan import charted_lines
from mes.simulator.refusals import NOT_NOW

PROCESS_ENGINEER = "pe.sato"


def every_item(door: Door, path: str, *, key: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of a list, newest first."""
    found: list[dict[str, Any]] = []
    while True:
        page = door.get(path, key=key, limit=200, **query).body
        found += page["items"]
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]


@dataclass
class ProcessEngineer:
    """Reads the charts that learn and freezes their limits once phase 1 is complete, signed with the password."""

    door: Door
    keys: Mapping[str, str]
    password: str
    frozen: list[int] = field(default_factory=list)

    def look_at_charts(self) -> int:
        """Freeze what can be frozen; the number of charts frozen now."""
        before = len(self.frozen)
        defective: dict[str, str] | None = None
        for chart in self.charts():
            if chart["learning"] and _is_of_the_demo(chart) and chart["points_total"] >= _needed(chart):
                defective = self._defective_lots() if defective is None else defective
                self._freeze(chart["id"], defective)
        return len(self.frozen) - before

    def charts(self) -> list[dict[str, Any]]:
        """All charts of the site."""
        return every_item(self.door, "/charts", key=self._key)

    def _defective_lots(self) -> dict[str, str]:
        """Lots that were held for a value out of specification, with the reason."""
        members = every_item(self.door, "/holds", key=self._key, source="defect")
        return {member["lot"]: member["reason"] for member in members}

    def _freeze(self, chart_id: int, defective: Mapping[str, str]) -> None:
        chart = self.door.get(f"/charts/{chart_id}", key=self._key, limit=10_000).body
        excluded = exclusions(chart, defective)
        basis = chart["points"]["excluded"].count(None) - len(excluded)
        if basis < _needed(chart):
            return
        reason = f"phase 1 complete with {basis} points"
        body = {"excluded": excluded, "reason": reason, "password": self.password}
        answer = self.door.post(f"/charts/{chart_id}/freeze", body, key=self._key)
        # A repeated request has frozen the same basis a second time: the later revision says the same.
        if answer.status in NOT_NOW:
            return
        if not answer.ok:
            raise UnexpectedAnswer(f"freezing chart {chart_id}: {answer.status} {answer.body}")
        self.frozen.append(chart_id)

    @property
    def _key(self) -> str:
        return self.keys[PROCESS_ENGINEER]


def _is_of_the_demo(chart: dict[str, Any]) -> bool:
    """Charts that somebody at the line has planned are for them to freeze."""
    line = charted_lines().get(chart["characteristic"])
    return line is not None and line.family == chart["family"]


def _needed(chart: dict[str, Any]) -> int:
    return charted_lines()[chart["characteristic"]].phase1_subgroups


def exclusions(chart: dict[str, Any], defective: Mapping[str, str]) -> dict[str, str]:
    """Points (id → reason) that are no part of a stable process.

    Those that signalled beyond provisional limits and lie beyond the latest ones too, and those of lots that are
    held for a defect (code → reason). Runs and trends are not excluded: they say something of a stretch. What somebody
    has excluded already needs no mention.
    """
    points = chart["points"]
    row = {sequence: index for index, sequence in enumerate(points["sequence"])}
    found = {
        str(points["id"][row[signal["sequence"]]]): f"{signal['meaning']} while the limits were provisional"
        for signal in chart["signals"]
        if signal["rule"] == "beyond_limits"
        and _still_beyond(points, row[signal["sequence"]], signal["panel"])
    }
    for key, lots in zip(points["id"], points["lots"], strict=True):
        bad = next((lot for lot in lots if lot in defective), None)
        if bad is not None:
            found[str(key)] = f"{bad} is on hold: {defective[bad]}"[:300]
    left_out = {
        str(key) for key, reason in zip(points["id"], points["excluded"], strict=True) if reason is not None
    }
    return {key: reason for key, reason in found.items() if key not in left_out}


def _still_beyond(points: dict[str, list[Any]], row: int, panel: str) -> bool:
    """Whether a point lies beyond the limits that the last point was plotted with."""
    value, low, high = (
        ("statistic", "lcl", "ucl")
        if panel == "location"
        else ("dispersion", "dispersion_lcl", "dispersion_ucl")
    )
    lower, upper = points[low][-1], points[high][-1]
    shown = points[value][row]
    return (lower is not None and shown < lower) or (upper is not None and shown > upper)


@dataclass
class Planner:
    """Releases slit rolls for stacking; the rolls of other pairs stay in stock.

    `wanted` says whether a pair (0-based) is to become cells; never while `most_waiting` trays wait for formation.
    """

    model: LineModel
    held: Mapping[str, str]
    wanted: Callable[[int], bool] = lambda pair: True
    most_waiting: int | None = None
    _released: dict[int, bool] = field(default_factory=dict)
    _waiting: dict[str, tuple[str, ...]] = field(default_factory=dict)  # tray → its cells

    def after(self, event: LineEvent) -> None:
        """Look at what has just happened."""
        match event:
            case CellLotStacked():
                self._waiting[event.lot_code] = tuple(cell.cell_code for cell in event.cells)
            case FormationStarted():
                self._waiting.pop(event.lot_code, None)
            case ContainerClosed() if not self._releases(int(event.lot_code.split("-")[2]) - 1):
                self.model.keep_in_stock(event.lot_code)

    def refused(self, event: LineEvent) -> None:
        """Its tray was not made, or left the flow: it waits for nothing."""
        self._waiting.pop(event.lot_code, None)

    def _releases(self, pair: int) -> bool:
        """Decided once for the four rolls of a pair."""
        if pair not in self._released:
            self._released[pair] = self.wanted(pair) and not self._full()
        return self._released[pair]

    def _full(self) -> bool:
        if self.most_waiting is None:
            return False
        waiting = [
            tray
            for tray, cells in self._waiting.items()
            if not (self.model.out(tray) or all(cell in self.held for cell in cells))
        ]
        return len(waiting) >= self.most_waiting
