"""Verify an exported audit trail. Needs Python 3.9 or later and nothing else: no network, no database, no Halite.

    python3 verify.py            in the folder of the unpacked export

Exit 1 and one line for every first bad row. What is recomputed: the SHA-256 of every file against the manifest, every
hash of every chain and its head, the digest of every submission from its measurements, and that a chain recorded it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SEPARATOR = "\x1f"
FIELDS = ("chain", "sequence", "at", "actor", "database_role", "operation", "table_name", "row_id", "payload")


def chain_problem(events: list[dict[str, Any]], head: dict[str, Any]) -> str:
    """The first bad row of one chain, in words; an empty string when it verifies."""
    previous = bytes(32)
    for expected, event in enumerate(events, start=1):
        if event["sequence"] != expected:
            return f"row {expected} is missing; {event['sequence']} follows"
        if event["previous_hash"] != previous.hex():
            return f"row {expected} does not continue the row before"
        fields = [str(event[name]) for name in FIELDS]
        previous = hashlib.sha256(previous + SEPARATOR.join(fields).encode()).digest()
        if event["hash"] != previous.hex():
            return f"row {expected}: its content does not match its hash"
    if head["length"] != len(events) or head["head"] != previous.hex():
        return f"the chain ends at {len(events)} but its head says {head['length']}"
    return ""


def submission_problem(submission: dict[str, Any]) -> str:
    """Whether the measurements still give the digest that the chain recorded."""
    envelope = [submission["version"], submission["uuid"], submission["source"], submission["received_at"]]
    body = json.dumps([envelope, submission["measurements"]], ensure_ascii=True, separators=(",", ":"))
    if hashlib.sha256(body.encode("ascii")).hexdigest() != submission["digest"]:
        return "its measurements do not match its digest"
    return ""


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def problems(folder: Path) -> Iterator[str]:
    """Everything that is wrong in an unpacked export, one line each."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name, digest in sorted(manifest["files"].items()):
        path = folder / name
        if not path.exists():
            yield f"{name}: is missing"
            return
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            yield f"{name}: was changed after the export"
    chains: dict[str, list[dict[str, Any]]] = {}
    for event in lines(folder / "events.jsonl"):
        chains.setdefault(event["chain"], []).append(event)
    heads = json.loads((folder / "heads.json").read_text(encoding="utf-8"))
    for key in sorted(set(heads) | set(chains) | set(manifest["chains"])):
        if key not in heads:
            yield f"{key}: its head is missing" if key in chains else f"{key}: the whole chain is missing"
        else:
            problem = chain_problem(chains.get(key, []), heads[key])
            if problem:
                yield f"{key}: {problem}"
    recorded = {
        json.loads(event["payload"])["uuid"]: json.loads(event["payload"])["digest"]
        for events in chains.values()
        for event in events
        if event["table_name"] == "lots_submission"
    }
    stored = {row["uuid"]: row for row in lines(folder / "submissions.jsonl")}
    for uuid in sorted(recorded):
        if uuid not in stored:
            yield f"submission {uuid}: is missing"
        elif stored[uuid]["digest"] != recorded[uuid]:
            yield f"submission {uuid}: has another digest than the chain recorded"
    for uuid, row in sorted(stored.items()):
        problem = submission_problem(row)
        if problem:
            yield f"submission {uuid}: {problem}"
        elif uuid not in recorded:
            yield f"submission {uuid}: is in no chain"


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    found = 0
    try:
        for problem in problems(folder):
            sys.stdout.write(f"BAD {problem}\n")
            found += 1
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:  # a changed file need not be readable
        sys.stdout.write(f"BAD what follows cannot be read any more ({type(error).__name__}: {error})\n")
        found += 1
    if not found:
        sys.stdout.write("everything verifies\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
