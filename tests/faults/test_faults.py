"""Processes die, freeze and hang at random and at every failpoint while clients use the line; no invariant breaks.

HALITE_FAULT_SECONDS and HALITE_FAULT_SEED lengthen and vary the run (`make test-faults`).
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from django.db import connection

from lots import failpoints
from mes import hints
from mes.runtime.processes import wait_until
from spc.models import Chart
from tests.faults.checker import check
from tests.faults.clients import Crowd, Door
from tests.faults.facts import gather
from tests.faults.history import OK, Event, Log, now
from tests.support.api import ApiClient
from tests.support.builders import Plant, make_plant, specify
from tests.support.cluster import Database
from tests.support.evidence import pending
from tests.support.processes import HOST, Stack, run_stack
from tests.support.worked import SOLIDS, frozen_chart, mixing_lot

SECONDS = float(os.environ.get("HALITE_FAULT_SECONDS", "30"))
SEED = int(os.environ.get("HALITE_FAULT_SEED", "1"))
PROCESSES = ("worker-1", "worker-2", "sweeper", "web", "broker", "postgres")
MEASURED, FRESH = 60, 40
WEB_ANSWERS_S = 10.0  # long enough for a killed one to load again on a slow machine

pytestmark = [pytest.mark.alone, pytest.mark.slow, pytest.mark.timeout(SECONDS * 3 + 240)]


@pytest.fixture(autouse=True)
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what earlier tests learnt of their broker."""
    monkeypatch.setattr(hints, "_silent_until", 0.0)


