"""System checks that refuse an unsafe plant. Each message says what to set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections

SHORTEST_SECRET = 50
# A commit must be on disk before it is acknowledged, and a torn page must be repairable.
REQUIRED_DURABILITY = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_write", "remote_apply"),
}
OLDEST_SERVER = 150000


@register(Tags.security)
def plant_settings_are_safe(**_: Any) -> list[CheckMessage]:
    """SECRET_KEY, DEBUG and ALLOWED_HOSTS of a plant. (Other databases than PostgreSQL fail in the settings.)"""
    if not settings.IS_PLANT:
        return []
    found: list[CheckMessage] = []
    secret = settings.SECRET_KEY
    if len(secret) < SHORTEST_SECRET or len(set(secret)) < 10 or secret.startswith("django-insecure"):
        found.append(
            Error(
                "SECRET_KEY is missing, short or a default.",
                hint=f"Set SECRET_KEY to {SHORTEST_SECRET} or random characters, the same on every host.",
                id="halite.E001",
            )
        )
    if settings.DEBUG:
        found.append(Error("HALITE_DEBUG is on.", hint="Unset HALITE_DEBUG in a plant.", id="halite.E002"))
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "ALLOWED_HOSTS is missing or allows every host.",
                hint="Set ALLOWED_HOSTS to the names people type, separated by commas.",
                id="halite.E003",
            )
        )
    return found


@register(Tags.database)
def database_is_durable(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The server keeps what it acknowledges, and the application does not run as its owner."""
    if not settings.IS_PLANT or not databases or "default" not in databases:
        return []
    try:
        with connections["default"].cursor() as cursor:
            names = list(REQUIRED_DURABILITY)
            cursor.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in names))
            values = dict(zip(names, cursor.fetchone(), strict=True))
            cursor.execute(
                "SELECT current_setting('server_version_num')::int, rolsuper, current_user = 'halite_owner' "
                "FROM pg_roles WHERE rolname = current_user"
            )
            version, is_superuser, is_owner = cursor.fetchone()
    except DatabaseError as error:
        return [
            Error(
                f"The database does not answer: {str(error).strip().splitlines()[0]}",
                hint="Check DATABASE_URL and that the server runs.",
                id="halite.E004",
            )
        ]
    found: list[CheckMessage] = [
        Error(
            f"PostgreSQL runs with {name} = {value}: acknowledged measurements could be lost.",
            hint=f"Set {name} = on in postgresql.conf and for the role, then restart the server.",
            id="halite.E005",
        )
        for name, value in values.items()
        if value not in REQUIRED_DURABILITY[name]
    ]
    if version < OLDEST_SERVER:
        found.append(
            Error("PostgreSQL is older than 15.", hint="Upgrade the server to 15 or newer.", id="halite.E006")
        )
    if is_superuser or is_owner:
        found.append(
            Error(
                "DATABASE_URL signs in as a superuser or as the owner of the tables: no guard binds it.",
                hint="Sign in as halite_app; docs/administrator.md says how to create the roles.",
                id="halite.E007",
            )
        )
    return found


def refuse_unsafe_start() -> None:
    """Run the checks as a process starts; in a plant, ImproperlyConfigured with every error found."""
    if not settings.IS_PLANT:
        return
    errors = [
        message
        for message in run_checks(databases=["default"], tags=[Tags.security, Tags.database])
        if message.is_serious()
    ]
    if errors:
        raise ImproperlyConfigured(
            "Halite refuses to start: "
            + " ".join(f"[{error.id}] {error.msg} {error.hint}" for error in errors)
        )
