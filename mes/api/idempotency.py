"""Requests other than submissions, answered once: a repetition under the same key gets the stored answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import Header
from pydantic import BaseModel

from lots.actions.record_submission import claim_key
from lots.envelope import Envelope
from lots.masters import steady
from lots.models import IdempotencyKey
from mes.api.auth import Caller
from mes.api.errors import answered
from mes.api.schemas import Key

IdempotencyKeyHeader = Annotated[Key, Header(..., alias="Idempotency-Key")]
OptionalKeyHeader = Annotated[Key | None, Header(None, alias="Idempotency-Key")]


def once(
    caller: Caller, key: str, request: HttpRequest, payload: BaseModel, work: Callable[[], dict[str, Any]]
) -> JsonResponse:
    """Run `work` and store its answer under the key, in one transaction; without a key, just run it.

    A repetition of the same request replays the answer (200); another request under the key is a conflict (409).
    """
    if not key:
        with steady():
            return answered(work(), replayed=False)
    content = f"{request.method} {request.path}\n{payload.model_dump_json()}"
    # The digest stands where a file's would: the envelope of a request that carries no readings.
    envelope = Envelope(
        site=caller.site,
        source=caller.source,
        key=key,
        user=caller.user,
        readings=(),
        file_sha256=hashlib.sha256(content.encode()).hexdigest(),
    )
    with steady(), transaction.atomic():
        earlier = claim_key(envelope)
        if earlier is not None:
            return answered(earlier.answer, replayed=True)
        body = json.loads(json.dumps(work(), default=str))
        IdempotencyKey.objects.create(
            source=caller.source,
            key=key,
            payload_hash=envelope.payload_hash(),
            answer=body,
            created_at=timezone.now(),
        )
    return answered(body, replayed=False)
