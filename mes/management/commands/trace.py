"""manage.py trace LOT: its genealogy as JSON."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lots.tracing import trace_document
from mes.management.named_lot import named_lot


class Command(BaseCommand):
    help = "Print the genealogy of a lot as JSON: everything made from it, or everything it was made from."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("lot", help="lot code")
        parser.add_argument(
            "--site", default="", help="site code, where the lot code exists at several sites"
        )
        direction = parser.add_mutually_exclusive_group()
        direction.add_argument("--forward", action="store_true", help="what was made from it")
        direction.add_argument("--backward", action="store_true", help="what it was made from (default)")
        parser.add_argument("--from-m", type=float, help="start of an interval of the roll, in metres")
        parser.add_argument("--to-m", type=float, help="end of that interval, in metres")

    def handle(self, *args: Any, **options: Any) -> None:
        lot = named_lot(options["lot"], options["site"])
        from_m, to_m = options["from_m"], options["to_m"]
        if (from_m is None) != (to_m is None) or (from_m is not None and not 0 <= from_m < to_m):
            raise CommandError("give --from-m and --to-m together, 0 ≤ from < to")
        length_mm = lot.length_mm
        if to_m is not None and (length_mm is None or to_m * 1000 > length_mm):
            where = "has no metre axis" if length_mm is None else f"is {length_mm / 1000:g} m long"
            raise CommandError(f"{lot.code} {where}: --from-m and --to-m name metres of the roll")
        document = trace_document(
            lot,
            forward=options["forward"],
            from_mm=None if from_m is None else round(from_m * 1000),
            to_mm=None if to_m is None else round(to_m * 1000),
        )
        self.stdout.write(json.dumps(document, indent=2))
