"""From commit to point and from commit to hold, with real workers and sweeper, and without a broker."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from functools import partial

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.figures import Figure, Size, p50_p95, seconds
from benchmarks.installation import Installation
from benchmarks.notices import Notices
from benchmarks.plant import BEYOND_LIMITS, STEADY_VISCOSITIES, Line, frozen_viscosity_chart
from lots.models import Lot
from mes.pipeline import record

NAME = "pipeline"
WITH_BROKER, WITHOUT_BROKER = "two workers and sweeper", "broker stopped"
HOLD_TARGETS = {WITH_BROKER: "value <= 1 s", WITHOUT_BROKER: "value <= 5 s"}
PROCESSES = ("broker", "worker-1", "worker-2", "sweeper")
BASELINE = "commit of one inserted row, p50"
HAPPENS_WITHIN_SECONDS = 60.0
COMMITS = 200


def figures(size: Size, installation: Installation) -> Iterator[Figure]:
    events, a_second = {Size.TINY: (8, 5.0), Size.FULL: (400, 10.0)}.get(size, (30, 5.0))
    with installation.database() as database, installation.superuser(database) as superuser:
        line = Line()
        frozen_viscosity_chart(line)
        superuser.execute(
            "CREATE TABLE benchmark_commit (id bigserial PRIMARY KEY, at timestamptz DEFAULT now())"
        )
        superuser.execute("GRANT INSERT ON benchmark_commit TO halite_app")
        superuser.execute("GRANT USAGE ON SEQUENCE benchmark_commit_id_seq TO halite_app")
        with Notices(superuser) as notices, installation.processes(database, PROCESSES) as children:
            with_broker = line.batches(events)
            without_broker = line.batches(events // 2)
            commit = _commit_seconds()
            yield from _events(line, notices, with_broker, a_second, WITH_BROKER, commit)
            children["broker"].stop()
            yield from _events(line, notices, without_broker, a_second, WITHOUT_BROKER, commit)


def _commit_seconds() -> float:
    """Median of one-row transactions, with the same processes idle beside it."""

    def commit() -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO benchmark_commit DEFAULT VALUES")

    return statistics.median(seconds(commit) for _ in range(COMMITS))


def _events(
    line: Line, notices: Notices, batches: list[Lot], a_second: float, setting: str, commit: float
) -> Iterator[Figure]:
    """Every batch gets one viscosity; every second one is beyond its limits, yet in specification."""
    source = line.source
    committed: dict[int, float] = {}
    beyond = set()
    began = time.perf_counter()
    for number, batch in enumerate(batches):
        time.sleep(max(0.0, began + number / a_second - time.perf_counter()))
        viscosity = STEADY_VISCOSITIES[number // 2 % len(STEADY_VISCOSITIES)]
        if number % 2:
            viscosity = BEYOND_LIMITS
            beyond.add(batch.pk)
        envelope = line.envelope([line.viscosity(batch, viscosity)], source=source)
        with transaction.atomic():
            # First in the queue, so it runs right after COMMIT and before the hint is sent.
            transaction.on_commit(partial(_note_time, committed, batch.pk))
            record(envelope, now=timezone.now())
    wanted = {("point", key) for key in committed} | {("hold", key) for key in beyond}
    notices.wait_for(wanted, within_seconds=HAPPENS_WITHIN_SECONDS)
    for kind, name, keys in (
        ("point", "reading committed to point written", committed.keys()),
        ("hold", "reading beyond a control limit committed to hold in force", beyond),
    ):
        # A worker may be done before the sender has looked at its clock.
        waits = [max(0.0, notices.seen[kind, key] - committed[key]) for key in keys]
        for percentile, value in zip(("p50", "p95"), p50_p95(waits), strict=True):
            target = HOLD_TARGETS[setting] if (kind, percentile) == ("hold", "p95") else ""
            case = f"{name}, {setting}, {len(waits)} events at {a_second:g}/s, {percentile}"
            yield Figure(NAME, case, value, "s", BASELINE, commit, target)


def _note_time(times: dict[int, float], key: int) -> None:
    times[key] = time.perf_counter()
