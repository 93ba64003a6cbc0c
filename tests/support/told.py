"""A door of the simulator that answers what a test tells it to."""

from __future__ import annotations

import json
from typing import Any

from mes.simulator.doors import Door


class Told(Door):
    """Answers by path, with 201 where it has none, and remembers what was posted."""

    def __init__(self, **answers: Any) -> None:
        super().__init__()
        self.answers = answers
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.status: dict[str, int] = {}

    def _exchange(self, method: str, path: str, headers: dict[str, str], payload: bytes) -> tuple[int, bytes]:
        path = path.removeprefix("/api/v1").partition("?")[0]
        if method == "POST":
            self.posted.append((path, json.loads(payload)))
            return self.status.get(path, 201), b"{}"
        return 200, json.dumps(self.answers[path.rpartition("/")[2]]).encode()


class ToldLine(Told):
    """A Halite that refuses (path, lot) with the blocker of its table, and takes in everything else.

    `held` are open hold members (id → lot), `blockers` what keeps lots at their gate.
    """

    def __init__(self, refuses: dict[tuple[str, str], str] | None = None) -> None:
        empty: dict[str, Any] = {"items": [], "next": None}
        clock = {"site_time": "2026-01-05T06:00:00+00:00"}
        super().__init__(stops=empty, zones=empty, clock=clock, gates={"gates": []})
        self.refuses = refuses or {}
        self.held: dict[int, str] = {}
        self.blockers: dict[str, set[str]] = {}
        self.asked: list[str] = []
        self.taken: list[tuple[str, dict[str, Any]]] = []

    def _exchange(self, method: str, path: str, headers: dict[str, str], payload: bytes) -> tuple[int, bytes]:
        if method == "GET":
            return self._answer(path)
        path, body = path.removeprefix("/api/v1"), json.loads(payload)
        for lot in body.get("lots", [body] if path == "/receipts" else []):
            where = (path, lot) if isinstance(lot, str) else (path, lot["code"])
            if where in self.refuses:
                blockers = [{"code": self.refuses[where], "message": "no"}]
                refusal = {"code": "gate_refused", "message": "no", "blockers": blockers}
                if path == "/receipts":  # has no gates
                    refusal = {"code": "refused", "message": self.refuses[where]}
                return 409, json.dumps(refusal).encode()
        self.taken.append((path, body))
        return 201, json.dumps({"violations": [], "answers": [], "readings": None}).encode()

    def _answer(self, path: str) -> tuple[int, bytes]:
        target = path.removeprefix("/api/v1").partition("?")[0]
        if target.endswith("/gate"):
            lot = target.split("/")[2]
            self.asked.append(lot)
            codes = sorted(self.blockers.get(lot, ()))
            return 200, json.dumps({"blockers": [{"code": code, "message": code} for code in codes]}).encode()
        if target == "/holds":
            members = [
                {"id": key, "lot": lot, "reason": "held", "inherited_from": None}
                for key, lot in sorted(self.held.items(), reverse=True)
            ]
            return 200, json.dumps({"items": members, "next": None}).encode()
        return super()._exchange("GET", path, {}, b"")


class Keys(dict[str, str]):
    """Everybody has a key."""

    def __missing__(self, name: str) -> str:
        return name
