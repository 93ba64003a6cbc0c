"""What was acknowledged is stored, whatever is killed at whatever instant (I1, I3)."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from lots.models import IdempotencyKey, Lot, Measurement, Submission
from mes import hints
from mes.runtime.processes import wait_until
from tests.support.api import BASE, ApiClient
from tests.support.builders import Plant, make_plant
from tests.support.evidence import assert_evaluated_exactly_once, pending
from tests.support.processes import HOST, Stack
from tests.support.worked import SOLIDS, frozen_chart, mixing_lot

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROUNDS = 4
CLIENTS = 2


@pytest.fixture(autouse=True)
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what earlier tests learnt of their broker."""
    monkeypatch.setattr(hints, "_silent_until", 0.0)


class Poster:
    """Posts one reading after the other, each under its own key, until told to stop."""

    def __init__(self, stack: Stack, api_key: str, lot: Lot, name: str) -> None:
        self.stack, self.api_key, self.lot, self.name = stack, api_key, lot, name
        self.stop = threading.Event()
        self.acknowledged: set[str] = set()
        self.unanswered: dict[str, dict[str, Any]] = {}
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for number in itertools.count():
            if self.stop.is_set():
                return
            key, body = f"{self.name}-{number}", self._body(number)
            status = self.post(key, body)
            if status == 201:
                self.acknowledged.add(key)
            else:
                self.unanswered[key] = body
                time.sleep(0.02)

    def _body(self, number: int) -> dict[str, Any]:
        reading = {
            "characteristic": SOLIDS,
            "value": f"65.0{number % 10}",
            "unit": "%",
            "measured_at": timezone.now().isoformat(),
            "lot": self.lot.code,
        }
        return {"readings": [reading]}

    def post(self, key: str, body: dict[str, Any]) -> int:
        """The status, or 0 when no answer came."""
        client = http.client.HTTPConnection(HOST, self.stack.port, timeout=10)
        headers = {
            "Authorization": f"Bearer {self.api_key}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        try:
            client.request("POST", f"{BASE}/submissions", json.dumps(body), headers)
            return client.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            client.close()


def test_every_acknowledged_post_is_stored_when_the_web_process_is_killed(web_stack: Stack) -> None:
    plant = make_plant()
    frozen_chart(plant)
    before = Submission.objects.count()
    api_key = ApiClient(plant.site, plant.operator).key
    chance = random.Random(30)
    acknowledged, retried = 0, 0
    for turn in range(ROUNDS):
        posters = [Poster(web_stack, api_key, mixing_lot(plant), f"r{turn}c{n}") for n in range(CLIENTS)]
        for poster in posters:
            poster.thread.start()
        assert wait_until(lambda ps=posters: all(p.acknowledged for p in ps), 30)
        time.sleep(chance.uniform(0.05, 0.6))
        web_stack.kill("web")
        for poster in posters:
            poster.stop.set()
            poster.thread.join()
        web_stack.start("web")
        for poster in posters:
            stored = set(
                IdempotencyKey.objects.filter(key__in=poster.acknowledged).values_list("key", flat=True)
            )
            assert stored == poster.acknowledged
            # Whoever got no answer asks again under the same key; what was stored then is not stored again.
            for key, body in poster.unanswered.items():
                assert poster.post(key, body) in {200, 201}
            acknowledged += len(poster.acknowledged)
            retried += len(poster.unanswered)
    print(f"\n{ROUNDS} kills of the web process: {acknowledged} acknowledged, {retried} retried")  # noqa: T201
    assert retried >= ROUNDS
    assert Submission.objects.count() - before == acknowledged + retried
    assert wait_until(lambda: pending() == 0, 30)
    assert_evaluated_exactly_once()


def test_every_acknowledged_reading_survives_a_kill_of_the_database(stack: Stack) -> None:
    """PostgreSQL and all its backends die at once in the middle of recording, several times over."""
    plant = make_plant()
    frozen_chart(plant)
    before = Measurement.objects.count()
    chance = random.Random(31)
    acknowledged, failed = 0, 0
    for _ in range(3):
        lot = mixing_lot(plant)
        killer = threading.Timer(chance.uniform(0.1, 0.5), lambda: stack.kill("postgres"))
        killer.start()
        failed += 1
        acknowledged += record_until_refused(plant, lot)
        killer.join()
        stack.start("postgres")
        connection.close()
    stored = Measurement.objects.count() - before
    print(f"\n3 kills of the database: {acknowledged} acknowledged, {stored} stored")  # noqa: T201
    # The one that was under way at each kill may have been committed without an answer.
    assert acknowledged <= stored <= acknowledged + failed
    assert wait_until(lambda: pending() == 0, 60), stack.log("sweeper")
    assert_evaluated_exactly_once()


def record_until_refused(plant: Plant, lot: Lot) -> int:
    """Record until the database is gone; how many were acknowledged."""
    for acknowledged in itertools.count():
        try:
            plant.submit([plant.reading(SOLIDS, "65", lot)])
        except DatabaseError:
            connection.close()
            return acknowledged
    raise AssertionError("the database never went away")
