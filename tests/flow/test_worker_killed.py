"""Workers are killed and frozen at random instants; every measurement is evaluated exactly once (I1, I2, I4)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.utils import timezone

from lots.models import Lot, Measurement
from lots.queries import active_holds
from mes import hints
from mes.runtime.processes import wait_until
from quality.actions.approve_limits import approve_limits
from quality.gates import can_leave
from spc.models import Chart
from spc.queries import current_points
from tests.support.builders import PASSWORD, Plant, add_chart, make_plant
from tests.support.cluster import Database
from tests.support.evidence import assert_evaluated_exactly_once, pending
from tests.support.processes import Stack, run_stack
from tests.support.recomputed import stored, whole
from tests.support.worked import SOLIDS, frozen_chart, mixing_lot

pytestmark = [pytest.mark.alone, pytest.mark.slow, pytest.mark.timeout(300)]

ROUNDS = 10
READINGS = 25
IN_FORCE_S = 5.0


@pytest.fixture(autouse=True)
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what earlier tests learnt of their broker."""
    monkeypatch.setattr(hints, "_silent_until", 0.0)


@pytest.fixture
def one_worker(fresh_database: Database) -> Iterator[Stack]:
    """Broker, one worker and the sweeper: the worker that is killed is the one that evaluates."""
    yield from run_stack(fresh_database, ["broker", "worker-1", "sweeper"])


def record_with_one_violation(plant: Plant, chance: random.Random) -> tuple[Lot, float]:
    """READINGS batches of one reading each, one of them far off; that lot, and when its reading was acknowledged."""
    wild, acknowledged_at = None, 0.0
    for number in range(READINGS):
        lot = mixing_lot(plant)
        far_off = number == READINGS // 2
        value = "67" if far_off else str(round(65 + chance.uniform(-0.1, 0.1), 3))
        plant.submit([plant.reading(SOLIDS, value, lot)])
        if far_off:
            wild, acknowledged_at = lot, time.monotonic()
    assert wild is not None
    return wild, acknowledged_at


def wait_for_hold(lot: Lot, since: float) -> float:
    """Seconds from the acknowledgement until the hold was in force."""
    assert wait_until(lambda: active_holds([lot.pk]).exists(), 30, poll_seconds=0.02)
    return time.monotonic() - since


def in_the_middle(deed: Callable[[], None], seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, deed)
    timer.start()
    return timer


def report(text: str) -> None:
    print(f"\n{text}")  # noqa: T201 - what was measured


# Of families with a memory that a second evaluation would move, or whose points gather several readings.
TEMPERATURE, VISCOSITY, MIX_TIME = "mixing.temperature_c", "mixing.viscosity_pa_s", "mixing.mix_time_min"
GAP, SPEED = "coating.gap_um", "coating.web_speed_m_min"
FAMILIES: dict[str, dict[str, object]] = {
    TEMPERATURE: {"chart_family": "ewma"},
    SPEED: {"chart_family": "cusum", "stratify": "equipment"},
    VISCOSITY: {
        "chart_family": "t2",
        "subgroup_by": "execution",
        "parameters": f"variables={VISCOSITY},{MIX_TIME}",
    },
    GAP: {"chart_family": "short-run", "parameters": "part=material", "stratify": "equipment"},
}
KILLS = 2


def measure_families(plant: Plant, roll: Lot, chance: random.Random) -> None:
    """A batch and a place on the roll, one reading of each characteristic."""
    lot = mixing_lot(plant)
    levels = {TEMPERATURE: 25.0, VISCOSITY: 5.0, MIX_TIME: 60.0}
    values = {code: round(level + chance.gauss(0.0, 0.05), 4) for code, level in levels.items()}
    plant.submit([plant.reading(code, value, lot) for code, value in values.items()])
    values = {
        code: round(level + chance.gauss(0.0, 0.2), 3) for code, level in {GAP: 150.0, SPEED: 10.0}.items()
    }
    plant.submit([plant.reading(code, value, roll) for code, value in values.items()])


def kill_in_an_evaluation(stack: Stack, caught: list[bool]) -> Callable[[], None]:
    """SIGKILL the worker at an instant at which its session holds a chart."""

    def work() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if _in_transaction():
                stack.kill("worker-1")
                caught.append(True)
                return

    return _closing_connections(work)


def families_survive_kills(stack: Stack, plant: Plant, chance: random.Random) -> None:
    """The worker dies KILLS times while it holds a chart; every chart is as a full recomputation gives it."""
    roll = plant.lot("T-ROLL", quantity=240, length_mm=240_000, lanes=2)
    plant.start(roll, "coating")
    for _ in range(12):
        measure_families(plant, roll, chance)
    assert wait_until(lambda: pending() == 0, 30)
    charts = {
        chart.stream.plan.characteristic.code: chart
        for chart in Chart.objects.filter(stream__plan__characteristic__code__in=FAMILIES)
    }
    assert charts.keys() == FAMILIES.keys()
    who = {"user": plant.process_engineer, "password": PASSWORD, "now": timezone.now()}
    for chart in charts.values():
        approve_limits(chart, excluded={}, reason="phase 1 done", **who)
    caught: list[bool] = []
    for _ in range(KILLS):
        watcher = threading.Thread(target=kill_in_an_evaluation(stack, caught))
        watcher.start()
        for _ in range(5):
            measure_families(plant, roll, chance)
        watcher.join()
        assert wait_until(lambda: pending() == 0, 15)
        assert_evaluated_exactly_once()
        stack.start("worker-1")
    assert len(caught) == KILLS
    for code in (TEMPERATURE, SPEED):
        judged = Measurement.objects.filter(characteristic__code=code).order_by("pk").values_list("pk")[12:]
        readings = Measurement.objects.filter(pk__in=[pk for (pk,) in judged])
        assert stored(charts[code]) == whole(charts[code], readings).points
    for chart in charts.values():
        assert current_points(chart.pk).count() == 12 + 5 * KILLS


