"""`manage.py watch_folder FOLDER`: imports what instruments write into a folder, again and again."""

from __future__ import annotations

import signal
import threading
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, close_old_connections
from django.utils import timezone

from lots.models import Site, User
from mes.checks import refuse_unsafe_start
from mes.connectors.watch_folder import ENDED_AFTER_S, WatchedFolder
from quality.permissions import Action, may

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Import the instrument files of a folder for the cells that their names begin with."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--site", required=True, help="site code")
        parser.add_argument("--user", required=True, help="the account that imports")
        parser.add_argument(
            "--interval", type=float, default=30.0, help="seconds between rounds (default 30)"
        )
        parser.add_argument(
            "--ended-after",
            type=float,
            default=ENDED_AFTER_S / 60,
            help="minutes without a write after which a test has ended and its last cycle counts (default 60)",
        )
        parser.add_argument("--once", action="store_true", help="one round, then exit")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unsafe_start()
        folder = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder")
        try:
            site = Site.objects.get(code=options["site"])
            user = User.objects.get(username=options["user"], is_active=True)
        except (Site.DoesNotExist, User.DoesNotExist) as error:
            raise CommandError(f"{error} Check the site code and the user name.") from error
        if not may(user, site, Action.IMPORT_FILE):
            raise CommandError(f"{user.username} may not import instrument files at {site.code}")
        ended_after_s = 60.0 * max(1.0, options["ended_after"])
        watched = WatchedFolder(folder, site, user, ended_after_s=ended_after_s)
        if options["once"]:
            for outcome in watched.round(now=timezone.now(), clock_s=time.time()):
                self.stdout.write(f"{outcome.name}: {outcome.result}. {outcome.words}".rstrip())
            return
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        watch_until(stop, watched, interval_seconds=max(1.0, options["interval"]))


def watch_until(stop: threading.Event, watched: WatchedFolder, *, interval_seconds: float) -> None:
    """Round after round; a folder or a database that is away is tried again."""
    while not stop.is_set():
        try:
            for outcome in watched.round(now=timezone.now(), clock_s=time.time()):
                log.info("file_seen", file=outcome.name, result=str(outcome.result), words=outcome.words)
        except (Error, OSError):
            log.exception("watch_failed")
        finally:
            close_old_connections()
        stop.wait(interval_seconds)
