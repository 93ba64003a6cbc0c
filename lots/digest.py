"""The canonical bytes of a submission, and their digest. Versioned: a stored digest stays verifiable for ever."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from lots.models import Measurement

VERSION = 1


def canonical_instant(at: datetime) -> str:
    """Microseconds, UTC, always the same width."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(number: Decimal) -> str:
    """Without trailing zeros. Zero has no sign: the database does not keep that of -0, and the digest must not."""
    return format((number + 0).normalize(), "f")


def canonical_measurement(row: Measurement) -> list[str | int | None]:
    """Every fact of a measurement, numbers as decimal strings without trailing zeros."""
    return [
        row.id,
        canonical_instant(row.measured_at),
        row.sequence,
        row.lot_id,
        row.zone_id,
        row.equipment_id,
        row.gauge_id,
        int(row.gauge_is_subject),
        row.execution_id,
        row.characteristic_id,
        None if row.position is None else _plain(row.position),
        row.roll_position_mm,
        row.entered_text,
        row.entered_unit,
        _plain(row.value),
        row.sample_size,
        row.qualifier,
        row.quality,
        row.operator_id,
        row.formula_version,
        None if row.input_ids is None else ",".join(str(key) for key in row.input_ids),
    ]


def submission_digest(
    submission: uuid.UUID, source: str, received_at: datetime, rows: Iterable[Measurement]
) -> bytes:
    """SHA-256 (32 bytes) over the envelope and its measurements in order."""
    content = [VERSION, str(submission), source, canonical_instant(received_at)]
    body = json.dumps(
        [content, [canonical_measurement(row) for row in rows]], ensure_ascii=True, separators=(",", ":")
    )
    return hashlib.sha256(body.encode("ascii")).digest()
