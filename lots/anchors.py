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
from collections import defaultdict
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
    """Append the heads that are new since the last line; how many. Nothing is written when none has changed.

    What a crash cut off at the end of the file is taken out first: no line could continue it.
    """
    known: dict[str, tuple[int, str]] = {}
    last = GENESIS
    if file.exists():
        for line_hash, heads in _lines(file):
            known |= heads
            last = line_hash
    changed = {
        chain.key: [chain.length, bytes(chain.head).hex()]
        for chain in AuditChain.objects.order_by("key").iterator(chunk_size=5_000)
        if known.get(chain.key) != (chain.length, bytes(chain.head).hex())
    }
    if not changed:
        return 0
    line = json.dumps({"at": now.isoformat(), "previous": last, "heads": changed}, separators=(",", ":"))
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lines:
        whole = file.read_bytes().rfind(b"\n") + 1
        if whole != lines.tell():
            lines.truncate(whole)
        lines.write(line.encode() + b"\n")
        lines.flush()
        os.fsync(lines.fileno())
    return len(changed)


def _lines(file: Path) -> Iterator[tuple[str, dict[str, tuple[int, str]]]]:
    """The hash of each line with the (length, head) that it anchors of each chain. Raises UnreadableAnchors.

    A line that a crash cut off at the end is no line.
    """
    previous = GENESIS
    for number, line in enumerate(file.read_bytes().split(b"\n")[:-1], start=1):
        try:
            entry: dict[str, Any] = json.loads(line)
            if entry["previous"] != previous:
                raise UnreadableAnchors(f"{file.name} line {number}: it does not continue the line before")
            heads = {key: (int(length), str(head)) for key, (length, head) in entry["heads"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableAnchors(f"{file.name} line {number} is not an anchor: {error}") from error
        previous = hashlib.sha256(line).hexdigest()
        yield previous, heads


def verify_anchors(file: Path, lot_id: int | None = None) -> Iterator[BadRow]:
    """Chains that are gone, shorter, or other than whenever they were anchored.

    With a lot its own chain and that of every hold: whoever takes out a hold with its members and its chain leaves
    nothing that would say which lots it covered.
    Every line counts: a chain that was cut or written anew is anchored anew within the hour, and is still found.
    """
    anchored: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for _, heads in _lines(file):
        for chain, head in heads.items():
            if lot_id is None or chain == f"lot:{lot_id}" or chain.startswith("hold:"):
                anchored[chain].add(head)
    for chain, heads_of_chain in sorted(anchored.items()):
        bad = _first_unlike(chain, sorted(heads_of_chain))
        if bad is not None:
            yield bad


def _first_unlike(chain: str, anchors: list[tuple[int, str]]) -> BadRow | None:
    """The first anchor of a chain that its rows no longer bear out; each row is looked up once."""
    for first in range(0, len(anchors), 2_000):
        part = anchors[first : first + 2_000]
        rows = AuditEvent.objects.filter(chain=chain, sequence__in={length for length, _ in part})
        stored = dict(rows.values_list("sequence", "hash"))
        for length, head in part:
            if length not in stored:
                return BadRow(
                    chain, length, f"it had {length} rows when it was anchored; row {length} is gone"
                )
            if bytes(stored[length]).hex() != head:
                return BadRow(chain, length, "its head is another than was anchored: it was written anew")
    return None
