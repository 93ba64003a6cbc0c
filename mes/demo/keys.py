"""API keys of the demo: the database holds hashes, one private file holds the keys for the simulator."""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypedDict

from django.db import transaction

from lots.actions.acting import act_as
from lots.actions.ensure_source import hash_key
from lots.models import Site, Source
from mes.demo.people import Account

FILE_NAME = "demo-keys.json"
VALID_FOR = timedelta(days=365)


class Key(TypedDict):
    source: str
    key: str


def issue_keys(site: Site, listed: list[Account], path: Path, *, now: datetime) -> int:
    """Make sure that the file holds the key of every source that needs one; how many keys it holds.

    A source whose stored hash does not belong to the file's key (new database, lost file) gets a new key.
    """
    wanted = {account.username: account.source_code for account in listed if account.key}
    keys = _read(path)
    with transaction.atomic():
        act_as(None, process="load_demo")
        sources = {source.code: source for source in site.sources.filter(code__in=wanted.values())}
        keys = {
            username: _valid(keys.get(username), sources[code], now=now) for username, code in wanted.items()
        }
    _write(path, {"site": site.code, "note": "Demo only. Delete this file to have new keys.", "keys": keys})
    return len(keys)


def _valid(known: Key | None, source: Source, *, now: datetime) -> Key:
    expired = source.key_expires_at is not None and source.key_expires_at <= now
    if known is not None and not expired and hash_key(known["key"]) == source.key_hash:
        return Key(source=source.code, key=known["key"])
    key = secrets.token_urlsafe(32)
    source.key_hash, source.key_expires_at = hash_key(key), now + VALID_FOR
    source.save(update_fields=["key_hash", "key_expires_at"])
    return Key(source=source.code, key=key)


def _read(path: Path) -> dict[str, Key]:
    if not path.exists():
        return {}
    keys: dict[str, Key] = json.loads(path.read_text(encoding="utf-8"))["keys"]
    return keys


def _write(path: Path, content: dict[str, object]) -> None:
    """Replace the file at once, readable by its owner alone from its first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    fresh.replace(path)
