"""Verify the audit trail: recompute every hash from the stored text, independently of the database's own function."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC

from django.db import connection, transaction
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat

from lots.audit_members import MemberEvent, members_problem
from lots.digest import submission_digest
from lots.models import AuditChain, AuditEvent, Hold, HoldLot, Lot, Measurement, Submission

GENESIS = bytes(32)
SEPARATOR = "\x1f"


@dataclass(frozen=True)
class BadRow:
    """The first row of a chain, or the submission, that does not verify."""

    chain: str
    sequence: int
    reason: str


def event_hash(event: AuditEvent, previous: bytes) -> bytes:
    """SHA-256(previous ‖ fields joined by the unit separator), as the trigger computes it."""
    fields = (
        event.chain,
        str(event.sequence),
        event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        event.actor,
        event.database_role,
        event.operation,
        event.table_name,
        event.row_id,
        event.payload,
    )
    return hashlib.sha256(previous + SEPARATOR.join(fields).encode()).digest()


@contextmanager
def one_snapshot() -> Iterator[None]:
    """What is read inside is of one instant, so that a line at work looks like no forgery. Short: one chain or lot.

    Inside somebody else's transaction theirs decides.
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def verify_chain(key: str) -> BadRow | None:
    """The first bad row of a chain, or None: edited, removed, reordered and tail-cut rows are each found.

    A chain deleted whole, with its head, leaves nothing to compare with: `_without_chain` and the heads anchored
    outside the database (`lots.anchors`) find it.
    """
    with one_snapshot():
        return _bad_row(key)


def _bad_row(key: str) -> BadRow | None:
    head, sequence = GENESIS, 0
    linked: dict[int, tuple[int, str]] = {}
    held: list[MemberEvent] = []
    for event in AuditEvent.objects.filter(chain=key).order_by("sequence").iterator(chunk_size=2_000):
        sequence += 1
        if event.sequence != sequence:
            return BadRow(key, sequence, f"row {sequence} is missing; {event.sequence} follows")
        if bytes(event.previous_hash) != head:
            return BadRow(key, sequence, "it does not continue the row before")
        head = event_hash(event, head)
        if bytes(event.hash) != head:
            return BadRow(key, sequence, "its content does not match its hash")
        if event.table_name == "lots_submission":
            linked[int(event.row_id)] = sequence, json.loads(event.payload)["digest"]
        elif event.table_name == "lots_holdlot":
            held.append(MemberEvent(sequence, event.operation, **json.loads(event.payload)))
    chain = AuditChain.objects.filter(key=key).first()
    if chain is None:
        return BadRow(key, sequence, "the chain's head is missing") if sequence else None
    if chain.length != sequence or bytes(chain.head) != head:
        return BadRow(key, sequence + 1, f"the chain ends at {sequence} but its head says {chain.length}")
    kind, _, number = key.partition(":")
    if kind == "hold":
        unlike = members_problem(int(number), held)
        return None if unlike is None else BadRow(key, *unlike)
    return _first_unlike(key, linked)


def _first_unlike(key: str, linked: dict[int, tuple[int, str]]) -> BadRow | None:
    """The first submission that is no longer what the chain says: its row and digest may be forged together."""
    keys = list(linked)
    for first in range(0, len(keys), 2_000):
        part = keys[first : first + 2_000]
        stored = dict(Submission.objects.filter(pk__in=part).values_list("pk", "digest"))
        for submission in part:
            sequence, digest = linked[submission]
            if submission not in stored:
                return BadRow(key, sequence, f"its submission {submission} is missing")
            if bytes(stored[submission]).hex() != digest:
                return BadRow(key, sequence, f"submission {submission} has another digest than was recorded")
    return None


def verify_submissions(lot_id: int | None = None) -> BadRow | None:
    """The first submission whose stored measurements no longer match its digest."""
    submissions = Submission.objects.select_related("source").order_by("pk")
    if lot_id is not None:
        submissions = submissions.filter(
            pk__in=Measurement.objects.filter(lot_id=lot_id).values("submission_id")
        )
    for submission in submissions.iterator(chunk_size=500):
        rows = Measurement.objects.filter(submission=submission).order_by("sequence")
        digest = submission_digest(submission.uuid, submission.source.code, submission.received_at, rows)
        if digest != bytes(submission.digest):
            return BadRow(f"submission:{submission.pk}", 0, "its measurements do not match its digest")
    return None


def _without_chain(lot_id: int | None) -> Iterator[BadRow]:
    """Every lot and every hold began its chain when it was made: one without was robbed of it."""
    lots, holds = Lot.objects.all(), Hold.objects.all()
    if lot_id is not None:
        lots = lots.filter(pk=lot_id)
        holds = holds.filter(pk__in=HoldLot.objects.filter(lot=lot_id).values("hold"))
    for kind, rows in (("lot", lots), ("hold", holds)):
        own = Concat(Value(f"{kind}:"), Cast(OuterRef("pk"), CharField()))
        # Rows without their head are named by their own chain.
        robbed = rows.exclude(
            Exists(AuditChain.objects.filter(key=own)) | Exists(AuditEvent.objects.filter(chain=own))
        )
        for key in robbed.order_by("pk").values_list("pk", flat=True).iterator():
            yield BadRow(f"{kind}:{key}", 1, "the whole chain is missing")


UNLINKED = """
SELECT DISTINCT CASE WHEN lot_id IS NOT NULL THEN 'lot:' || lot_id
                     WHEN zone_id IS NOT NULL THEN 'zone:' || zone_id
                     WHEN gauge_is_subject THEN 'gauge:' || gauge_id
                     ELSE 'equipment:' || equipment_id END AS chain, submission_id
FROM lots_measurement WHERE %(lot)s::bigint IS NULL OR lot_id = %(lot)s
EXCEPT
SELECT chain, row_id::bigint FROM lots_auditevent
WHERE table_name = 'lots_submission' AND (%(lot)s::bigint IS NULL OR chain = 'lot:' || %(lot)s::bigint)
ORDER BY chain, submission_id
"""


def _unlinked(lot_id: int | None) -> Iterator[tuple[str, int]]:
    """(chain, submission) where a submission measured the chain's subject and is not in the chain."""
    with connection.cursor() as cursor:
        cursor.execute(UNLINKED, {"lot": lot_id})
        yield from cursor.fetchall()


def chains_of_lot(lot_id: int) -> list[str]:
    """The chain of the lot, and those of the holds that covered it."""
    holds = HoldLot.objects.filter(lot=lot_id).order_by("hold").values_list("hold", flat=True).distinct()
    return [f"lot:{lot_id}", *(f"hold:{key}" for key in holds)]


def verify(lot_id: int | None = None) -> Iterator[BadRow]:
    """Bad rows of every chain (or of one lot's), one per chain and submission at most."""
    if lot_id is not None:
        keys = set(chains_of_lot(lot_id))
    else:
        keys = set(AuditChain.objects.values_list("key", flat=True))
        keys |= set(AuditEvent.objects.values_list("chain", flat=True).distinct())
    named: set[str] = set()
    for key in sorted(keys):
        bad = verify_chain(key)
        if bad is not None:
            named.add(key)
            yield bad
    for bad in _without_chain(lot_id):
        named.add(bad.chain)
        yield bad
    bad = verify_submissions(lot_id)
    if bad is not None:
        named.add(bad.chain)
        yield bad
    for chain, submission in _unlinked(lot_id):
        if not named & {chain, f"submission:{submission}"}:
            named.add(chain)
            yield BadRow(chain, 0, f"submission {submission} measured it and is not in its chain")
