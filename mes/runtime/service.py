"""What the supervisor knows about a child process, and the error a start can end with."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


class StartError(Exception):
    """Halite cannot start; the message is one line and says what to do."""


def always_ready(pid: int) -> bool:
    return True


@dataclass(frozen=True)
class Service:
    """One supervised process.

    `before_start` clears what a crash left behind. `ready` gets the pid of the started process, so
    that it can tell our own child from a stranger that answers in its place.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: int | None = None
    group: int | None = None
    before_start: Callable[[], None] = lambda: None
    ready: Callable[[int], bool] = always_ready
    ready_seconds: float = 60.0
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGKILL  # safe at any instant, and certain
    grace_seconds: float = 4.0
    restart: bool = True
