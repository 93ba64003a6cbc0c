"""The databases that tests get: rolled back as the application's role, or fresh and really committed."""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections


@pytest.mark.django_db
def test_ordinary_tests_run_as_the_application_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('synchronous_commit')")
        assert cursor.fetchone() == ("halite_app", "on")


@pytest.mark.django_db
@pytest.mark.parametrize("round_number", [1, 2])
def test_ordinary_tests_are_rolled_back(round_number: int) -> None:
    assert not get_user_model().objects.filter(username="left-over").exists()
    get_user_model().objects.create(username="left-over")


@pytest.mark.parametrize("round_number", [1, 2])
def test_a_fresh_database_is_committed_and_seen_by_threads_and_the_owner(
    fresh_database: object, round_number: int
) -> None:
    get_user_model().objects.create(username="committed")
    seen: list[int] = []

    def count() -> None:
        seen.append(get_user_model().objects.filter(username="committed").count())
        connections.close_all()

    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    assert seen == [1]
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT current_user, count(*) FROM lots_user WHERE username = 'committed'")
        assert cursor.fetchone() == ("halite_owner", 1)
