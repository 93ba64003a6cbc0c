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
