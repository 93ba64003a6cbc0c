"""Named instants at which a test lets the running process die, freeze or fail.

Armed in the test profile only, by files in the directory that HALITE_FAILPOINTS names: `NAME.ANYTHING` holds the action
(`kill`, `stop` or `raise`) and is taken away by the process that meets it first. Anywhere else `hit` does nothing.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

NAMES = (
    "record.stored",
    "record.judged",
    "record.keyed",
    "record.committed",
    "evaluate.claimed",
    "evaluate.plotted",
    "evaluate.reacted",
    "evaluate.committed",
    "replay.replaced",
    "hold.reached",
    "hold.placed",
    "report.recorded",
)


class FailpointError(Exception):
    """What an armed failpoint raises."""


def _directory() -> Path | None:
    named = os.environ.get("HALITE_FAILPOINTS")
    return Path(named) if named and os.environ.get("HALITE_PROFILE") == "test" else None


_DIRECTORY = _directory()


def hit(name: str) -> None:
    """Pass the instant `name`; does what a test has armed there, once."""
    if _DIRECTORY is None:
        return
    for token in sorted(_DIRECTORY.glob(f"{name}.*")):
        try:
            action = token.read_text()
            token.unlink()
        except FileNotFoundError:
            continue  # another process met it first
        if action == "raise":
            raise FailpointError(name)
        os.kill(os.getpid(), signal.SIGSTOP if action == "stop" else signal.SIGKILL)
