"""What the clients of a fault run did and saw, and what the database says at the end: plain data, one line an event."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"


@dataclass(frozen=True)
class Event:
    """One call of a client, or one fault. Times are seconds of the test's monotonic clock.

    `op`: submit, repeat (same key and payload), clash (same key, other payload), start, report, correct, hold, fault.
    `values` are what a submission carried, `kind` what was special about it: "", violation, signal, late, future.
    """

    op: str
    key: str = ""
    lot: str = ""
    outcome: str = OK
    status: int = 0
    began: float = 0.0
    ended: float = 0.0
    kind: str = ""
    values: tuple[str, ...] = ()
    same_answer: bool = True
    what: str = ""


class Log:
    """Append-only; safe for many threads; on disk at once, so that a crash of the test itself leaves it readable."""

    def __init__(self, file: Path) -> None:
        self.file, self._lock = file, threading.Lock()
        self.events: list[Event] = []

    def add(self, event: Event) -> None:
        with self._lock:
            self.events.append(event)
            with self.file.open("a") as stream:
                stream.write(json.dumps(asdict(event)) + "\n")

    def calls(self) -> Counter[str]:
        """How often each call ended how: `submit ok`, `start refused` …"""
        with self._lock:
            return Counter(f"{event.op} {event.outcome}" for event in self.events if event.op != "fault")


def read(file: Path) -> list[Event]:
    """The events of a log. Raises ValueError for a line that is none."""
    return [_event(json.loads(line)) for line in file.read_text().splitlines()]


def _event(row: dict[str, Any]) -> Event:
    return Event(**(row | {"values": tuple(row["values"])}))


def now() -> float:
    return time.monotonic()


@dataclass
class Facts:
    """The database after everything has healed.

    values: key → entered texts of its measurements in order. counted: key → (measurements that the submission says it
    has, rows there are). memberships: charted measurement → in how many subgroups it is. points: chart → (sequence,
    instant in seconds) of its current points under the limits in force. differing: where a chart is not what a full
    recomputation gives. holds: lot → sources of its holds.
    moved_held: lots that moved after they were held. early_moves: lots that moved before what had been recorded for
    them was evaluated. pending: entries not evaluated. unheld_poison: quarantined entries whose lots no hold covers.
    future: key → qualities of measurements from the future. half: what was half written, in words. uncontained: holds
    whose recount disagrees. audit: bad rows of the chains. holds_due: lot → for each reading beyond the
    control limits, when it was recorded and when the first hold that it led to was placed (None: none was), in seconds
    of the test's monotonic clock.
    """

    values: dict[str, list[str]] = field(default_factory=dict)
    counted: dict[str, tuple[int, int]] = field(default_factory=dict)
    memberships: dict[int, int] = field(default_factory=dict)
    points: dict[int, list[tuple[int, float]]] = field(default_factory=dict)
    differing: list[str] = field(default_factory=list)
    holds: dict[str, list[str]] = field(default_factory=dict)
    moved_held: list[str] = field(default_factory=list)
    early_moves: list[str] = field(default_factory=list)
    pending: int = 0
    unheld_poison: list[int] = field(default_factory=list)
    future: dict[str, list[str]] = field(default_factory=dict)
    half: list[str] = field(default_factory=list)
    uncontained: list[str] = field(default_factory=list)
    audit: list[str] = field(default_factory=list)
    holds_due: dict[str, list[tuple[float, float | None]]] = field(default_factory=dict)
