"""Runs a line model against Halite: each event through the door, each hold back to the model."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from mes.simulator.doors import Door
from mes.simulator.events import DoorOpened, LineEvent, RawLotReceived, ZoneLogged
from mes.simulator.gateway import LINE, Gateway
from mes.simulator.model import LineModel
from mes.simulator.refusals import DONE_BEFORE, Refused

PAGE = 200
log = structlog.get_logger(__name__)


@dataclass
class Summary:
    """What happened in a run so far."""

    events: Counter[str] = field(default_factory=Counter)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)  # lot → reason of its first hold
    held_for_itself: set[str] = field(default_factory=set)  # not only because of what it was made from

    @property
    def total(self) -> int:
        return sum(self.events.values())


class Driver:
    """Hands the model's events to the gateway one by one. `after` is called after every event, `refused` after that
    for one that did not happen."""

    def __init__(
        self,
        model: LineModel,
        gateway: Gateway,
        *,
        after: Callable[[LineEvent], None] = lambda event: None,
        refused: Callable[[LineEvent], None] = lambda event: None,
    ) -> None:
        self.model = model
        self.gateway = gateway
        self.summary = Summary()
        self._after = after
        self._refused = refused
        self._clock: tuple[datetime, float] | None = None  # site time, and when it was so (monotonic)
        self._newest_hold = 0

    def run(self, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Go on until the model ends (True) or `until` says so after an event (False)."""
        while self.step():
            if until():
                return False
        return True

    def step(self, *, by: datetime | None = None) -> bool:
        """One event; False when the model has no more (that is due `by` an instant)."""
        event = self.model.next_event(by)
        if event is None:
            return False
        self.advance_clock(event.at)
        happened = True
        try:
            self.gateway.carry_out(event)
        except Refused as refused:
            happened = False
            tell = log.warning if DONE_BEFORE in refused.blockers else log.info
            tell("line_event_refused", lot=event.lot_code, step=event.step, message=str(refused))
            self.learn_holds()
            self.model.refuse(event)
            self.summary.refusals.append(
                {
                    "event": type(event).__name__,
                    "lot": event.lot_code,
                    "blockers": sorted(set(refused.blockers)),
                    "message": str(refused),
                }
            )
        else:
            for cell, refusal in self.gateway.left_out.items():
                log.warning("cell_left_out", lot=cell, step=event.step, message=str(refusal))
            self.model.leave_out(event, list(self.gateway.left_out))
            self.model.confirm(event)
        self.summary.events[type(event).__name__] += 1
        self._after(event)
        if not happened:
            self._refused(event)
        if not isinstance(event, ZoneLogged | DoorOpened):
            self.learn_holds()
        if isinstance(event, RawLotReceived) and event.lot_code in self.summary.held:
            log.warning("delivery_held", lot=event.lot_code, message=self.summary.held[event.lot_code])
        return True

    @staticmethod
    def present(door: Door, keys: Mapping[str, str]) -> datetime:
        """The site's time now, as Halite tells it."""
        return datetime.fromisoformat(door.get("/clock", key=keys[LINE]).body["site_time"])

    def site_time(self) -> datetime:
        """What the site's clock shows."""
        if self._clock is None:
            self._clock = (self.present(self.gateway.door, self.gateway.keys), time.monotonic())
        shown, since = self._clock
        return shown + timedelta(seconds=time.monotonic() - since)

    def advance_clock(self, to: datetime) -> None:
        """Set the simulated site's clock forward; it never runs back."""
        if to <= self.site_time():
            return
        answer = self.gateway.door.post("/clock", {"site_time": to.isoformat()}, key=self.gateway.keys[LINE])
        # 409: the clock is ahead already, for instance after a repeated request.
        self._clock = (to, time.monotonic()) if answer.ok else None

    def learn_holds(self) -> None:
        """Take lots that were put on hold since the last call out of the model's flow."""
        newest, cursor = self._newest_hold, None
        while True:
            query = {"limit": PAGE, "active": "true", **({} if cursor is None else {"cursor": cursor})}
            page = self.gateway.door.get("/holds", key=self.gateway.keys[LINE], **query).body
            fresh = [member for member in page["items"] if member["id"] > self._newest_hold]
            for member in fresh:
                self.model.drop(member["lot"])
                if member["lot"].startswith(f"{self.gateway.prefix}-"):
                    self.summary.held.setdefault(member["lot"], member["reason"])
                    if member["inherited_from"] is None:
                        self.summary.held_for_itself.add(member["lot"])
                newest = max(newest, member["id"])
            cursor = page["next"]
            if cursor is None or len(fresh) < len(page["items"]):
                break
        self._newest_hold = newest
