"""Hints are never needed: without workers or broker the sweeper evaluates, and recording does not wait (I4)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from lots.models import Measurement
from lots.queries import active_holds
from mes import hints, pipeline
from mes.runtime.processes import wait_until
from spc.models import Chart, OutboxEntry
from tests.support.builders import Plant, add_chart, make_plant, publish
from tests.support.cluster import Database
from tests.support.evidence import assert_evaluated_exactly_once, pending
from tests.support.processes import Stack, run_stack
from tests.support.worked import SOLIDS, frozen_chart, mixing_lot

pytestmark = pytest.mark.alone

# What one recording may wait for a broker that does not answer; a healthy one takes some 30 ms.
PATIENCE_S = 2.5
UNHINDERED_S = 1.0


@pytest.fixture(autouse=True)
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what earlier tests learnt of their broker."""
    monkeypatch.setattr(hints, "_silent_until", 0.0)


@pytest.fixture
def sweeper_alone(fresh_database: Database) -> Iterator[Stack]:
    yield from run_stack(fresh_database, ["sweeper"])


@pytest.fixture
def broker_alone(fresh_database: Database) -> Iterator[Stack]:
    yield from run_stack(fresh_database, ["broker"])


def test_the_sweeper_alone_evaluates_and_holds_within_five_seconds(sweeper_alone: Stack) -> None:
    plant = make_plant()
    frozen_chart(plant)
    for _ in range(3):
        wild = mixing_lot(plant)
        plant.submit([plant.reading(SOLIDS, "67", wild)])
        assert wait_until(lambda lot=wild: active_holds([lot.pk]).exists(), 5)
    assert wait_until(lambda: pending() == 0, 5)
    assert_evaluated_exactly_once()


def seconds_to_record(plant: Plant) -> float:
    lot = mixing_lot(plant)
    reading = plant.reading(SOLIDS, "65", lot)
    began = time.monotonic()
    answer = plant.submit([reading])
    took = time.monotonic() - began
    assert (answer.body["measurements"], len(answer.body["charts"])) == (1, 1)
    assert Measurement.objects.filter(lot_id=lot.pk).count() == 1
    return took


def charted(plant: Plant) -> Plant:
    add_chart(plant, SOLIDS)
    publish(plant)
    return plant


def test_a_frozen_broker_neither_fails_nor_hangs_recording(broker_alone: Stack) -> None:
    plant = charted(make_plant())
    assert seconds_to_record(plant) < UNHINDERED_S
    broker_alone.pause("broker")
    assert seconds_to_record(plant) < PATIENCE_S
    # The failure is remembered: nothing waits for the broker again for a while.
    assert max(seconds_to_record(plant) for _ in range(5)) < UNHINDERED_S
    assert pending() == 7
    while pipeline.sweep_once(now=timezone.now())["charts"]:
        pass
    assert_evaluated_exactly_once()


def test_a_dead_broker_neither_fails_nor_hangs_recording(broker_alone: Stack) -> None:
    plant = charted(make_plant())
    broker_alone.kill("broker")
    assert max(seconds_to_record(plant) for _ in range(5)) < UNHINDERED_S


def test_a_broker_that_comes_back_gets_hints_again(
    broker_alone: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "PAUSE_S", 0.2)
    plant = charted(make_plant())
    broker_alone.pause("broker")
    seconds_to_record(plant)
    broker_alone.resume("broker")
    time.sleep(0.3)
    seconds_to_record(plant)
    assert hints._silent_until < time.monotonic() - 0.05


def test_a_recording_that_rolls_back_sends_no_hint(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[list[int]] = []
    monkeypatch.setattr(hints, "publish", sent.append)
    plant = charted(make_plant())
    lot = mixing_lot(plant)

    def record_and_fail() -> None:
        with transaction.atomic():
            plant.submit([plant.reading(SOLIDS, "65", lot)])
            raise RuntimeError("the door failed")

    with pytest.raises(RuntimeError, match="the door failed"):
        record_and_fail()
    assert sent == []
    assert not OutboxEntry.objects.exists()


def test_a_chart_whose_lots_a_hung_process_locks_does_not_stop_the_sweep(fresh_database: Database) -> None:
    """The evaluation of one chart waits for a lot in vain; the other chart is evaluated all the same."""
    stuck, free = make_plant(), make_plant()
    blocked = frozen_chart(stuck)
    charted(free)
    wild = mixing_lot(stuck)
    stuck.submit([stuck.reading(SOLIDS, "67", wild)])
    free.submit([free.reading(SOLIDS, "65", mixing_lot(free))])
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    with transaction.atomic(using="owner"):
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT 1 FROM lots_lot WHERE id = %s FOR UPDATE", [wild.pk])
        pipeline.sweep_once(now=timezone.now())
        other = Chart.objects.exclude(pk=blocked.pk).get()
        assert not OutboxEntry.objects.filter(chart=other, processed_at__isnull=True).exists()
        assert OutboxEntry.objects.filter(chart=blocked, processed_at__isnull=True).count() == 1
    pipeline.sweep_once(now=timezone.now())
    assert active_holds([wild.pk]).exists()
    assert_evaluated_exactly_once()
