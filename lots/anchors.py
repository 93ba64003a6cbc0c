"""Heads of the audit chains, written outside the database once an hour: what its owner deletes or rewrites shows.

A chain proves that its rows belong together; it cannot prove that it still exists. An anchor is one line of JSON with
the length and head of every chain that has changed since the line before. The file belongs on storage that the
database's owner cannot write, and is part of the backup. Lines are chained, too: each carries the SHA-256 of the one
before, so that a line taken out of the middle shows.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from lots.audit import BadRow
from lots.models import AuditChain, AuditEvent

GENESIS = "0" * 64


class UnreadableAnchors(Exception):
    """The file of anchors is no chain of lines; the message names the first bad one."""


def write_anchor(file: Path, *, now: datetime) -> int:
    """Append the heads that are new since the last line; how many. Nothing is written when none has changed."""
    known: dict[str, tuple[int, str]] = {}
    last = GENESIS
    if file.exists():
        known, last = read_anchors(file)
    changed = {
        chain.key: [chain.length, bytes(chain.head).hex()]
        for chain in AuditChain.objects.order_by("key").iterator(chunk_size=5_000)
        if known.get(chain.key) != (chain.length, bytes(chain.head).hex())
    }
    if not changed:
        return 0
    line = json.dumps({"at": now.isoformat(), "previous": last, "heads": changed}, separators=(",", ":"))
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(line + "\n")
        lines.flush()
        os.fsync(lines.fileno())
    return len(changed)


def read_anchors(file: Path) -> tuple[dict[str, tuple[int, str]], str]:
    """The last anchored (length, head) of every chain, and the hash of the last line. Raises UnreadableAnchors.

    A line that a crash cut off at the end is no line.
    """
    heads: dict[str, tuple[int, str]] = {}
    previous = GENESIS
    text = file.read_text(encoding="utf-8")
    for number, line in enumerate(text[: text.rfind("\n") + 1].splitlines(), start=1):
        try:
            entry: dict[str, Any] = json.loads(line)
            if entry["previous"] != previous:
                raise UnreadableAnchors(f"{file.name} line {number}: it does not continue the line before")
            heads |= {key: (int(length), str(head)) for key, (length, head) in entry["heads"].items()}
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableAnchors(f"{file.name} line {number} is not an anchor: {error}") from error
        previous = hashlib.sha256(line.encode()).hexdigest()
    return heads, previous


def verify_anchors(file: Path, key: str | None = None) -> Iterator[BadRow]:
    """Chains that are gone, shorter, or other than when they were anchored; of one chain with `key`."""
    heads, _ = read_anchors(file)
    for chain, (length, head) in sorted(heads.items()):
        if key is not None and chain != key:
            continue
        event = AuditEvent.objects.filter(chain=chain, sequence=length).first()
        if event is None:
            yield BadRow(chain, length, f"it had {length} rows when it was anchored; row {length} is gone")
        elif bytes(event.hash).hex() != head:
            yield BadRow(chain, length, "its head is another than was anchored: it was written anew")
