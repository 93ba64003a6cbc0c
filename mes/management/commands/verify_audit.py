"""manage.py verify_audit [LOT]: exit 1 and the first bad row of each chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from lots.anchors import UnreadableAnchors, verify_anchors
from lots.audit import chains_of_lot, verify
from lots.models import AuditChain
from mes.management.named_lot import named_lot


class Command(BaseCommand):
    help = "Recompute the audit chains (of one lot, or all) and compare them with what is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("lot", nargs="?", default="", help="lot code; without it, every chain")
        parser.add_argument(
            "--anchors", type=Path, help="file of anchored heads to compare with (default: the sweeper's)"
        )
        parser.add_argument(
            "--site", default="", help="site code, where the lot code exists at several sites"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lot_id = named_lot(options["lot"], options["site"]).pk if options["lot"] else None
        bad = list(verify(lot_id))
        file: Path = options["anchors"] or settings.ANCHORS_FILE
        try:
            if file.exists():
                named = {row.chain for row in bad}
                bad += [row for row in verify_anchors(file, lot_id) if row.chain not in named]
            elif options["anchors"]:
                raise CommandError(f"{file} does not exist")
        except UnreadableAnchors as error:
            raise CommandError(str(error)) from error
        for row in bad:
            self.stdout.write(f"BAD {row.chain} row {row.sequence}: {row.reason}")
        if bad:
            raise CommandError(f"{len(bad)} chain(s) do not verify")
        count = len(chains_of_lot(lot_id)) if lot_id is not None else AuditChain.objects.count()
        anchored = f", and against {file.name}" if file.exists() else "; no heads are anchored yet"
        self.stdout.write(f"{count} chain(s) verified{anchored}")
