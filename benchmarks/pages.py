"""Server time and queries of the lot page and the chart page, with a short and a long history."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks.figures import Figure, Size, p50_p95, seconds
from benchmarks.installation import Installation
from benchmarks.plant import QUALITY_ENGINEER, Line, frozen_viscosity_chart
from lots.models import User
from mes.pipeline import record
from spc.models import Chart

NAME = "pages"
REQUESTS = {Size.TINY: 5}  # 40 otherwise
POINTS = {Size.TINY: (200,), Size.FULL: (1_000, 100_000, 1_000_000)}
LOT_HISTORY = 20  # profiles of fifteen readings on the roll whose page is asked for
QUERIES_TARGET, TIME_TARGET = "value <= 30 queries", "value <= 0.3 s at 10^6 points"

# Points of a made-up past, each with its subgroup and one reading; the last ones are the chart's newest.
HISTORY = (
    """
    CREATE TEMP TABLE made AS
    SELECT i, nextval(pg_get_serial_sequence('spc_subgroup', 'id')) AS subgroup_id,
           now() - interval '15 days' + i * interval '1 second' AS at, 5 + 0.1 * sin(i * 12.9898) AS value
    FROM generate_series(0, %(count)s - 1) i
    """,
    """
    INSERT INTO spc_subgroup (id, chart_id, key, opened_at, closed_at, closed_by)
    SELECT subgroup_id, %(chart)s, 'made:' || i, at, at, 'complete' FROM made
    """,
    """
    INSERT INTO spc_subgroupmember (subgroup_id, measurement_received_at, measurement_id, lot_id, value, measured_at,
                                    label)
    SELECT subgroup_id, at, -1 - i, %(lot)s, value, at, '' FROM made
    """,
    """
    INSERT INTO spc_point (chart_id, subgroup_id, generation, sequence, limit_revision_id, measured_at, size, statistic,
                           center, lcl, ucl, z, created_at)
    SELECT %(chart)s, m.subgroup_id, c.generation, s.next_sequence + m.i, s.limit_revision_id, m.at, 1, m.value,
           5, 4.7, 5.3, (m.value - 5) / 0.1, m.at
    FROM made m, spc_chart c, spc_chartstate s WHERE c.id = %(chart)s AND s.chart_id = c.id
    """,
    "UPDATE spc_chartstate SET next_sequence = next_sequence + %(count)s WHERE chart_id = %(chart)s",
    "DROP TABLE made",
    "ANALYZE spc_point",
    "ANALYZE spc_subgroup",
    "ANALYZE spc_subgroupmember",
)


def figures(size: Size, installation: Installation) -> Iterator[Figure]:
    call_command("collectstatic", verbosity=0, interactive=False)
    with installation.database() as database, installation.superuser(database) as superuser:
        line = Line()
        chart = frozen_viscosity_chart(line)
        client = Client(HTTP_HOST="localhost")
        client.force_login(User.objects.get(username=QUALITY_ENGINEER))
        roll = line.rolls(1)[0]
        for number in range(LOT_HISTORY):
            record(line.envelope(line.profile(roll, number), source=line.source), now=timezone.now())
        requests = REQUESTS.get(size, 40)
        yield from _page(client, f"lot page, {LOT_HISTORY * 15} readings", f"/lots/{roll.code}/", requests)
        points, lot = 0, line.batches(1)[0]
        for target in POINTS.get(size, (1_000, 20_000)):
            _make_up(superuser, chart, lot.pk, target - points)
            points = target
            yield from _page(client, f"chart page, {points:,} points", f"/charts/{chart.pk}/", requests)
            yield from _page(
                client, f"chart data, {points:,} points", f"/charts/{chart.pk}/data.json", requests
            )


def _make_up(connection: psycopg.Connection, chart: Chart, lot_id: int, count: int) -> None:
    """Append `count` points to the chart's past, beyond guards and evaluation."""
    connection.execute("SET session_replication_role = replica")
    for statement in HISTORY:
        connection.execute(statement, {"chart": chart.pk, "lot": lot_id, "count": count})
    connection.execute("RESET session_replication_role")


def _page(client: Client, case: str, path: str, requests: int) -> Iterator[Figure]:
    """p50 and p95 against the health page through the same middleware, and the number of queries."""

    def get(address: str) -> None:
        response = client.get(address)
        if response.status_code != 200:
            raise AssertionError(f"{address} answered {response.status_code}")

    get(path)  # templates compile once
    pairs = [(seconds(lambda: get(path)), seconds(lambda: get("/healthz"))) for _ in range(requests)]
    times, empty = zip(*pairs, strict=True)
    for percentile, value, baseline in zip(("p50", "p95"), p50_p95(times), p50_p95(empty), strict=True):
        target = TIME_TARGET if percentile == "p95" and "chart" in case else ""
        yield Figure(NAME, f"{case}, {percentile}", value, "s", f"/healthz, {percentile}", baseline, target)
    with CaptureQueriesContext(connection) as captured:
        get(path)
    yield Figure(NAME, f"{case}, queries", len(captured), "queries", "queries allowed", 30, QUERIES_TARGET)
