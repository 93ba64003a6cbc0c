"""What Halite shows of a run, read through the API as a quality engineer could."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lots.steps import STEPS
from mes.simulator.doors import Door
from mes.simulator.people import every_item
from mes.simulator.plan import charted_lines
from mes.simulator.score import ChartPoints, Detection, SeenDefect, SeenSignal
from spc.engine.false_alarms import Basis
from spc.engine.kinds import ChartKind
from spc.engine.live import ChartDefinition, alarm_rate_of, second_panel_is_moving_range
from spc.engine.rules import Rule

READER = "qe.kim"
HOLDING = {"hold", "contain", "stop"}
MOST_POINTS = 10_000
# First letter of the kind in a simulated lot's code (SC-, RA-, DC-, CL-) → what it is.
MATERIAL_KINDS = {"S": "slurry", "R": "mother_roll", "D": "daughter_roll", "C": "cell"}


@dataclass
class Evidence:
    """Everything since `begin`; what stood there before the run is left out."""

    door: Door
    keys: Mapping[str, str]
    _points_before: dict[int, int] = field(default_factory=dict)
    _last_signal: int = 0
    _last_member: int = 0

    def begin(self) -> None:
        """Remember what is there now."""
        self._points_before = {chart["id"]: chart["points_total"] for chart in self._all("/charts")}
        self._last_signal = max((s["id"] for s in self._all("/signals")), default=0)
        self._last_member = max((m["id"] for m in self._all("/holds")), default=0)

    def signals(self) -> list[SeenSignal]:
        """Signals of frozen limits."""
        return [
            SeenSignal(
                chart=row["chart"],
                characteristic=row["characteristic"],
                rule=row["rule"],
                panel=row["panel"],
                sequence=row["sequence"],
                measured_at=datetime.fromisoformat(row["measured_at"]),
                reaction=row["reaction"] or "",
            )
            for row in self._all("/signals")
            if row["id"] > self._last_signal and not row["provisional"]
        ]

    def defects(self) -> list[SeenDefect]:
        """Lots held themselves for a value out of specification."""
        return [
            SeenDefect(
                row["lot"],
                characteristic_of(row["lot"], row["reason"]),
                datetime.fromisoformat(row["placed_at"]),
            )
            for row in self._all("/holds", source="defect")
            if row["id"] > self._last_member and row["inherited_from"] is None
        ]

    def signal_holds(self) -> int:
        """Holds that signals placed."""
        members = self._all("/holds", source="signal")
        return len({row["hold"] for row in members if row["id"] > self._last_member})

    def points(self) -> dict[int, ChartPoints]:
        """Points by chart since the run began."""
        return {chart["id"]: self._points_of(chart["id"]) for chart in self._all("/charts")}

    def expected_alarms(self) -> dict[str, tuple[int, float, float]]:
        """Characteristic → points, expected signals, expected holds, on charts with frozen limits."""
        found: dict[str, tuple[int, float, float]] = {}
        for chart in self._all("/charts"):
            if chart["learning"]:
                continue
            new = chart["points_total"] - self._points_before.get(chart["id"], 0)
            limits, by_reading = chart["limits"], chart["subgroup_by"] == "reading"
            definition = ChartDefinition(
                kind=ChartKind(chart["family"]),
                rules=tuple(Rule(name) for name in chart["rules"]),
                parameters=chart["parameters"],
                by_reading=by_reading,
                subgroup_size=int(limits["subgroup_size"] or chart["subgroup_size"]),
            )
            basis = Basis(limits["n_subgroups"], limits["sigma_df"])
            rate = alarm_rate_of(definition, center=limits["center"], basis=basis)
            code = chart["characteristic"]
            # A moving range beyond its limit only alerts, whatever the line says.
            echoes = second_panel_is_moving_range(
                definition.kind, definition.parameters, by_reading=by_reading
            )
            may_hold = rate.location if echoes else rate.total
            holds = may_hold if charted_lines()[code].reaction in HOLDING else 0.0
            points, signals, held = found.get(code, (0, 0.0, 0.0))
            found[code] = (points + new, signals + new * rate.total, held + new * holds)
        return found

    def held_in_time(self, detection: Detection) -> bool:
        """Whether every detecting lot is held and neither began a later step nor became part of another lot."""
        return bool(detection.lots) and all(self._stands(lot, detection.step) for lot in detection.lots)

    def _stands(self, code: str, step: str) -> bool:
        lot = self.door.get(f"/lots/{code}", key=self._key).body
        made = self.door.get(f"/lots/{code}/trace", key=self._key).body["lots"]
        return bool(lot["held"]) and lot["executions"][-1]["step"] == step and len(made) == 1

    def _points_of(self, chart_id: int) -> ChartPoints:
        after = self._points_before.get(chart_id, 0) - 1
        path = f"/charts/{chart_id}"
        columns = self.door.get(path, key=self._key, after=after, limit=MOST_POINTS).body["points"]
        return ChartPoints(
            tuple(columns["sequence"]),
            tuple(datetime.fromisoformat(at) for at in columns["measured_at"]),
            tuple(tuple(lots) for lots in columns["lots"]),
        )

    def _all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        return every_item(self.door, path, key=self._key, **query)

    @property
    def _key(self) -> str:
        return self.keys[READER]


def characteristic_of(lot: str, reason: str) -> str:
    """The characteristic whose name a defect's reason begins with, among those of the lot's kind of material."""
    kind = MATERIAL_KINDS[lot.split("-")[1][0]]
    names = {
        characteristic.name: characteristic.code
        for step in STEPS
        if step.material_kind == kind
        for characteristic in step.characteristics
    }
    # The longest, for names that begin alike.
    return names[max((name for name in names if reason.startswith(f"{name} ")), key=len)]
