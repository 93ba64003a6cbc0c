"""The quality engineer of the simulated line: freezes acceptance plans, signs their decisions, lifts stops.

The decision on the first tray and on the newest one is left to whoever visits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mes.simulator.doors import Door, UnexpectedAnswer
from mes.simulator.events import CellLotAccepted, CellLotFormed, DoorOpened, LineEvent, ZoneLogged
from mes.simulator.refusals import NOT_NOW

QUALITY_ENGINEER = "qe.lopez"
LOOK_EVERY = 6  # events of the line
# How long a stop stands until its cause is found; two or three rolls are not coated meanwhile.
STOP_LASTS = timedelta(hours=5)
LIFT_REASON = "the die was out of parallel: levelled, and the gap checked at both edges"
# As the page suggests them; five cells of a tray of twelve are ours.
PLAN = {
    "sample_size": 5,
    "capacity_min_ah": "19.2",
    "efficiency_min_pct": "99",
    "resistance_max_mohm": "2.4",
}


@dataclass
class QualityEngineer:
    """Acts through the API under their own key, and signs with the password."""

    door: Door
    keys: Mapping[str, str]
    password: str
    keeps_first: bool = True
    lifted: list[int] = field(default_factory=list)
    _tested: list[str] = field(default_factory=list)
    _seen: int = 0

    def after(self, event: LineEvent) -> None:
        """Look at what has just happened."""
        match event:
            case CellLotFormed():
                self._freeze(event.lot_code)
            case CellLotAccepted():
                self._decide_earlier(event.lot_code)
            case ZoneLogged() | DoorOpened():
                return
        self._seen += 1
        if self._seen % LOOK_EVERY == 0:
            self.look_at_stops(event.at)

    def look_at_stops(self, now: datetime) -> None:
        """Lift the stops that have stood for long enough. `now` is on the site's clock."""
        for stop in self.door.get("/stops", key=self._key, in_force="true").body["items"]:
            if datetime.fromisoformat(stop["stopped_at"]) + STOP_LASTS <= now:
                body = {"reason": LIFT_REASON, "password": self.password}
                answer = self.door.post(f"/stops/{stop['id']}/lift", body, key=self._key)
                if not answer.ok and answer.status not in NOT_NOW:
                    raise UnexpectedAnswer(f"lifting stop {stop['id']}: {answer.status} {answer.body}")
                self.lifted.append(stop["id"])

    def _freeze(self, lot: str) -> None:
        """Freeze the plan before the first result; a lot that lost too many cells for a sample has none."""
        answer = self.door.post(f"/lots/{lot}/acceptance", dict(PLAN), key=self._key)
        if not answer.ok and answer.status not in NOT_NOW:
            raise UnexpectedAnswer(f"acceptance plan of {lot}: {answer.status} {answer.body}")

    def _decide_earlier(self, newest: str) -> None:
        """Sign what the counts say of the trays tested before; one without all its results stays undecided."""
        for lot in self._tested:
            body: dict[str, Any] = {"password": self.password}
            answer = self.door.post(f"/lots/{lot}/acceptance/decision", body, key=self._key)
            if not answer.ok and answer.status not in NOT_NOW | {404}:
                raise UnexpectedAnswer(f"acceptance of {lot}: {answer.status} {answer.body}")
        self._tested = [] if self.keeps_first else [newest]
        self.keeps_first = False

    @property
    def _key(self) -> str:
        return self.keys[QUALITY_ENGINEER]
