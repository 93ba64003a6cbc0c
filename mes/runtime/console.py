"""What the person at the terminal sees: our own messages, and errors from the processes' logs."""

from __future__ import annotations

import json
import re
from pathlib import Path

# A log this large is moved aside; the processes append, so truncating under them is safe.
LARGEST_LOG_BYTES = 50 * 1024 * 1024
# More than this many in one look would bury the rest.
MOST_ERRORS_SHOWN = 5
PLAIN_ERROR = re.compile(r"\b(?:FATAL|PANIC|CRITICAL)\b|^\[?ERROR\b")
LEVELS_SHOWN = {"error", "critical"}
# PostgreSQL says this of clients that we ourselves are stopping or starting early.
EXPECTED = re.compile(
    r"terminating connection due to administrator command|the database system is (?:starting|shutting)"
)


class Console:
    """Writes lines for people. Output that has gone away must not end the supervisor."""

    def say(self, message: str) -> None:
        try:
            print(f"halite: {message}", flush=True)
        except OSError:
            return


class ErrorWatch:
    """Follows one log file and picks out errors."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.position = log.stat().st_size if log.exists() else 0

    def new_errors(self) -> list[str]:
        """Errors written since the last look, the first few in short form."""
        try:
            size = self.log.stat().st_size
        except FileNotFoundError:
            return []
        if size < self.position:
            self.position = 0
        if size == self.position:
            return []
        with self.log.open("rb") as file:
            file.seek(self.position)
            text = file.read(size - self.position)
        # A half-written last line waits for the next look.
        complete = text[: text.rfind(b"\n") + 1]
        self.position += len(complete)
        errors = [line for raw in complete.decode(errors="replace").splitlines() if (line := error_in(raw))]
        if self.position > LARGEST_LOG_BYTES:
            self._rotate()
        if len(errors) > MOST_ERRORS_SHOWN:
            return [
                *errors[:MOST_ERRORS_SHOWN],
                f"{len(errors) - MOST_ERRORS_SHOWN} more errors in {self.log}",
            ]
        return errors

    def _rotate(self) -> None:
        self.log.with_suffix(".log.1").write_bytes(self.log.read_bytes())
        with self.log.open("r+b") as file:
            file.truncate(0)
        self.position = 0


def error_in(line: str) -> str | None:
    """The short form of a log line that reports an error, else None."""
    if line.startswith("{"):
        try:
            entry = json.loads(line)
        except ValueError:
            return None
        if entry.get("level") in LEVELS_SHOWN:
            return f"{entry.get('event', '')} {_last_line(entry.get('exception', ''))}".strip()[:300]
        return None
    if PLAIN_ERROR.search(line) and not EXPECTED.search(line):
        return line.strip()[:300]
    return None


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f"({lines[-1]})" if lines else ""
