"""Sign a record: the password again, the meaning, and the hash of what is signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.hashers import check_password
from django.core.cache import cache

from lots.digest import canonical_instant
from lots.models import User
from quality.models import Signature

MOST_FAILURES, COOL_OFF_SECONDS = 10, 300


class SignatureRefused(Exception):
    """The signature was not made; the message says why."""


def canonical(content: Mapping[str, object]) -> bytes:
    """The bytes that a signature covers: sorted JSON. Numbers and instants read the same after the database."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), default=_plain).encode()


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime):
        return canonical_instant(value)
    return str(value)


def sign(
    *,
    user: User,
    password: str,
    meaning: str,
    record_kind: str,
    record_id: str,
    content: Mapping[str, object],
    now: datetime,
) -> Signature:
    """Sign `content` as `user`.

    Raises SignatureRefused for a wrong password, a disabled account, or after too many wrong ones: who finds a session
    open must not be able to guess the password.
    """
    signer = User.objects.get(pk=user.pk)  # as the account is now, not as it was when the caller read it
    # Counted in the cache and not in the database, where the refusal rolls everything back.
    failures = f"signing-failures:{signer.username}"
    if cache.get(failures, 0) >= MOST_FAILURES:
        raise SignatureRefused("password: too many wrong ones; wait 5 minutes. Nothing was signed")
    if not signer.is_active or not check_password(password, signer.password):
        cache.add(failures, 0, COOL_OFF_SECONDS)
        cache.incr(failures)
        raise SignatureRefused("password: that is not your password; nothing was signed")
    cache.delete(failures)
    return Signature.objects.create(
        signer=signer,
        printed_name=signer.printed_name,
        meaning=meaning,
        record_kind=record_kind,
        record_id=record_id,
        record_hash=hashlib.sha256(canonical(content)).digest(),
        signed_at=now,
    )


def verify(signature: Signature, content: Mapping[str, object]) -> bool:
    """Whether the content is still what was signed."""
    return bytes(signature.record_hash) == hashlib.sha256(canonical(content)).digest()
