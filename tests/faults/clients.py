"""Clients of a fault run: over HTTP, with keys, each call in the log with what came back."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.faults.history import OK, REFUSED, UNKNOWN, Event, Log, now
from tests.support.api import BASE
from tests.support.processes import HOST
from tests.support.worked import SOLIDS

PATIENCE_S = 8.0


@dataclass
class Door:
    """The web server as a client meets it."""

    port: int
    api_key: str

    def post(self, path: str, body: dict[str, Any], key: str = "") -> tuple[str, int, bytes]:
        """Outcome, status (0 without an answer) and body. Only 2xx is an acknowledgement; 5xx says nothing."""
        client = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE_S)
        headers = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        try:
            client.request("POST", BASE + path, json.dumps(body), headers)
            answer = client.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return UNKNOWN, 0, b""
        finally:
            client.close()
        if 200 <= answer.status < 300:
            return OK, answer.status, content
        return (UNKNOWN if answer.status >= 500 else REFUSED), answer.status, content


@dataclass
class Crowd:
    """Threads that use the line until told to stop."""

    door: Door
    log: Log
    seed: int
    measured: list[str]
    fresh: list[str]
    work_order: str
    stop: threading.Event = field(default_factory=threading.Event)
    sent: dict[str, tuple[str, dict[str, Any], str, tuple[str, ...]]] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        deeds = [self._measure, self._measure, self._start, self._hold, self._consume, self._correct]
        self.threads = [
            threading.Thread(target=self._run, args=(deed, self.seed * 100 + number))
            for number, deed in enumerate(deeds)
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def finish(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def ask_again(self) -> None:
        """Whoever got no answer asks again under the same key, until there is one."""
        for key in list(self.sent):
            while not any(e.key == key and e.outcome != UNKNOWN for e in self.log.events if e.op != "clash"):
                self._repeat(key)

    def _run(self, deed: Callable[[random.Random, int, int], None], seed: int) -> None:
        chance, turn = random.Random(seed), 0
        while not self.stop.wait(chance.uniform(0.01, 0.12)):
            turn += 1
            deed(chance, seed, turn)

    def _call(self, op: str, path: str, body: dict[str, Any], **event: Any) -> tuple[str, bytes]:
        began = now()
        outcome, status, content = self.door.post(path, body, event.get("key", ""))
        self.log.add(Event(op, outcome=outcome, status=status, began=began, ended=now(), **event))
        return outcome, content

    # --- what they do --------------------------------------------------------------------------------
    def _measure(self, chance: random.Random, seed: int, turn: int) -> None:
        kind = chance.choices(["", "violation", "signal", "late", "future"], weights=[76, 5, 7, 9, 3])[0]
        value = {"violation": "71", "signal": "67"}.get(kind, f"{65 + chance.gauss(0, 0.06):.3f}")
        skew = {"late": timedelta(seconds=-chance.uniform(2, 20)), "future": timedelta(hours=1)}.get(
            kind, timedelta(0)
        )
        lot, key = chance.choice(self.measured), f"m-{seed}-{turn}"
        reading = {
            "characteristic": SOLIDS,
            "value": value,
            "unit": "%",
            "measured_at": (timezone.now() + skew).isoformat(),
            "lot": lot,
        }
        body = {"readings": [reading]}
        self.sent[key] = (lot, body, kind, (value,))
        outcome, content = self._call(
            "submit", "/submissions", body, key=key, lot=lot, kind=kind, values=(value,)
        )
        if outcome == OK:
            self.answers[key] = content
        elif outcome == UNKNOWN and chance.random() < 0.5:
            self._repeat(key)
        if chance.random() < 0.08:
            self._repeat(chance.choice(list(self.sent)))
        if outcome == OK and chance.random() < 0.04:
            other = {"readings": [reading | {"value": "64.123"}]}
            self._call("clash", "/submissions", other, key=key, lot=lot, values=("64.123",))

    def _repeat(self, key: str) -> None:
        lot, body, kind, values = self.sent[key]
        began = now()
        outcome, status, content = self.door.post("/submissions", body, key)
        same = outcome != OK or json.loads(self.answers.setdefault(key, content)) == json.loads(content)
        self.log.add(Event("repeat", key, lot, outcome, status, began, now(), kind, values, same_answer=same))

    def _start(self, chance: random.Random, seed: int, turn: int) -> None:
        """Start a step; now and then do it without asking, or although it was refused, and say so afterwards."""
        lot, key = chance.choice(self.fresh), f"s-{seed}-{turn}"
        body = {"lots": [lot], "step": "mixing"}
        asked = chance.random() < 0.95
        outcome, _ = self._call("start", "/steps/start", body, key=key, lot=lot) if asked else (REFUSED, b"")
        if outcome == REFUSED and chance.random() < 0.3:
            report = body | {"reason": "the mixer ran on"}
            self._call("report", "/reports/steps", report, key=f"r-{seed}-{turn}", lot=lot)

    def _correct(self, chance: random.Random, seed: int, turn: int) -> None:
        """Correct a reading within the limits that was acknowledged, give it another instant, or withdraw it."""
        answered = list(self.answers)  # at once: other clients go on answering
        known = [key for key in answered if self.sent[key][2] in {"", "late"}]
        if not known or chance.random() < 0.7:
            return
        key = chance.choice(known)
        lot, submission = self.sent[key][0], json.loads(self.answers[key])["submission"]
        change = chance.choices(["value", "instant", "withdraw"], weights=[6, 3, 1])[0]
        body: dict[str, Any] = {"reason": "typing error"}
        if change != "withdraw":
            body["value"] = f"{65 + chance.gauss(0, 0.06):.3f}"
        if change == "instant":
            body["measured_at"] = (timezone.now() - timedelta(seconds=chance.uniform(1, 20))).isoformat()
        path = f"/submissions/{submission}/measurements/0/correction"
        self._call("correct", path, body, key=f"x-{seed}-{turn}", lot=lot)

    def _hold(self, chance: random.Random, seed: int, turn: int) -> None:
        if chance.random() < 0.3:
            lot = chance.choice([*self.fresh, *self.measured])
            self._call("hold", "/holds", {"lots": [{"lot": lot}], "reason": "fault run"}, lot=lot)

    def _consume(self, chance: random.Random, seed: int, turn: int) -> None:
        """Finish mixing and take from the batch, whether or not its values are evaluated yet."""
        lot, key = chance.choice(self.measured), f"c-{seed}-{turn}"
        self._call("start", "/steps/finish", {"lots": [lot], "step": "mixing"}, key=f"f-{lot}", lot=lot)
        roll = {
            "code": f"ROLL-{seed}-{turn}",
            "material": "T-ROLL",
            "quantity": "1",
            "work_order": self.work_order,
            "inputs": [{"parent": lot, "quantity": "0.5"}],
        }
        self._call("start", "/lots", {"lots": [roll]}, key=key, lot=lot)
