"""Two ways to the public API: over HTTP, and through Django's WSGI handler in this process.

Both send the same requests. A request that met a closed door (no connection, 503) is sent again with the same
idempotency key, as a real gateway does, so a restart of web or database loses nothing.
"""

from __future__ import annotations

import http.client
import io
import json
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.core.handlers.wsgi import WSGIHandler

BASE = "/api/v1"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
REQUEST_TIMEOUT_S = 60.0


class DoorClosed(Exception):
    """Nobody answered for as long as the caller was patient."""


class Stopped(Exception):
    """The run was told to end while it waited."""


class UnexpectedAnswer(Exception):
    """The API answered something that the simulator cannot explain: a defect of one of the two."""


@dataclass(frozen=True)
class Answer:
    """Status and JSON body. `resent` says that an earlier try may have been carried out already."""

    status: int
    body: dict[str, Any]
    resent: bool = False

    @property
    def ok(self) -> bool:
        return self.status < 300


class Door(ABC):
    """Sends requests of API v1, each with the API key of whoever makes it."""

    def __init__(self, *, patience_s: float = 600.0, stop: threading.Event | None = None) -> None:
        """Closed doors are tried again for `patience_s`; `stop` ends the waiting with Stopped."""
        self.patience_s = patience_s
        self.stop = stop or threading.Event()
        self.requests = 0

    def get(self, path: str, *, key: str, **query: Any) -> Answer:
        return self._send("GET", f"{path}?{urlencode(query)}" if query else path, key, None, "")

    def post(self, path: str, body: dict[str, Any], *, key: str, idempotency_key: str = "") -> Answer:
        return self._send("POST", path, key, body, idempotency_key)

    def send_file(self, path: str, content: bytes, *, key: str, **query: str) -> Answer:
        """An instrument's file as the body; the same file twice is recognised, so it needs no key of its own."""
        return self._send("POST", f"{path}?{urlencode(query)}" if query else path, key, content, "")

    def pause(self, seconds: float) -> None:
        """Wait; raises Stopped when the run is told to end."""
        if self.stop.wait(seconds):
            raise Stopped

    @abstractmethod
    def _exchange(self, method: str, path: str, headers: dict[str, str], payload: bytes) -> tuple[int, bytes]:
        """One request, one answer. Raises OSError or http.client.HTTPException when there is none."""

    def _send(
        self, method: str, path: str, key: str, body: dict[str, Any] | bytes | None, idempotency_key: str
    ) -> Answer:
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        headers = {"Authorization": f"Bearer {key}", "Content-Type": kind}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        payload = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        deadline, pause, tries = time.monotonic() + self.patience_s, FIRST_PAUSE_S, 0
        while True:
            if self.stop.is_set():
                raise Stopped
            self.requests += 1
            try:
                status, raw = self._exchange(method, BASE + path, headers, payload)
            except (OSError, http.client.HTTPException) as error:
                status, raw, reason = 503, b"", f"{type(error).__name__}: {error}"
            else:
                reason = f"status {status}"
            if status < 500:
                return Answer(status, json.loads(raw), resent=tries > 0)
            if status != 503 and tries >= 5:
                raise UnexpectedAnswer(f"{method} {path}: {status} {raw[:300]!r}")
            if time.monotonic() > deadline:
                raise DoorClosed(f"{method} {path}: {reason}")
            tries += 1
            self.pause(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)


class HttpDoor(Door):
    """Real HTTP on one kept-alive connection, used by one thread."""

    def __init__(self, base_url: str, **options: Any) -> None:
        super().__init__(**options)
        parts = urlsplit(base_url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "localhost", parts.port, timeout=REQUEST_TIMEOUT_S)

    def _exchange(self, method: str, path: str, headers: dict[str, str], payload: bytes) -> tuple[int, bytes]:
        try:
            self._connection.request(method, path, payload or None, headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next request connects anew
            raise


class WsgiDoor(Door):
    """The same requests without a socket."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._handler = WSGIHandler()

    def _exchange(self, method: str, path: str, headers: dict[str, str], payload: bytes) -> tuple[int, bytes]:
        target, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": target,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": headers["Content-Type"],
            "CONTENT_LENGTH": str(len(payload)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(payload),
            "wsgi.errors": io.StringIO(),
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
        }
        status: list[int] = []

        def start_response(line: str, _headers: Any, _error: Any = None) -> Any:
            status.append(int(line.split(" ", 1)[0]))

        response = self._handler(environ, start_response)
        body = b"".join(response)
        response.close()
        return status[0], body
