"""A plant that could lose or leak data refuses to start, and says what to set."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from pytest_django import Settings

from mes import checks
from mes.runtime.state import PROJECT_DIR

GOOD_SECRET = "k2J8vQ0xR7mWc4TzYpL9sHdN3bFgA6uE1iOqXtZwV5yMnBrCjK"


@pytest.fixture
def plant(settings: Settings) -> Settings:
    settings.IS_PLANT = True
    settings.DEBUG = False
    settings.SECRET_KEY = GOOD_SECRET
    settings.ALLOWED_HOSTS = ["halite.plant"]
    return settings


def ids(messages: list[checks.CheckMessage]) -> list[str | None]:
    return [message.id for message in messages]


def test_a_safe_plant_passes(plant: Settings) -> None:
    assert checks.plant_settings_are_safe() == []


@pytest.mark.parametrize("secret", ["short", "x" * 60, "django-insecure-" + GOOD_SECRET])
def test_a_default_secret_is_refused(plant: Settings, secret: str) -> None:
    plant.SECRET_KEY = secret
    found = checks.plant_settings_are_safe()
    assert ids(found) == ["halite.E001"]
    assert "Set SECRET_KEY" in str(found[0].hint)


def test_debug_and_open_hosts_are_refused(plant: Settings) -> None:
    plant.DEBUG = True
    plant.ALLOWED_HOSTS = ["*"]
    assert ids(checks.plant_settings_are_safe()) == ["halite.E002", "halite.E003"]


@pytest.mark.django_db
def test_a_database_that_does_not_write_through_is_refused(plant: Settings) -> None:
    # The test cluster really runs without fsync and full_page_writes.
    found = checks.database_is_durable(databases=["default"])
    assert ids(found) == ["halite.E005", "halite.E005"]
    assert "fsync = off" in found[0].msg and "full_page_writes = off" in found[1].msg


def test_the_owner_of_the_tables_is_refused_as_application_role(
    plant: Settings, fresh_database: object
) -> None:
    default = connections["default"]
    default.close()
    default.settings_dict["USER"], user = "halite_owner", default.settings_dict["USER"]
    try:
        assert "halite.E007" in ids(checks.database_is_durable(databases=["default"]))
    finally:
        default.close()
        default.settings_dict["USER"] = user


@pytest.mark.django_db
def test_every_process_refuses_to_start_with_all_reasons_at_once(plant: Settings) -> None:
    plant.ALLOWED_HOSTS = []
    with pytest.raises(ImproperlyConfigured, match=r"halite\.E003.*ALLOWED_HOSTS.*halite\.E005"):
        checks.refuse_unsafe_start()


def test_outside_a_plant_nothing_is_refused(settings: Settings) -> None:
    settings.DEBUG = True
    assert checks.plant_settings_are_safe() == []
    assert checks.database_is_durable(databases=["default"]) == []
    checks.refuse_unsafe_start()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "SECRET_KEY is missing"),
        ({"SECRET_KEY": GOOD_SECRET}, "DATABASE_URL is missing"),
        ({"SECRET_KEY": GOOD_SECRET, "DATABASE_URL": "postgresql:///halite"}, "REDIS_URL is missing"),
        ({"SECRET_KEY": GOOD_SECRET, "DATABASE_URL": "sqlite:///x"}, "must begin with postgresql://"),
    ],
)
def test_a_plant_without_its_addresses_does_not_start(given: dict[str, str], missing: str) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=PROJECT_DIR,
        env={**os.environ, "HALITE_PROFILE": "plant", **given},
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0
    assert missing in result.stderr
