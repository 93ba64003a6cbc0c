"""Sources: the personal door of a person, and API keys of machines."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from django.db import transaction

from lots.actions.acting import act_as
from lots.models import Site, Source, User

KEY_BYTES = 32


def hash_key(key: str) -> str:
    """SHA-256 of an API key in hex: what is stored and looked up. A random key needs no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


@transaction.atomic
def ensure_personal_source(user: User, site: Site) -> Source:
    """The source under which a person submits from the browser; made at their first submission."""
    code = f"web:{user.username}"
    if len(code) > 64:
        code = f"web:#{user.pk}"  # no username contains '#', so nobody else has this code
    return ensure_source(site, code, user=user, name=f"{user.printed_name} (browser)")


@transaction.atomic
def ensure_source(site: Site, code: str, *, user: User, name: str = "") -> Source:
    """The site's source with this code, made for the user if there is none."""
    act_as(user)
    source, _ = Source.objects.select_related("user").get_or_create(
        site=site, code=code, defaults={"name": (name or code)[:100], "user": user}
    )
    return source


@transaction.atomic
def issue_key(source: Source, *, by: User, expires_at: datetime | None = None) -> str:
    """Give the source a new API key (256 random bits); the former one stops to work.

    The key is returned once: only its hash is stored.
    """
    act_as(by)
    key = f"hlt_{secrets.token_urlsafe(KEY_BYTES)}"
    fresh = Source.objects.select_for_update(of=("self",)).get(pk=source.pk)
    fresh.key_hash, fresh.key_expires_at = hash_key(key), expires_at
    fresh.save(update_fields=["key_hash", "key_expires_at"])
    return key
