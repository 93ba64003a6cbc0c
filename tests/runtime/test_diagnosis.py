"""`manage.py doctor` finds what is wrong and says what to do."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from mes.runtime import diagnosis
from mes.runtime.diagnosis import Level
from mes.runtime.processes import wait_until
from tests.support.processes import Stack


def levels(findings: object) -> list[Level]:
    return [finding.level for finding in findings]  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_server_that_does_not_write_through_is_a_failure() -> None:
    # The test cluster: fsync and full_page_writes off, synchronous_commit on.
    assert levels(diagnosis.durability()) == [Level.FAILURE, Level.FAILURE, Level.FINE]


@pytest.mark.django_db
def test_clocks_migrations_and_an_empty_outbox_are_fine() -> None:
    for examine in (diagnosis.clock, diagnosis.migrations, diagnosis.pending_evaluations):
        assert levels(examine()) == [Level.FINE]


@pytest.mark.django_db
def test_a_missing_sweeper_is_a_failure_with_its_remedy() -> None:
    (finding,) = diagnosis.sweeper()
    assert finding.level is Level.FAILURE
    assert "manage.py sweep" in finding.remedy


def test_an_absent_broker_is_a_warning_since_the_sweeper_does_its_work(settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nonexistent/broker.sock"
    (finding,) = diagnosis.broker()
    assert finding.level is Level.WARNING
    assert "REDIS_URL" in finding.remedy


def test_backups_are_judged_by_the_age_of_their_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    assert levels(diagnosis.backups()) == [Level.WARNING]
    settings.IS_PLANT = True
    assert levels(diagnosis.backups()) == [Level.FAILURE]
    stamp = tmp_path / "stamp"
    monkeypatch.setenv("HALITE_BACKUP_STAMP", str(stamp))
    assert levels(diagnosis.backups()) == [Level.FAILURE]
    stamp.touch()
    assert levels(diagnosis.backups()) == [Level.FINE]
    old = time.time() - diagnosis.OLDEST_BACKUP.total_seconds() - 60
    os.utime(stamp, (old, old))
    assert levels(diagnosis.backups()) == [Level.FAILURE]


@pytest.mark.flow
def test_the_doctor_sees_a_running_stack(stack: Stack) -> None:
    # The stack waits for its workers, not for the sweeper's first connection.
    assert wait_until(lambda: levels(diagnosis.sweeper()) == [Level.FINE], 20)
    assert levels(diagnosis.broker()) == [Level.FINE]
    output = io.StringIO()
    with pytest.raises(SystemExit, match="1"):  # fsync is off here
        call_command("doctor", stdout=output)
    assert "FAILURE  durability: fsync = off" in output.getvalue()
    assert "ok       sweeper: connected" in output.getvalue()
