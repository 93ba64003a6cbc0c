"""Environment variables are read strictly: a mistake names the variable."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from mes.runtime import environment
from mes.runtime.state import PROJECT_DIR


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("on", True), ("0", False), ("", False)])
def test_flags(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("HALITE_DEBUG", value)
    assert environment.flag("HALITE_DEBUG") is expected


def test_a_flag_that_is_neither_yes_nor_no_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALITE_DEBUG", "maybe")
    with pytest.raises(ImproperlyConfigured, match="HALITE_DEBUG is 'maybe'"):
        environment.flag("HALITE_DEBUG")


@pytest.mark.parametrize("value", ["0", "70000", "-1", "8e3", "port"])
def test_a_number_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HALITE_PORT", value)
    with pytest.raises(ImproperlyConfigured, match="HALITE_PORT"):
        environment.whole_number("HALITE_PORT", 8000, low=1, high=65535)


def test_a_directory_that_cannot_be_made_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"file cannot be used .*: set HALITE_DIR"):
        environment.secret_from_file(tmp_path / "file" / "secret_key")


def test_an_unknown_profile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALITE_PROFILE", "production")
    with pytest.raises(ImproperlyConfigured, match="one of demo, plant"):
        environment.one_of("HALITE_PROFILE", ("demo", "plant"), "demo")


def test_a_database_url_with_password_host_and_tls() -> None:
    url = "postgresql://halite_app:p%40ss@db.plant:5433/halite?sslmode=verify-full"
    database = environment.database(url, variable="DATABASE_URL", options={"lock_timeout": "10s"})
    assert (database["USER"], database["PASSWORD"], database["HOST"]) == ("halite_app", "p@ss", "db.plant")
    assert (database["PORT"], database["NAME"]) == ("5433", "halite")
    assert database["OPTIONS"]["sslmode"] == "verify-full"
    assert database["OPTIONS"]["options"] == "-c lock_timeout=10s"
    assert database["ATOMIC_REQUESTS"] is False


def test_a_database_url_with_a_unix_socket() -> None:
    url = "postgresql:///halite?host=/run/halite&user=halite_app"
    database = environment.database(url, variable="DATABASE_URL", options={})
    assert (database["HOST"], database["USER"], database["NAME"]) == ("/run/halite", "halite_app", "halite")


@pytest.mark.parametrize("url", ["sqlite:///halite.db", "mysql://db/halite", "postgresql://db"])
def test_other_databases_and_nameless_ones_are_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        environment.database(url, variable="DATABASE_URL", options={})


def test_a_generated_secret_is_private_long_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secret_key"
    secret = environment.secret_from_file(path)
    assert len(secret) >= 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert environment.secret_from_file(path) == secret


@pytest.mark.slow
def test_a_wrong_setting_is_one_line_on_the_terminal() -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "runstack"],
        cwd=PROJECT_DIR,
        env={**os.environ, "HALITE_PORT": "eighty"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stderr == "halite: HALITE_PORT is 'eighty': set a whole number from 1 to 65535\n"
