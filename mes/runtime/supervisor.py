"""Keeps the processes running: starts, watches, restarts with backoff, stops them in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType

from mes.runtime.child import Child, describe_exit, stop_together
from mes.runtime.console import Console, ErrorWatch
from mes.runtime.service import StartError

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
# A process that ran this long was healthy: its next failure starts counting anew.
HEALTHY_SECONDS = 60.0
# After so many failures in a row the console says so with the cause.
KEEPS_DYING = 4


class StopRequested(BaseException):
    """A signal asked to stop; raised wherever the supervisor happens to wait."""


def raise_on_stop_signals() -> None:
    """Let the first stop signal raise StopRequested; a second one ends at once, and the guard cleans up."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_DFL)
        raise StopRequested

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


@dataclass
class Watched:
    """A child with its record of failures."""

    child: Child
    errors: ErrorWatch
    failures: int = 0
    restart_at: float | None = None

    @property
    def name(self) -> str:
        return self.child.service.name


@dataclass
class Supervisor:
    """Children in the order they were started; they stop in the reverse order, tier by tier."""

    console: Console
    watched: list[Watched] = field(default_factory=list)
    tiers: list[list[Child]] = field(default_factory=list)

    def start_tier(self, children: Sequence[Child]) -> None:
        """Start children side by side and wait until all are ready; raises StartError."""
        self.tiers.append(list(children))
        for child in children:
            self.watched.append(Watched(child, ErrorWatch(child.log)))
            child.start()
        for child in children:
            child.wait_ready()

    def watch_forever(self) -> None:
        """Restart what ends; returns only by StopRequested."""
        while True:
            for watched in self.watched:
                self._look_after(watched)
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop the last tier first; the database, which all others use, goes last."""
        for tier in reversed(self.tiers):
            stop_together(tier)

    def _look_after(self, watched: Watched) -> None:
        for line in watched.errors.new_errors():
            self.console.say(f"{watched.name}: {line}")
        now = time.monotonic()
        if watched.restart_at is None:
            code = watched.child.exit_code()
            if code is not None:
                self._plan_restart(watched, describe_exit(code), now)
        elif now >= watched.restart_at:
            watched.restart_at = None
            try:
                watched.child.start()
            except (StartError, OSError) as error:
                self._plan_restart(watched, str(error), now)

    def _plan_restart(self, watched: Watched, cause: str, now: float) -> None:
        child = watched.child
        watched.failures = 1 if now - child.started_at > HEALTHY_SECONDS else watched.failures + 1
        delay = min(FIRST_DELAY_SECONDS * 2 ** (watched.failures - 1), LONGEST_DELAY_SECONDS)
        watched.restart_at = now + delay
        child.end_leftovers()
        if watched.failures < KEEPS_DYING:
            self.console.say(f"{watched.name} ended with {cause}: starting it again")
        else:
            self.console.say(
                f"{watched.name} KEEPS DYING ({watched.failures} times in a row, {cause}), "
                f"next try in {delay:.0f} s: {child.last_words()}"
            )