def test_a_worker_killed_at_any_instant_loses_nothing(one_worker: Stack) -> None:
    plant = make_plant()
    for code, line in FAMILIES.items():
        add_chart(plant, code, **({"rules": "beyond_limits", "reaction": "alert"} | line))
    frozen_chart(plant)
    chance = random.Random(20)
    delays = []
    for _ in range(ROUNDS):
        timer = in_the_middle(lambda: one_worker.kill("worker-1"), chance.uniform(0.05, 0.9))
        wild, acknowledged_at = record_with_one_violation(plant, chance)
        held_at = wait_for_hold(wild, acknowledged_at)
        delays.append(held_at)
        timer.join()
        assert wait_until(lambda: pending() == 0, 15)
        assert_evaluated_exactly_once()
        one_worker.start("worker-1")
    report(f"{ROUNDS} kills of the worker: hold after {[round(delay, 2) for delay in delays]} s")
    assert max(delays) < IN_FORCE_S
    assert "Task mes.tasks.evaluate_chart" in one_worker.log("worker-1")
    assert Measurement.objects.filter(characteristic__code=SOLIDS).count() == 20 + ROUNDS * READINGS
    families_survive_kills(one_worker, plant, chance)


def test_without_a_broker_throughout_the_hold_is_in_time(one_worker: Stack) -> None:
    one_worker.kill("broker")
    plant = make_plant()
    frozen_chart(plant)
    wild, acknowledged_at = record_with_one_violation(plant, random.Random(21))
    assert wait_for_hold(wild, acknowledged_at) < IN_FORCE_S
    assert wait_until(lambda: pending() == 0, 15)
    assert_evaluated_exactly_once()


def test_a_hung_worker_is_replaced_by_the_sweeper(one_worker: Stack) -> None:
    plant = make_plant()
    frozen_chart(plant)
    one_worker.pause("worker-1")
    wild, acknowledged_at = record_with_one_violation(plant, random.Random(22))
    assert wait_for_hold(wild, acknowledged_at) < IN_FORCE_S
    assert wait_until(lambda: pending() == 0, 15)
    one_worker.resume("worker-1")
    time.sleep(1)  # it now works through the hints that waited for it
    assert_evaluated_exactly_once()


def test_a_worker_that_hangs_in_the_middle_gives_its_chart_back(one_worker: Stack) -> None:
    """Its transaction holds the chart's lock until the database ends it; no gate opens meanwhile."""
    plant = make_plant()
    frozen_chart(plant)
    one_worker.pause("sweeper")
    frozen = threading.Event()

    def freeze_while_it_evaluates() -> None:
        """Stop the worker at an instant at which its session is inside a transaction."""
        while not frozen.is_set():
            one_worker.pause("worker-1")
            if _in_transaction():
                time.sleep(
                    0.2
                )  # what it had sent before it stopped, a COMMIT too, has reached the database by now
                if _in_transaction():
                    frozen.set()
                    return
            one_worker.resume("worker-1")
            time.sleep(0.01)

    watcher = threading.Thread(target=_closing_connections(freeze_while_it_evaluates))
    watcher.start()
    lots = []
    deadline = time.monotonic() + 60
    while not frozen.is_set() and time.monotonic() < deadline:
        lots.append(mixing_lot(plant))
        plant.submit([plant.reading(SOLIDS, "65", lots[-1])])
    assert frozen.is_set(), "the worker was never caught inside an evaluation"
    watcher.join()
    began = time.monotonic()
    lot = mixing_lot(plant)
    execution = lot.executions.get()
    plant.submit([plant.reading(SOLIDS, "65", lot)])
    plant.finish(execution)
    one_worker.resume("sweeper")
    # The database ends the frozen session after 5 s; until then nothing may pass.
    assert not wait_until(lambda: pending() == 0, 2)
    assert [blocker.code for blocker in can_leave(lot, now=timezone.now())] == ["evaluation_pending"]
    assert wait_until(lambda: pending() == 0, 90)
    report(f"chart of a worker frozen in its evaluation was free after {time.monotonic() - began:.0f} s")
    assert_evaluated_exactly_once()
    one_worker.resume("worker-1")
    time.sleep(1)
    assert_evaluated_exactly_once()


def _in_transaction() -> bool:
    """Whether the worker is inside a transaction that has locked a chart; it also looks for work without a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity a JOIN pg_locks l USING (pid)"
            " WHERE a.datname = current_database() AND a.application_name = 'halite-worker-1'"
            " AND a.state = 'idle in transaction' AND l.relation = 'spc_chart'::regclass"
            " AND l.mode = 'RowShareLock' AND l.granted"
        )
        return bool(cursor.fetchone()[0])


def _closing_connections(deed: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            deed()
        finally:
            connection.close()

    return run
