"""Are the members of a hold those that its chain recorded? The chain has one event per statement, not per member."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from lots.models import HoldLot


@dataclass(frozen=True)
class MemberEvent:
    """What the chain says of one statement: how many members it wrote, the digest of their keys, their disposition."""

    sequence: int
    operation: str
    members: int
    digest: str
    disposition: int | None


@dataclass(frozen=True)
class Member:
    lot: int
    from_mm: int | None
    to_mm: int | None
    disposition: int | None
    created_at: datetime


def members_digest(rows: Iterable[Member], *, closed: bool) -> str:
    """As the trigger computes it (`halite_audit_hold_members`): keys in the order of lots, an empty part left out."""

    def order(row: Member) -> tuple[int, bool, int]:
        return row.lot, row.from_mm is None, row.from_mm or 0

    keys = []
    for row in sorted(rows, key=order):
        parts = (row.lot, row.from_mm, row.to_mm, row.disposition if closed else None)
        keys.append(":".join(str(part) for part in parts if part is not None))
    return hashlib.sha256(",".join(keys).encode()).hexdigest()


def members_problem(hold_id: int, events: Sequence[MemberEvent]) -> tuple[int, str] | None:
    """The first event that the hold's rows no longer bear out, with what is wrong; None when they agree.

    Every row stands in exactly one insertion and, once it is closed, in the update of its disposition. The rows of
    one statement have keys in a row among those of their transaction, which `created_at` names.
    """
    rows = [
        Member(*values)
        for values in HoldLot.objects.filter(hold=hold_id)
        .order_by("created_at", "pk")
        .values_list("lot_id", "from_mm", "to_mm", "disposition_id", "created_at")
    ]
    return _inserted(rows, events) or _closed(rows, events)


def _inserted(rows: Sequence[Member], events: Sequence[MemberEvent]) -> tuple[int, str] | None:
    inserted = [event for event in events if event.operation == "insert"]
    recorded = sum(event.members for event in inserted)
    last = inserted[-1].sequence if inserted else 1
    if recorded != len(rows):
        return last, f"{recorded} members of the hold were recorded, {len(rows)} are there"
    open_events = Counter((event.members, event.digest) for event in inserted)
    for _, group in groupby(rows, key=lambda row: row.created_at):
        left = list(group)
        while left:
            sizes = sorted({members for members, _ in open_events if members <= len(left)})
            found = next(
                (
                    (size, digest)
                    for size in sizes
                    if (size, digest := members_digest(left[:size], closed=False)) in open_events
                ),
                None,
            )
            if found is None:
                lot = left[0].lot
                return (
                    last,
                    f"the hold has another member (lot {lot}) than was recorded, or another interval of it",
                )
            open_events[found] -= 1
            open_events += Counter()  # drops what has come to nought
            left = left[found[0] :]
    return None


def _closed(rows: Sequence[Member], events: Sequence[MemberEvent]) -> tuple[int, str] | None:
    told = {event.disposition: event for event in events if event.operation == "update"}
    for event in told.values():
        closed = [row for row in rows if row.disposition == event.disposition]
        if len(closed) != event.members or members_digest(closed, closed=True) != event.digest:
            return event.sequence, f"disposition {event.disposition} closed other members than was recorded"
    unknown = next((row for row in rows if row.disposition is not None and row.disposition not in told), None)
    if unknown is not None:
        last = events[-1].sequence if events else 1
        return (
            last,
            f"a member (lot {unknown.lot}) was closed by disposition {unknown.disposition} off the record",
        )
    return None
