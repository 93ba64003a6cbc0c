"""`manage.py doctor`: is this installation in order, and if not, what to do."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from mes.runtime.diagnosis import Level, diagnose


class Command(BaseCommand):
    help = "Checks configuration, database, sweeper, clocks, broker, disk and backups; exit 1 on failure."
    requires_system_checks = []  # they are part of the diagnosis

    def handle(self, *args: Any, **options: Any) -> None:
        failed = False
        for finding in diagnose():
            failed = failed or finding.level is Level.FAILURE
            self.stdout.write(f"{finding.level:8} {finding.subject}: {finding.message}")
            if finding.remedy:
                self.stdout.write(f"{'':8} → {finding.remedy}")
        if failed:
            sys.exit(1)
