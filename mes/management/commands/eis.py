"""manage.py eis FILE: features and staged fit of an impedance file, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mes.connectors.files import UnreadableFile
from mes.connectors.impedance.read import read_impedance_file
from mes.connectors.impedance.report import document


class Command(BaseCommand):
    help = "Read an impedance file and print the validity, features and fit of each sweep as JSON."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the file that the analyser wrote or exported")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            file = read_impedance_file(options["file"])
        except UnreadableFile as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(document(file), indent=2, ensure_ascii=False))
