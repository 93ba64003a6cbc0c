"""What a door delivers: an envelope with readings, before anything of it is believed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime

from lots.models import Site, Source, User


@dataclass(frozen=True)
class ReadingIn:
    """One delivered value. Exactly one of `lot`, `zone`, `equipment` names the subject, by its code.

    `value` and `position` are decimal text as entered; `measured_at` carries its zone.
    """

    characteristic: str
    value: str
    unit: str
    measured_at: datetime
    lot: str = ""
    zone: str = ""
    equipment: str = ""
    gauge: str = ""
    position: str = ""
    roll_position_mm: int | None = None
    sample_size: int | None = None
    qualifier: str = ""


@dataclass(frozen=True)
class Envelope:
    """One idempotent submission. `key` is chosen by the sender and unique within `source`.

    `purpose` says what else the request does beside delivering readings, such as finishing a step.
    """

    site: Site
    source: Source
    key: str
    user: User
    readings: tuple[ReadingIn, ...]
    file_sha256: str = ""
    purpose: str = ""

    def payload_hash(self) -> bytes:
        """SHA-256 of what was delivered, to tell a repetition from another payload under the same key."""
        body = json.dumps(
            [
                [
                    r.characteristic,
                    r.value,
                    r.unit,
                    r.measured_at.isoformat(),
                    r.lot,
                    r.zone,
                    r.equipment,
                    r.gauge,
                    r.position,
                    r.roll_position_mm,
                    r.sample_size,
                    r.qualifier,
                ]
                for r in self.readings
            ]
            + [self.file_sha256, self.purpose],
            separators=(",", ":"),
        )
        return hashlib.sha256(body.encode()).digest()


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field, and what would be right."""

    reading: int | None
    field: str
    message: str


@dataclass
class InvalidSubmission(Exception):
    """The submission was refused whole; nothing of it is stored."""

    problems: list[Problem] = field(default_factory=list)

    def __str__(self) -> str:
        return "; ".join(
            f"{'' if p.reading is None else f'reading {p.reading}: '}{p.field}: {p.message}"
            for p in self.problems
        )
