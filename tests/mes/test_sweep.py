"""The sweeper's pace: a hold waits for its next round, whatever became of the last one."""

from __future__ import annotations

import threading

import pytest
from django.db import InterfaceError, OperationalError

from mes.management.commands import sweep as command


class Rounds(threading.Event):
    """Ends the sweeper after some rounds and notes how long it wanted to wait before each."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return len(self.waits) > self.number


@pytest.mark.django_db
@pytest.mark.parametrize(
    "error", [OperationalError("the database is starting up"), InterfaceError("the connection is closed")]
)
def test_the_sweeper_keeps_its_pace_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    swept: list[bool] = []

    def away() -> None:
        swept.append(True)
        if len(swept) < 4:
            raise error

    monkeypatch.setattr(command, "sweep", away)
    monkeypatch.setattr(command, "close_old_connections", lambda: None)
    rounds = Rounds(5)
    command.sweep_until(rounds, interval_seconds=2.0)
    assert len(swept) == 5
    assert rounds.waits == [0.0, 2.0, 2.0, 2.0, 2.0, 2.0]
