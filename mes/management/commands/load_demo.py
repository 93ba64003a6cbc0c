"""Load the demo line."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from lots.actions.load_masters import MastersRefused
from lots.clock import site_time
from mes.demo.credentials import DEMO_PASSWORD, DEMO_PROFILES
from mes.demo.load import load_demo
from quality.actions.load_table import LoadRefused


class Command(BaseCommand):
    help = (
        "Load the simulated demo line with its users and keys; may be repeated. Profiles demo and test only."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PROFILE not in DEMO_PROFILES:
            raise CommandError(
                f"HALITE_PROFILE is {settings.PROFILE}: the demo has public passwords and is loaded only "
                "with HALITE_PROFILE=demo"
            )
        now = timezone.now()
        try:
            loaded = load_demo(state_directory=settings.STATE.root, now=now)
        except (MastersRefused, LoadRefused) as error:
            raise CommandError(str(error)) from error
        if options["verbosity"] == 0:
            return
        site_now = site_time(loaded.site, now)
        people = [account for account in loaded.accounts if not account.machine]
        lines = [
            f"Site {loaded.site.code} is simulated; its clock shows {site_now:%Y-%m-%d %H:%M} UTC: sixty days back at "
            "first, so that simulated history lies before today.",
            f"{loaded.specifications} specifications, control plan {loaded.control_plan}, "
            f"{len(loaded.raw_lots)} raw material lots.",
            f"API keys: {loaded.keys_file}",
            f"Password of everybody, demo only: {DEMO_PASSWORD}",
            *(f"  {account.username:<14} {account.role:<17} {account.name}" for account in people),
        ]
        self.stdout.write("\n".join(lines))
