"""Fault-free runs that several tests look at."""

from __future__ import annotations

import pytest

from mes.simulator.events import LineEvent
from tests.mes.simulator.observed import Observed, run


@pytest.fixture(scope="session")
def long_run() -> Observed:
    """150 roll pairs in control: 300 trays."""
    return Observed(run(150, seed=11)[1])


@pytest.fixture(scope="session")
def short_run() -> tuple[LineEvent, ...]:
    return run(6, seed=5)[1]
