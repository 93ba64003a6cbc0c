"""The processes tests get: real, killable, pausable, on the database of the test."""

from __future__ import annotations

import pytest
import redis
from django.conf import settings
from django.db import connection

from mes.runtime.processes import wait_until
from mes.tasks import evaluate_chart
from tests.support.processes import Stack

pytestmark = pytest.mark.flow


def sessions(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            [f"halite-{name}"],
        )
        return int(cursor.fetchone()[0])


def test_workers_take_messages_and_a_killed_one_leaves_them_to_the_other(stack: Stack) -> None:
    assert wait_until(lambda: sessions("sweeper") == 1, 20)
    stack.kill("worker-1")
    evaluate_chart.delay(chart_id=-1)
    client = redis.Redis.from_url(settings.REDIS_URL)
    assert wait_until(lambda: client.llen("celery") == 0, 20)
    client.close()
    assert wait_until(lambda: "evaluate_chart" in stack.log("worker-2"), 20)
    assert not stack.running("worker-1")
    stack.start("worker-1")
    assert stack.running("worker-1")


def test_a_killed_database_comes_back_with_what_was_committed(stack: Stack) -> None:
    stack.pause("sweeper")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_session VALUES ('kept', 'x', now())")
    stack.kill("postgres")
    stack.start("postgres")
    stack.resume("sweeper")
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_key FROM django_session")
        assert cursor.fetchall() == [("kept",)]
    assert wait_until(lambda: sessions("sweeper") == 1, 30)
