"""Sessions that end when idle or old, and master data that holds still while a page is read."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from lots.masters import steady

STARTED, SEEN = "halite_session_started", "halite_session_seen"
# Writing the session at every request would cost a transaction each.
WRITE_EVERY_SECONDS = 30
# Pages that refresh themselves send this header: a screen left alone is idle.
BACKGROUND_HEADER = "X-Halite-Background"


class SessionExpiryMiddleware:
    """Sign out a session idle for SESSION_IDLE_SECONDS or older than SESSION_COOKIE_AGE."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = int(time.time())
            started = request.session.setdefault(STARTED, now)
            seen = request.session.setdefault(SEEN, now)
            if now - seen > settings.SESSION_IDLE_SECONDS or now - started > settings.SESSION_COOKIE_AGE:
                logout(request)
            elif now - seen >= WRITE_EVERY_SECONDS and BACKGROUND_HEADER not in request.headers:
                request.session[SEEN] = now
        return self.get_response(request)


class SteadyReadsMiddleware:
    """A request that only reads sees the master data of one instant, and asks once whether it has changed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return self.get_response(request)
        with steady():
            return self.get_response(request)
