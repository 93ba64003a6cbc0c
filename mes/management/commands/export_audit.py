"""manage.py export_audit LOT: the lot's audit trail as a zip with its own verifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lots.audit_export import export_audit
from mes.management.named_lot import named_lot


class Command(BaseCommand):
    help = "Write the audit trail of a lot and of its holds as a zip; `python3 verify.py` inside verifies it offline."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("lot", help="lot code")
        parser.add_argument(
            "--site", default="", help="site code, where the lot code exists at several sites"
        )
        parser.add_argument("--out", type=Path, help="file to write (default: LOT-audit.zip)")

    def handle(self, *args: Any, **options: Any) -> None:
        lot = named_lot(options["lot"], options["site"])
        file: Path = options["out"] or Path(f"{lot.code}-audit.zip")
        if file.exists():
            raise CommandError(f"{file} exists; name another file with --out")
        file.write_bytes(export_audit(lot))
        self.stdout.write(f"{file}: unpack it and run python3 verify.py inside")
