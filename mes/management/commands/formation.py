"""manage.py formation FILE: what a cycler file holds, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lots.steps.formation_protocols import protocol
from mes.connectors.cycler.read import read_cycler_file
from mes.connectors.cycler.report import document, evaluate
from mes.connectors.files import UnreadableFile


class Command(BaseCommand):
    help = "Read a cycler file of any supported format and print its cycles and features as JSON."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the file that the cycler wrote or exported")
        parser.add_argument("--protocol", metavar="ID", help="hold the test against this protocol")
        parser.add_argument(
            "--nominal-ah", type=float, help="nominal capacity, from which the protocol's currents follow"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        nominal = options["nominal_ah"]
        if nominal is not None and not 0 < nominal < float("inf"):
            raise CommandError("--nominal-ah must be above zero")
        try:
            asked = protocol(options["protocol"]) if options["protocol"] else None
            file = read_cycler_file(options["file"])
            result = evaluate(file, protocol=asked, nominal_capacity_ah=nominal)
        except KeyError as error:
            raise CommandError(str(error.args[0])) from error
        except UnreadableFile as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(document(file, result, asked), indent=2, ensure_ascii=False))
