"""`manage.py sweep`: finds what lost messages left undone. Safety rests here, not in the broker."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from lots.anchors import UnreadableAnchors, write_anchor
from mes import pipeline
from mes.checks import refuse_unsafe_start
from mes.hints import publish_packages
from mes.packages import waiting_packages

log = structlog.get_logger(__name__)

HOUR_SECONDS = 3600.0


class Command(BaseCommand):
    help = "Evaluates every pending chart, again and again; survives a database that goes away."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--interval", type=float, default=2.0, help="seconds between rounds (default 2)")
        parser.add_argument("--once", action="store_true", help="one round, then exit")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unsafe_start()
        if options["once"]:
            pipeline.sweep_once(now=timezone.now())
            return
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        sweep_until(stop, interval_seconds=options["interval"])


def sweep_until(stop: threading.Event, *, interval_seconds: float) -> None:
    """Sweep round after round, at the same pace while the database is away: holds are due as soon as it is back."""
    pause, hourly_at = 0.0, float("-inf")
    while not stop.wait(pause):
        try:
            if time.monotonic() - hourly_at >= HOUR_SECONDS:
                pipeline.ensure_partitions()
                anchor()
                hourly_at = time.monotonic()
            sweep()
            remind()
        except Error as error:
            # A database that is away explains itself; anything else is worth its traceback. What is asked of a
            # connection after it broke is an InterfaceError, which is no DatabaseError.
            away = isinstance(error, OperationalError | InterfaceError)
            log.error("sweep_failed", error=f"{type(error).__name__}: {error}", exc_info=not away)
        finally:
            close_old_connections()
        pause = interval_seconds


def anchor() -> None:
    """Write the heads of the audit chains outside the database; charts are swept even where that cannot be done."""
    try:
        heads = write_anchor(settings.ANCHORS_FILE, now=timezone.now())
    except (OSError, UnreadableAnchors) as error:
        log.error("anchor_not_written", file=str(settings.ANCHORS_FILE), error=str(error))
    else:
        log.info("anchored", heads=heads)


def remind() -> None:
    """Tell the workers again of evidence packages whose message was lost or whose worker died."""
    waiting = waiting_packages(now=timezone.now())
    if waiting:
        publish_packages(waiting)


def sweep() -> None:
    """One round, logged when it found something."""
    began = time.monotonic()
    found = pipeline.sweep_once(now=timezone.now())
    if any(found.values()):
        log.info("swept", **found, seconds=round(time.monotonic() - began, 3))
