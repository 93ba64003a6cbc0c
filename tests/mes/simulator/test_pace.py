"""A watched line lets simulated time pass no faster when nothing can be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mes.simulator.events import DoorOpened, ZoneLogged
from mes.simulator.live import PACE_S, PER_HOUR_S
from mes.simulator.model import LineModel
from mes.simulator.pace import LONGEST_PAUSE_S, Pace

START = datetime(2026, 1, 5, 6, tzinfo=UTC)


def test_a_running_line_waits_for_its_events_and_hardly_for_more() -> None:
    pace, paused, by_events = Pace(PACE_S, PER_HOUR_S), 0.0, 0.0
    for event in LineModel(5, START, pairs=18, log_packet_min=60).undisturbed():
        if event.at > START + timedelta(hours=34):
            break
        paused += pace.pause_s(event)
        by_events += 0.0 if isinstance(event, ZoneLogged | DoorOpened) else PACE_S
    assert by_events <= paused < 1.1 * by_events


def test_an_hour_of_a_blocked_line_takes_its_time_and_a_leap_is_bounded() -> None:
    logged: Any = next(e for e in LineModel(5, START, pairs=1).undisturbed() if isinstance(e, ZoneLogged))
    pace = Pace(1.5, 20.0)

    def pause(minutes: float) -> float:
        return pace.pause_s(replace(logged, at=START + timedelta(minutes=minutes)))

    assert pause(0) == 0.0
    assert sum(pause(minute) for minute in range(10, 190, 10)) == pytest.approx(60.0)
    assert pause(180 + 97 * 60) == LONGEST_PAUSE_S
    assert pause(181 + 97 * 60) == pytest.approx(20.0 / 60)
