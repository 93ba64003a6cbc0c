"""Export a lot's audit trail with a verifier that needs nothing but Python."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lots import offline_verifier
from lots.audit import chains_of_lot, one_snapshot
from lots.digest import canonical_instant, canonical_measurement
from lots.models import AuditChain, AuditEvent, Lot, Measurement, Submission

VERIFIER = Path(offline_verifier.__file__)
# Entries carry no time of their own: the same evidence exports to the same bytes.
ENTRY_TIME = (1980, 1, 1, 0, 0, 0)


def export_audit(lot: Lot) -> bytes:
    """A zip with the chains of the lot and of its holds, the submissions behind them, a manifest and `verify.py`."""
    with one_snapshot():
        return _zip(lot)


def _zip(lot: Lot) -> bytes:
    keys = chains_of_lot(lot.pk)
    files = {
        "events.jsonl": _lines(_event(event) for event in _events(keys)),
        "heads.json": _json(
            {
                c.key: {"length": c.length, "head": bytes(c.head).hex()}
                for c in AuditChain.objects.filter(key__in=keys)
            }
        ),
        "submissions.jsonl": _lines(_submission(row) for row in _submissions(lot, keys)),
        "verify.py": VERIFIER.read_bytes(),
    }
    manifest = {
        "lot": lot.code,
        "lot_key": lot.pk,
        "site": lot.site.code,
        "simulated": lot.simulated,
        "chains": keys,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted((files | {"manifest.json": _json(manifest)}).items()):
            archive.writestr(zipfile.ZipInfo(f"{lot.code}-audit/{name}", ENTRY_TIME), content)
    return buffer.getvalue()


def _events(keys: list[str]) -> Iterable[AuditEvent]:
    return AuditEvent.objects.filter(chain__in=keys).order_by("chain", "sequence").iterator(chunk_size=2_000)


def _event(event: AuditEvent) -> dict[str, Any]:
    return {
        "chain": event.chain,
        "sequence": event.sequence,
        "at": canonical_instant(event.at),
        "actor": event.actor,
        "database_role": event.database_role,
        "operation": event.operation,
        "table_name": event.table_name,
        "row_id": event.row_id,
        "payload": event.payload,
        "previous_hash": bytes(event.previous_hash).hex(),
        "hash": bytes(event.hash).hex(),
    }


def _submissions(lot: Lot, keys: list[str]) -> Iterable[Submission]:
    """Those that the chains link, and those that measured the lot: one that is in no chain must show."""
    linked = AuditEvent.objects.filter(chain__in=keys, table_name="lots_submission").values_list(
        "row_id", flat=True
    )
    measured = Measurement.objects.filter(lot_id=lot.pk).values_list("submission_id", flat=True)
    wanted = {int(key) for key in linked}.union(measured.distinct())
    return Submission.objects.filter(pk__in=wanted).select_related("source").order_by("pk")


def _submission(row: Submission) -> dict[str, Any]:
    measurements = Measurement.objects.filter(submission=row).order_by("sequence")
    return {
        "uuid": str(row.uuid),
        "version": row.digest_version,
        "source": row.source.code,
        "received_at": canonical_instant(row.received_at),
        "digest": bytes(row.digest).hex(),
        "measurements": [canonical_measurement(measurement) for measurement in measurements],
    }


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows).encode()


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, sort_keys=True, indent=1) + "\n").encode()
