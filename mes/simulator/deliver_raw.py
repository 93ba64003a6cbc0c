"""The instruments' own records and files, as their computers send them under the line controller's key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mes.simulator.bodies import record_body
from mes.simulator.doors import Answer, Door, UnexpectedAnswer
from mes.simulator.raw_out import FileOut, RecordOut
from mes.simulator.refusals import DONE_BEFORE, Refused

Told = tuple[str, str, str]  # lot, characteristic, position
SENDER = "equipment.line"
CONFLICT = 409


@dataclass
class Counts:
    """What went through the door."""

    readings: int = 0
    lots: int = 0
    violations: int = 0
    waits: int = 0
    records: int = 0


class Sender(Protocol):
    """What sends: the gateway."""

    door: Door
    keys: Mapping[str, str]
    counts: Counts

    def allowed(self, path: str, body: dict[str, Any], *, username: str = "") -> Answer: ...


def deliver(raws: Sequence[RecordOut | FileOut], by: Sender) -> set[Told]:
    """Send them; returns the readings that came of files."""
    told: set[Told] = set()
    for raw in raws:
        path = f"/lots/{raw.lot_code}"
        if isinstance(raw, RecordOut):
            try:
                by.allowed(f"{path}/records", record_body(raw), username=SENDER)
            except Refused as refused:
                if DONE_BEFORE not in refused.blockers:
                    raise
            continue
        conditions = {"soc": raw.soc_pct, "temperature": raw.temperature_c} if raw.soc_pct else {}
        answer = by.door.send_file(f"{path}/files", raw.content, key=by.keys[SENDER], **conditions)
        if answer.status == CONFLICT and answer.body.get("code") == "refused":
            continue  # a person brought a file of this cell before; the line goes on with its own readings
        if not answer.ok:
            raise UnexpectedAnswer(f"{answer.status}: {answer.body}")
        told |= {(raw.lot_code, r["characteristic"], r["position"]) for r in answer.body["readings"]}
    by.counts.records += len(raws)
    return told