@pytest.fixture
def armed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where failpoints are armed; the processes that the stack starts look there."""
    folder = tmp_path / "failpoints"
    folder.mkdir()
    monkeypatch.setenv("HALITE_FAILPOINTS", str(folder))
    return folder


@pytest.fixture
def line(fresh_database: Database, armed: Path) -> Iterator[Stack]:
    fresh_database.environment["HALITE_FAILPOINTS"] = str(armed)
    yield from run_stack(fresh_database, ["broker", "worker-1", "worker-2", "sweeper", "web"])


class Chaos:
    """One fault after the other; each is in the log with the time during which it may have kept somebody waiting."""

    def __init__(self, line: Stack, armed: Path, log: Log, seed: int) -> None:
        self.line, self.armed, self.log, self.chance = line, armed, log, random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.deck: list[Callable[[], str]] = []
        self.failpoints = [(name, action) for name in failpoints.NAMES for action in ("kill", "stop")]
        self.chance.shuffle(self.failpoints)

    def run(self, seconds: float) -> None:
        """For this long, and on a slow machine until enough has happened to be judged."""
        deadline = time.monotonic() + seconds
        poisoned = False
        while time.monotonic() < deadline or not self.enough():
            time.sleep(self.chance.uniform(0.1, 0.6))
            if not poisoned and time.monotonic() > deadline - seconds / 2:
                poisoned = True
                self._arm("evaluate.plotted", "raise", times=6)
            began = now()
            what = self._next_deed()()
            self._heal()
            self.counts[what.split()[0]] += 1
            self.log.add(Event("fault", began=began, ended=now(), what=what))

    def enough(self) -> bool:
        """A fault of every kind, and answers of every kind that the test needs."""
        calls = self.log.calls()
        return (
            all(self.counts[kind] for kind in ("kill", "pause", "failpoint"))
            and calls["submit ok"] > 50
            and all(calls[call] for call in ("start ok", "start refused", "correct ok"))
        )

    def _next_deed(self) -> Callable[[], str]:
        """From a shuffled deck, so that a short run has deeds of every kind too."""
        if not self.deck:
            self.deck = [self._kill] * 4 + [self._pause] * 3 + [self._failpoint] * 5
            self.chance.shuffle(self.deck)
        return self.deck.pop()

    def _kill(self) -> str:
        name = self.chance.choice(PROCESSES)
        if self.line.running(name):
            self.line.kill(name)
        time.sleep(self.chance.uniform(0, 1.0))
        return f"kill {name}"

    def _pause(self) -> str:
        """Also a partition: whoever talks to it hears nothing."""
        name = self.chance.choice(PROCESSES)
        if self.line.running(name):
            self.line.pause(name)
            time.sleep(self.chance.uniform(0.2, 2.5))
        return f"pause {name}"

    def _failpoint(self) -> str:
        if not self.failpoints:
            self.failpoints = [(name, action) for name in failpoints.NAMES for action in ("kill", "stop")]
        name, action = self.failpoints.pop()
        token = self._arm(name, action)
        met = wait_until(lambda: not token.exists(), 2.5, poll_seconds=0.02)
        token.unlink(missing_ok=True)
        time.sleep(0.3)
        return f"{'failpoint' if met else 'unmet'} {name} {action}"

    def _arm(self, name: str, action: str, *, times: int = 1) -> Path:
        for number in range(times):
            token = self.armed / f"{name}.{self.chance.random():.9f}{number}"
            token.write_text(action)
        return token

    def _heal(self) -> None:
        """As a supervisor does: wake what is stopped, start what is gone, replace a web server that answers nobody."""
        for name in PROCESSES:
            if self.line.running(name):
                self.line.resume(name)
        if not self.line.running("postgres"):
            self.line.start("postgres")
        for name in PROCESSES:
            if not self.line.running(name):
                self.line.start(name)
        if not wait_until(self._web_answers, WEB_ANSWERS_S, poll_seconds=0.1):
            self.line.kill("web")
            self.line.start("web")

    def _web_answers(self) -> bool:
        client = HTTPConnection(HOST, self.line.port, timeout=1)
        try:
            client.request("GET", "/healthz")
            return client.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            client.close()


def crowd_of(plant: Plant, line: Stack, log: Log) -> Crowd:
    return Crowd(
        Door(line.port, ApiClient(plant.site, plant.operator).key),
        log,
        SEED,
        measured=[mixing_lot(plant).code for _ in range(MEASURED)],
        fresh=[plant.lot().code for _ in range(FRESH)],
        work_order=plant.order.code,
    )


def test_no_invariant_breaks_whatever_dies(line: Stack, armed: Path, tmp_path: Path) -> None:
    plant = make_plant()
    specify(plant, SOLIDS, lsl="60", usl="70")
    frozen_chart(plant)
    log = Log(tmp_path / "history.jsonl")
    crowd = crowd_of(plant, line, log)
    connection.close()
    chaos = Chaos(line, armed, log, SEED)
    crowd.start()
    try:
        chaos.run(SECONDS)
    finally:
        crowd.finish()
        for token in armed.iterdir():
            token.unlink(missing_ok=True)
    chaos._heal()
    crowd.ask_again()
    assert wait_until(lambda: pending() == 0, 90), (
        "what was recorded is not evaluated after everything has healed"
    )
    facts = gather(("m-",))
    violations = check(log.events, facts)
    slowest = max(
        (placed - recorded for due in facts.holds_due.values() for recorded, placed in due if placed),
        default=0,
    )
    late = len({e.key for e in log.events if e.kind == "late" and e.outcome == OK})
    replays = sum(Chart.objects.values_list("generation", flat=True)) - Chart.objects.count()
    print(  # noqa: T201 - the counts are what the run measured
        f"\n{len(log.events)} events in {SECONDS:.0f} s, seed {SEED}: {dict(sorted(log.calls().items()))}"
        f"\nfaults: {dict(chaos.counts)}; {late} readings sent late; charts replayed {replays} times;"
        f" holds: {len(facts.holds)} lots; slowest hold after a signal {slowest:.1f} s;"
        f" violations found = {len(violations)}"
    )
    assert not violations, "\n".join(f"{v.invariant}: {v.words}" for v in violations)
    assert chaos.enough()
    assert {"defect", "signal"} <= {source for sources in facts.holds.values() for source in sources}
