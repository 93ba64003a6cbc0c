"""How fast a line goes that people watch: a moment for each event, and for simulated time in which nothing happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mes.simulator.events import DoorOpened, LineEvent, ZoneLogged

HOUR = timedelta(hours=1)
LONGEST_PAUSE_S = 60.0


@dataclass
class Pace:
    """A blocked line takes `per_hour_s` for an hour; one that makes rolls and cells takes longer by its events alone.

    What events took beyond that counts for the hour that follows, at most.
    """

    per_event_s: float
    per_hour_s: float
    _last: datetime | None = None
    _owed_s: float = 0.0

    def pause_s(self, event: LineEvent) -> float:
        """How long to wait after the event."""
        passed = event.at - (self._last or event.at)
        self._last = event.at
        self._owed_s += max(0.0, passed / HOUR) * self.per_hour_s
        least = 0.0 if isinstance(event, ZoneLogged | DoorOpened) else self.per_event_s
        pause = min(max(least, self._owed_s), LONGEST_PAUSE_S)
        self._owed_s = max(-self.per_hour_s, min(self._owed_s, LONGEST_PAUSE_S) - pause)
        return pause
