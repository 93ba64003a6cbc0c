"""Measurements come in: one submission, or many in one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Router
from pydantic import Field, StringConstraints, ValidationError, WrapValidator
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from lots.actions.correct import Correction, measurement_at
from lots.envelope import Envelope, InvalidSubmission
from mes.api.auth import Caller, caller_of
from mes.api.errors import answered, details, refusal_of, writing
from mes.api.idempotency import IdempotencyKeyHeader
from mes.api.schemas import (
    PRINTABLE,
    DecimalText,
    Instant,
    KeyedSubmissionIn,
    Line,
    OptionalCode,
    Reading,
    Strict,
    SubmissionIn,
    Whole,
    to_readings,
)
from mes.pipeline import Answer, record
from mes.pipeline import correct as pipeline_correct

router = Router(tags=["Measurements"])

MOST_SUBMISSIONS = 1_000


@dataclass(frozen=True)
class Unreadable:
    """An item of a bulk request that is not a submission; the others go on."""

    key: str
    error: InvalidSubmission


def _keep_going(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError as error:
        key = value.get("key", "") if isinstance(value, dict) else ""
        return Unreadable(key if isinstance(key, str) else "", InvalidSubmission(details(error)))


class BulkIn(Strict):
    """Each submission is stored in its own transaction; one that is refused leaves the others stored."""

    submissions: Annotated[
        list[Annotated[KeyedSubmissionIn, WrapValidator(_keep_going)]],
        Field(min_length=1, max_length=MOST_SUBMISSIONS),
    ]


@router.post("/submissions", response={201: dict[str, Any], 200: dict[str, Any], **writing()})
def submit(
    request: HttpRequest, payload: SubmissionIn, idempotency_key: IdempotencyKeyHeader
) -> HttpResponse:
    """Record readings, all or none. The same key and payload replays the first answer."""
    answer = _record(caller_of(request), idempotency_key, payload.readings)
    return answered(answer.body, replayed=answer.replayed)


@router.post("/submissions/bulk", response={200: dict[str, Any], **writing()})
def submit_many(request: HttpRequest, payload: BulkIn) -> HttpResponse:
    """Record many submissions; the answers come in their order, each with its own status.

    If the database goes away in between, the whole request answers 503: send it again, what was stored replays.
    """
    caller = caller_of(request)
    return JsonResponse({"answers": [_one(caller, item) for item in payload.submissions]})


class CorrectionIn(Strict):
    """What takes the place of the measurement; without `value` it is withdrawn. What is not given stays as it was."""

    reason: Line
    value: DecimalText | None = None
    measured_at: Instant | None = None
    gauge: OptionalCode | None = None
    sample_size: Whole | None = None
    qualifier: Annotated[str, StringConstraints(max_length=1, pattern=PRINTABLE)] | None = None


@router.post(
    "/submissions/{submission}/measurements/{sequence}/correction",
    response={201: dict[str, Any], 200: dict[str, Any], **writing(404)},
)
def correct(
    request: HttpRequest,
    submission: UUID,
    sequence: int,
    payload: CorrectionIn,
    idempotency_key: IdempotencyKeyHeader,
) -> HttpResponse:
    """Correct one measurement of a submission, named by its place in it (from 0), or withdraw it.

    The old value stays on record. Derived values follow, charts are replayed, and holds stay.
    """
    caller = caller_of(request)
    row = measurement_at(str(submission), sequence, caller.site.pk)
    if row is None:
        raise Http404
    answer = pipeline_correct(
        Correction(old=row, **payload.model_dump()),
        key=idempotency_key,
        source=caller.source,
        user=caller.user,
        now=timezone.now(),
    )
    return answered(answer.body, replayed=answer.replayed)


def _record(caller: Caller, key: str, readings: list[Reading]) -> Answer:
    envelope = Envelope(
        site=caller.site, source=caller.source, key=key, user=caller.user, readings=to_readings(readings)
    )
    return record(envelope, now=timezone.now())


def _one(caller: Caller, item: KeyedSubmissionIn | Unreadable) -> dict[str, Any]:
    try:
        if isinstance(item, Unreadable):
            raise item.error
        answer = _record(caller, item.key, item.readings)
    except Exception as error:
        refused = refusal_of(error)
        if refused is None:
            raise
        status, body = refused
        return {"key": item.key, "status": status, "error": body}
    return {"key": item.key, "status": 200 if answer.replayed else 201, "answer": answer.body}
