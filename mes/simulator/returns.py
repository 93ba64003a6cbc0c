"""Takes up again what had to leave the line: from time to time its gates are asked anew, a few lots at a time.

A lot that a quality engineer has released goes on where it stood; one whose step people have done goes on behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from mes.simulator.doors import Door
from mes.simulator.events import DoorOpened, LineEvent, ZoneLogged
from mes.simulator.model import LineModel
from mes.simulator.schedule import TAKING_UP

PLANNER = "equipment.line"
LOOK_EVERY, LOOK_AFTER = 8, timedelta(hours=1)  # events of the line, or time of the site
MOST_ASKED = 12  # lots at a look: one request each
MAKES_LOTS = {"slitting"}  # where people did that, nobody knows what they made
GONE_FOR_GOOD = {"not_active", "expired"}
FILLED_IN_BY_THE_LINE = {"shift_check"}
log = structlog.get_logger(__name__)


@dataclass
class Returns:
    """Looks at the lots that left, in turns."""

    door: Door
    keys: Mapping[str, str]
    model: LineModel
    _seen: int = 0
    _looked_at: datetime | None = None

    def after(self, event: LineEvent) -> None:
        """Look from time to time, also while nothing happens but the dry room's log."""
        self._seen += not isinstance(event, ZoneLogged | DoorOpened)
        self.when_due(event.at)

    def when_due(self, now: datetime) -> None:
        """Look when the last look is long past. `now` is on the site's clock."""
        self._looked_at = self._looked_at or now
        if self._seen >= LOOK_EVERY or now - self._looked_at >= LOOK_AFTER:
            self._seen, self._looked_at = 0, now
            self.look(now)

    def look(self, now: datetime) -> None:
        """Ask the gates of those whose turn it is. `now` is on the site's clock."""
        at = now
        for left in self.model.waiting.in_turn(MOST_ASKED):
            found = {code: self._blockers(code, left.step) for code in left.codes}
            open_gate = {"step_runs"} if left.running else set[str]()
            ready = [code for code, blockers in found.items() if blockers == open_gate]
            done = [code for code, blockers in found.items() if blockers == {"already_done"}]
            done = [] if left.step in MAKES_LOTS else done
            for codes, by_people in ((ready, False), (done, True)):
                if codes:
                    at += TAKING_UP
                    log.info("lots_taken_up", lots=codes, step=left.step, done_by_people=by_people)
                    self.model.take_up(left, codes, at, by_people=by_people)
            left.codes = [code for code in left.codes if not (found.get(code) or set()) & GONE_FOR_GOOD]

    def _blockers(self, code: str, step: str) -> set[str] | None:
        """What keeps the lot; None where Halite does not know it."""
        asked = {"step": step} if step else {}
        answer = self.door.get(f"/lots/{code}/gate", key=self.keys[PLANNER], **asked)
        if not answer.ok:
            return None
        return {blocker["code"] for blocker in answer.body["blockers"]} - FILLED_IN_BY_THE_LINE
