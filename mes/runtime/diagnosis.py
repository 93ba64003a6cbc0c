"""What `manage.py doctor` looks at. Every finding that is not fine says what to do."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import redis
from django.conf import settings
from django.core.checks import run_checks
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from spc.models import OutboxEntry

CLOCK_TOLERANCE = timedelta(seconds=2)
OLDEST_PENDING = timedelta(seconds=60)
OLDEST_BACKUP = timedelta(hours=26)
LEAST_FREE_BYTES = 2 * 1024**3


class Level(StrEnum):
    FINE = "ok"
    WARNING = "warning"
    FAILURE = "FAILURE"


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis; `remedy` is empty when nothing is to be done."""

    level: Level
    subject: str
    message: str
    remedy: str = ""


def diagnose() -> Iterator[Finding]:
    """Every finding. A part that cannot be asked is a finding too."""
    yield from configuration()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT version()")
            yield Finding(Level.FINE, "database", str(cursor.fetchone()[0]).split(" on ")[0])
    except DatabaseError as error:
        remedy = "Start Halite with `make run`, or check DATABASE_URL."
        yield Finding(Level.FAILURE, "database", str(error).strip().splitlines()[0], remedy)
    else:
        for examine in (durability, migrations, clock, sweeper, pending_evaluations):
            yield from examine()
    yield from broker()
    yield from disk()
    yield from backups()


def configuration() -> Iterator[Finding]:
    issues = run_checks()
    for issue in issues:
        level = Level.FAILURE if issue.is_serious() else Level.WARNING
        yield Finding(level, "configuration", f"{issue.msg} [{issue.id}]", issue.hint or "")
    if not issues:
        yield Finding(Level.FINE, "configuration", f"profile {settings.PROFILE}")


def durability() -> Iterator[Finding]:
    """What the server promises when it acknowledges a commit."""
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        value = _ask(f"SELECT current_setting('{name}')")
        if value == "off":
            remedy = f"Set {name} = on in postgresql.conf and restart: acknowledged data could be lost."
            yield Finding(Level.FAILURE, "durability", f"{name} = {value}", remedy)
        else:
            yield Finding(Level.FINE, "durability", f"{name} = {value}")


def migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connections["default"])
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if missing:
        yield Finding(Level.FAILURE, "migrations", f"{missing} not applied", "Run `manage.py migrate`.")
    else:
        yield Finding(Level.FINE, "migrations", "all applied")


def clock() -> Iterator[Finding]:
    """The database's clock against this machine's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        difference = abs(cursor.fetchone()[0] - timezone.now())
    text = f"database and this machine differ by {difference.total_seconds():.3f} s"
    if difference > CLOCK_TOLERANCE:
        yield Finding(
            Level.FAILURE, "clocks", text, "Synchronise both with NTP (chrony or systemd-timesyncd)."
        )
    else:
        yield Finding(Level.FINE, "clocks", text)


def sweeper() -> Iterator[Finding]:
    number = _ask(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'halite-sweeper' AND datname = current_database()"
    )
    if number:
        yield Finding(Level.FINE, "sweeper", "connected")
    else:
        remedy = "Start `manage.py sweep`: without it a lost message is found by nobody."
        yield Finding(Level.FAILURE, "sweeper", "not connected to the database", remedy)


def pending_evaluations() -> Iterator[Finding]:
    """How long the oldest measurement waits for its charts, and what was given up."""
    pending = OutboxEntry.objects.filter(processed_at__isnull=True, quarantined_at__isnull=True)
    oldest = pending.order_by("created_at").values_list("created_at", flat=True).first()
    waiting = timezone.now() - oldest if oldest is not None else timedelta()
    text = f"{pending.count()} pending, oldest {waiting.total_seconds():.0f} s"
    if waiting > OLDEST_PENDING:
        remedy = "Read the logs of the sweeper and the workers; start what does not run."
        yield Finding(Level.FAILURE, "evaluations", text, remedy)
    else:
        yield Finding(Level.FINE, "evaluations", text)
    quarantined = OutboxEntry.objects.filter(processed_at__isnull=True, quarantined_at__isnull=False).count()
    if quarantined:
        remedy = "Look at the holds that name them: three attempts to evaluate each have failed."
        yield Finding(Level.WARNING, "evaluations", f"{quarantined} quarantined", remedy)


def broker() -> Iterator[Finding]:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=3, socket_connect_timeout=3)
    try:
        information = client.info()
        policy = information.get("maxmemory_policy")
        append_only = bool(information.get("aof_enabled"))
    except redis.RedisError as error:
        remedy = "Start it or check REDIS_URL. Until then the sweeper evaluates, every 2 s."
        yield Finding(Level.WARNING, "broker", str(error), remedy)
        return
    finally:
        client.close()
    yield Finding(Level.FINE, "broker", f"version {information.get('redis_version')}")
    if policy != "noeviction":
        remedy = "Set maxmemory-policy noeviction: another policy drops queued messages."
        yield Finding(Level.WARNING, "broker", f"maxmemory-policy {policy}", remedy)
    if not append_only:
        yield Finding(
            Level.WARNING, "broker", "no append-only file", "Set appendonly yes, appendfsync everysec."
        )


def disk() -> Iterator[Finding]:
    existing = next(path for path in (settings.STATE.root, *settings.STATE.root.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / 1024**3:.1f} GiB free at {existing}"
    if free < LEAST_FREE_BYTES:
        yield Finding(Level.FAILURE, "disk", text, "Free some space: a full disk stops the database.")
    else:
        yield Finding(Level.FINE, "disk", text)


def backups() -> Iterator[Finding]:
    """The age of the file that the back-up job touches when it has succeeded."""
    stamp = os.environ.get("HALITE_BACKUP_STAMP")
    if not stamp:
        level = Level.FAILURE if settings.IS_PLANT else Level.WARNING
        remedy = (
            "Back up, let the job touch a file, and set HALITE_BACKUP_STAMP to it (docs/administrator.md)."
        )
        yield Finding(level, "backups", "unknown", remedy)
        return
    try:
        age = timedelta(seconds=time.time() - Path(stamp).stat().st_mtime)
    except FileNotFoundError:
        yield Finding(Level.FAILURE, "backups", f"{stamp} does not exist", "Run the back-up job.")
        return
    text = f"last one {age.total_seconds() / 3600:.1f} h ago"
    if age > OLDEST_BACKUP:
        yield Finding(Level.FAILURE, "backups", text, "Find out why the back-up job no longer succeeds.")
    else:
        yield Finding(Level.FINE, "backups", text)


def _ask(query: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]
