"""Store one submission: envelope, measurements, derived values and the answer's key, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from lots.actions.air import breathed
from lots.actions.correct import Correction
from lots.actions.derive import Uncomputed, derive
from lots.actions.lock import lock_name
from lots.actions.validate import look_up, to_measurements
from lots.digest import VERSION, submission_digest
from lots.envelope import Envelope, InvalidSubmission, Problem
from lots.fields import new_uuid7
from lots.models import IdempotencyKey, Lot, Measurement, StepExecution, Submission, Supersession

LARGEST_SUBMISSION = 50_000


class IdempotencyConflict(Exception):
    """The key was used before with another payload."""


@dataclass(frozen=True)
class Recorded:
    """What was stored: `rows` are entered and derived measurements in their order, `superseded` ids of former ones.

    `withdrawn` are those of the former ones whose place nothing took.
    """

    submission: Submission
    rows: tuple[Measurement, ...]
    superseded: tuple[int, ...]
    withdrawn: tuple[Measurement, ...]
    lots: dict[int, Lot]
    missing: tuple[Uncomputed, ...]


def claim_key(envelope: Envelope) -> IdempotencyKey | None:
    """Serialise submissions of the same source and key for the running transaction.

    Returns the stored answer if the same payload came before. Raises IdempotencyConflict if another did.
    """
    lock_name(f"{envelope.source.pk}:{envelope.key}")
    earlier = IdempotencyKey.objects.filter(source=envelope.source, key=envelope.key).first()
    if earlier is not None and bytes(earlier.payload_hash) != envelope.payload_hash():
        raise IdempotencyConflict(
            f"key {envelope.key!r} was used before with another payload; choose a new key for new data"
        )
    return earlier


def record_submission(
    envelope: Envelope,
    *,
    now: datetime,
    finished: StepExecution | None = None,
    correction: Correction | None = None,
) -> Recorded:
    """Validate and store; must run inside the caller's transaction.

    `finished` names the execution whose step has just been finished, so that its summaries are derived.
    `correction` names the measurement that the envelope's reading takes the place of. A reading of a zone's air, late
    or corrected, changes what was computed for lots that lay in it.
    Raises InvalidSubmission with every problem found; nothing is stored then.
    """
    if not envelope.key or len(envelope.key) > 128:
        raise InvalidSubmission([Problem(None, "idempotency_key", "is needed, at most 128 characters")])
    if len(envelope.readings) > LARGEST_SUBMISSION:
        raise InvalidSubmission(
            [Problem(None, "readings", f"at most {LARGEST_SUBMISSION} in one submission; send several")]
        )
    known = look_up(envelope)
    rows, problems = to_measurements(envelope, known, now=now)
    if problems:
        raise InvalidSubmission(problems)
    lots = {lot.pk: lot for lot in known.lots.values()}
    executions: Mapping[tuple[int, int], StepExecution] | None = known.executions
    if finished is not None and finished.lot_id not in lots:
        lots[finished.lot_id] = finished.lot
        executions = None
    corrected = [correction.old] if correction is not None else []
    if correction is not None:
        correction.place(rows)
        executions = None
        absent = {old.lot_id for old in corrected if old.lot_id is not None} - lots.keys()
        lots |= Lot.objects.select_related("material", "work_order").in_bulk(absent)
    _number(rows)
    ended = breathed(rows, corrected)
    if finished is not None:
        ended[finished.lot_id] = finished
    if ended.keys() - lots.keys():
        executions = None
        lots |= Lot.objects.select_related("material", "work_order").in_bulk(ended.keys() - lots.keys())
    derived = derive(rows, lots, executions, now=now, ended=ended, superseded=corrected)
    _number(derived.rows)
    everything = [*rows, *derived.rows]
    submission = _store(envelope, everything, _single_execution(rows, finished), now)
    replaced = [(old, new, "its inputs changed") for old, new in derived.superseded]
    if correction is not None:
        replaced.append((correction.old, rows[0] if rows else None, correction.reason.strip()))
    Supersession.objects.bulk_create(
        Supersession(
            old_received_at=old.received_at,
            old_id=old.id,
            new_received_at=new.received_at if new else None,
            new_id=new.id if new else None,
            reason=reason,
            superseded_by=envelope.user,
            superseded_at=now,
            submission=submission,
        )
        for old, new, reason in replaced
    )
    gone = tuple(old.id for old, _, _ in replaced)
    withdrawn = tuple(old for old, new, _ in replaced if new is None)
    return Recorded(submission, tuple(everything), gone, withdrawn, lots, tuple(derived.missing))


def _number(rows: Sequence[Measurement]) -> None:
    """Give every row its key: derivations name their inputs by it, so it is needed before storing."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('lots_measurement_id_seq') FROM generate_series(1, %s)", [len(rows)])
        for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
            row.id = key


def _single_execution(rows: Sequence[Measurement], finished: StepExecution | None) -> StepExecution | None:
    if finished is not None:
        return finished
    executions = {row.execution for row in rows}
    return executions.pop() if len(executions) == 1 else None


def _store(
    envelope: Envelope, rows: list[Measurement], execution: StepExecution | None, now: datetime
) -> Submission:
    public = new_uuid7()
    for sequence, row in enumerate(rows):
        row.sequence = sequence
    submission = Submission.objects.create(
        uuid=public,
        site=envelope.site,
        source=envelope.source,
        recorded_by=envelope.user,
        execution=execution,
        received_at=now,
        simulated=envelope.site.simulated,
        digest=submission_digest(public, envelope.source.code, now, rows),
        digest_version=VERSION,
        measurement_count=len(rows),
        file_sha256=envelope.file_sha256,
    )
    for row in rows:
        row.submission = submission
    _copy(rows)
    return submission


def _copy(rows: Sequence[Measurement]) -> None:
    """Insert by COPY: several times faster than INSERT, and the audit trigger fires for it alike."""
    if not rows:
        return
    fields = [field for field in Measurement._meta.concrete_fields if field.column]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    with connection.cursor() as cursor, cursor.copy(f"COPY lots_measurement ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([getattr(row, field.attname) for field in fields])
