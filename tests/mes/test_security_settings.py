"""What every answer carries, and how sessions and sign-in attempts end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django import Settings

from mes.middleware import BACKGROUND_HEADER, SEEN, STARTED
from mes.runtime.state import PROJECT_DIR

PASSWORD = "brine-electrode-4711"


@pytest.fixture
def operator(db: None) -> object:
    return get_user_model().objects.create_user("operator", password=PASSWORD)


@pytest.fixture
def signed_in(client: Client, operator: object) -> Client:
    client.force_login(operator)
    client.get("/healthz")
    return client


def move_back(client: Client, name: str, seconds: int) -> int:
    session = client.session
    session[name] = int(time.time()) - seconds
    session.save()
    return int(session[name])


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_answers_forbid_inline_scripts_framing_and_sniffing(client: Client) -> None:
    headers = client.get("/healthz").headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy and "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_passwords_are_hashed_with_argon2_outside_tests(tmp_path: Path) -> None:
    program = "from mes import settings; print(settings.PASSWORD_HASHERS[0])"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT_DIR,
        env={**os.environ, "HALITE_PROFILE": "demo", "HALITE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "django.contrib.auth.hashers.Argon2PasswordHasher"


def test_a_session_in_use_goes_on(signed_in: Client, settings: Settings) -> None:
    seen = move_back(signed_in, SEEN, settings.SESSION_IDLE_SECONDS - 60)
    signed_in.get("/healthz")
    assert is_signed_in(signed_in)
    assert signed_in.session[SEEN] > seen


def test_an_idle_session_ends(signed_in: Client, settings: Settings) -> None:
    move_back(signed_in, SEEN, settings.SESSION_IDLE_SECONDS + 1)
    signed_in.get("/healthz")
    assert not is_signed_in(signed_in)


def test_a_page_that_refreshes_itself_does_not_keep_a_session(signed_in: Client, settings: Settings) -> None:
    seen = move_back(signed_in, SEEN, settings.SESSION_IDLE_SECONDS - 60)
    signed_in.get("/healthz", headers={BACKGROUND_HEADER: "1"})
    assert signed_in.session[SEEN] == seen


def test_an_old_session_ends_however_busy(signed_in: Client, settings: Settings) -> None:
    move_back(signed_in, STARTED, settings.SESSION_COOKIE_AGE + 1)
    signed_in.get("/healthz")
    assert not is_signed_in(signed_in)


def attempt(password: str, *, user: str = "operator", address: str = "10.0.0.1") -> bool:
    request: HttpRequest = RequestFactory().post("/login", REMOTE_ADDR=address)
    return authenticate(request, username=user, password=password) is not None


def test_guessing_is_throttled_without_locking_out_the_shop_floor(
    operator: object, settings: Settings
) -> None:
    get_user_model().objects.create_user("colleague", password=PASSWORD)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        assert not attempt("wrong")
    assert not attempt(PASSWORD), "the guessed account is locked at this address"
    assert attempt(PASSWORD, address="10.0.0.2"), "but not at another terminal"
    assert attempt(PASSWORD, user="colleague"), "nor is anybody else at this one"
