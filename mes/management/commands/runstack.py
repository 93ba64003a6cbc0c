"""`manage.py runstack`: what `make run` executes."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from mes.runtime import environment
from mes.runtime.guard import run_guarded
from mes.runtime.launch import Launch, run


class Command(BaseCommand):
    help = (
        "Starts and supervises Halite: embedded services, web, workers, sweeper; in the demo, the simulator."
    )
    # The database the checks would ask is not running yet; the processes check at their own start.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--stop-with-parent", action="store_true", help="stop when the process that started this one ends"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        launch = Launch(
            state=settings.STATE,
            host=environment.text("HALITE_HOST", "127.0.0.1"),
            port=environment.whole_number("HALITE_PORT", 8000, low=1, high=65535),
            workers=environment.whole_number("HALITE_WORKERS", 2, low=1, high=64),
            embedded_database=settings.USES_EMBEDDED_DATABASE,
            embedded_broker=settings.USES_EMBEDDED_BROKER,
            demo=settings.PROFILE == "demo",
        )
        sys.exit(run_guarded(lambda: run(launch), stop_with_parent=options["stop_with_parent"]))
