"""Load what every installation needs before its first product: steps, requirements, process windows, gates."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from lots.actions.load_masters import MastersRefused, load_steps
from quality.actions.load_gates import load_gates
from quality.actions.load_requirements import load_requirements
from quality.actions.load_table import LoadRefused
from quality.actions.load_windows import load_windows


class Command(BaseCommand):
    help = "Load process steps, characteristics, requirements, process windows and gates; may be repeated."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            steps, characteristics = load_steps()
            requirements = load_requirements(now=timezone.now())
            windows = load_windows()
            gates = load_gates()
        except (MastersRefused, LoadRefused) as error:
            raise CommandError(str(error)) from error
        if options["verbosity"] > 0:
            self.stdout.write(
                f"{steps} steps, {characteristics} characteristics, {requirements} requirements, "
                f"{windows} process windows, {gates} gates"
            )
