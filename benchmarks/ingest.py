"""Readings through the bulk door, with keys, judgement and audit, against COPY of the rows that they became."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from django.test import Client
from django.utils import timezone

from benchmarks.figures import Figure, Size, best_of, seconds
from benchmarks.installation import Installation
from benchmarks.plant import STEADY_VISCOSITIES, Line
from lots.envelope import ReadingIn
from mes.pipeline import record

NAME = "ingest"
COPY_NAME = "COPY of the stored rows, bare table"
SUBMISSIONS_A_REQUEST = 100
READINGS_A_LARGE_SUBMISSION = 1_000
COPY_BLOCK = 1 << 18  # bytes
_keys = count(1)

Submissions = Sequence[Sequence[ReadingIn]]


def figures(size: Size, installation: Installation) -> Iterator[Figure]:
    readings = {Size.TINY: 1_000, Size.FULL: 100_000}.get(size, 5_000)
    with installation.database() as database, installation.processes(database, ["broker"]):
        line = Line()
        client = _client(line.api_key())
        doors = {
            "15 readings a submission (a roll's profile), bulk API": (_profiles(line, readings), client),
            "15 readings a submission (a roll's profile), record()": (_profiles(line, readings // 5), None),
            "1 reading a submission (a batch's viscosity), bulk API": (
                _singles(line, readings // 50),
                client,
            ),
            "1,000 readings a submission (20 rolls' maps), bulk API": (_maps(line, readings), client),
        }
        for case, (submissions, door) in doors.items():
            before = _last_measurement(installation, database)
            taken = _through_api(door, submissions) if door else _recorded(line, submissions)
            stored, copied = _copy_baseline(installation, database, after=before)
            sent = sum(map(len, submissions))
            yield Figure(
                NAME,
                f"{case}, {sent:,} readings",
                sent / taken,
                "readings/s",
                COPY_NAME,
                stored / copied,
                "ratio >= 0.25",
            )


def _client(key: str) -> Client:
    return Client(HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {key}")


def _profiles(line: Line, readings: int) -> Submissions:
    """One submission a roll; each derives three edge profiles, which are judged and charted."""
    return [line.profile(roll, number) for number, roll in enumerate(line.rolls(readings // 15))]


def _singles(line: Line, readings: int) -> Submissions:
    """One submission a batch: judged and charted."""
    batches = line.batches(readings)
    return [
        [line.viscosity(batch, STEADY_VISCOSITIES[number % len(STEADY_VISCOSITIES)])]
        for number, batch in enumerate(batches)
    ]


def _maps(line: Line, readings: int) -> Submissions:
    """What a scanning gauge delivers: many places of many rolls at once."""
    rolls = line.rolls(readings // 50)
    flat = []
    for number, roll in enumerate(rolls):
        for part in range(10):
            flat += [
                dataclasses.replace(reading, roll_position_mm=(part + 1) * 50_000)
                for reading in line.profile(roll, number + part)[:5]
            ]
    return [
        flat[i : i + READINGS_A_LARGE_SUBMISSION] for i in range(0, len(flat), READINGS_A_LARGE_SUBMISSION)
    ]


def _through_api(client: Client, submissions: Submissions) -> float:
    """Seconds for all; the bodies are made beforehand, as a gateway would. Raises if anything was refused."""
    large = len(submissions[0]) > SUBMISSIONS_A_REQUEST
    a_request = 10 if large else SUBMISSIONS_A_REQUEST
    bodies = [
        json.dumps({"submissions": [_body(readings) for readings in submissions[first : first + a_request]]})
        for first in range(0, len(submissions), a_request)
    ]
    answers: list[Any] = []

    def send() -> None:
        answers.extend(client.post("/api/v1/submissions/bulk", body, "application/json") for body in bodies)

    taken = seconds(send)
    refused = [
        answer
        for response in answers
        for answer in response.json().get("answers", [response.json()])
        if answer.get("status") != 201 or answer["answer"]["violations"]
    ]
    if refused:
        raise AssertionError(f"not all was taken in as measured: {refused[0]}")
    return taken


def _body(readings: Sequence[ReadingIn]) -> dict[str, Any]:
    return {
        "key": f"bulk-{next(_keys)}",
        "readings": [
            {
                name: value.isoformat() if name == "measured_at" else value
                for name, value in vars(reading).items()
                if value not in ("", None)
            }
            for reading in readings
        ],
    }


def _recorded(line: Line, submissions: Submissions) -> float:
    source = line.source
    envelopes = [line.envelope(readings, source=source) for readings in submissions]

    def take_in() -> None:
        for envelope in envelopes:
            record(envelope, now=timezone.now())

    return seconds(take_in)


def _last_measurement(installation: Installation, database: str) -> int:
    with installation.superuser(database) as connection:
        row = connection.execute("SELECT coalesce(max(id), 0) FROM lots_measurement").fetchone()
        assert row is not None
        return int(row[0])


def _copy_baseline(installation: Installation, database: str, *, after: int) -> tuple[int, float]:
    """(rows stored since, seconds of the fastest COPY of the same rows): text that is ready, no index, one commit."""
    with installation.superuser(database) as connection:
        connection.execute("DROP TABLE IF EXISTS benchmark_copy")
        connection.execute("CREATE TABLE benchmark_copy (LIKE lots_measurement)")
        chosen = f"SELECT * FROM lots_measurement WHERE id > {after:d}"
        with connection.cursor().copy(f"COPY ({chosen}) TO STDOUT") as copy:
            rows = [bytes(row) for row in copy]
        text = b"".join(rows)

        def copy_in() -> None:
            with connection.cursor().copy("COPY benchmark_copy FROM STDIN") as copy:
                for first in range(0, len(text), COPY_BLOCK):
                    copy.write(text[first : first + COPY_BLOCK])

        (fastest,) = best_of(copy_in, rounds=3)
        return len(rows), fastest
