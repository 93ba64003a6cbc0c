"""Two clients race, one to hold a lot and one to move it; a held lot never moves (I5), a hold misses no child (I7).

Who came first is read from the database's commit timestamps. The guard makes the two transactions wait for each
other, so the order is certain: a movement committed after its lot's hold is a held lot that moved.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from lots.actions.place_hold import HeldExtent
from lots.models import GenealogyLink, Lot, MaterialDefinition, StepExecution
from quality.actions.gate import GateRefused
from quality.actions.hold import hold_by_hand
from quality.actions.run_step import StepRefused
from quality.actions.taking import Input
from tests.support.builders import Plant, make_plant, publish
from tests.support.cluster import Database

pytestmark = pytest.mark.slow

LEVELS = {
    "read committed": (psycopg.IsolationLevel.READ_COMMITTED, 300),
    "repeatable read": (psycopg.IsolationLevel.REPEATABLE_READ, 100),
    "serializable": (psycopg.IsolationLevel.SERIALIZABLE, 100),
}
# Serialization failure, deadlock: the client tries again, or gives up; nothing has happened.
RETRY = {"40001", "40P01"}
PATIENCE = 30.0

Deed = Callable[[Lot], object]


@dataclass
class Race:
    """One deed against holds of the same lots, a round for each lot. `moved` and `held`: lot → transaction."""

    plant: Plant
    lots: Sequence[Lot]
    level: psycopg.IsolationLevel
    move: Deed
    longest_skew_s: float
    moved: dict[int, int] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    errors: list[BaseException] = field(default_factory=list)

    def run(self) -> None:
        barrier = threading.Barrier(2, timeout=PATIENCE)
        clients = [
            threading.Thread(target=self._client, args=(barrier, seed, deed))
            for seed, deed in enumerate((self._move, self._hold))
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        if self.errors:
            raise self.errors[0]

    def late(self) -> int:
        """Lots that moved after they were held."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM unnest(%s::text[], %s::text[]) AS pair (moved, held)"
                " WHERE pg_xact_commit_timestamp(moved::xid) > pg_xact_commit_timestamp(held::xid)",
                [
                    [str(self.moved[key]) for key in sorted(self.moved)],
                    [str(self.held[key]) for key in sorted(self.moved)],
                ],
            )
            return int(cursor.fetchone()[0])

    def _client(self, barrier: threading.Barrier, seed: int, deed: Deed) -> None:
        chance = random.Random(seed)
        try:
            connection.ensure_connection()
            connection.connection.isolation_level = self.level
            for lot in self.lots:
                barrier.wait()
                time.sleep(chance.uniform(0, self.longest_skew_s))
                deed(lot)
        except BaseException as error:
            self.errors.append(error)
            barrier.abort()
            raise
        finally:
            connections.close_all()

    def _move(self, lot: Lot) -> None:
        try:
            self.moved[lot.pk] = committed(lambda: self.move(lot))
        except (GateRefused, StepRefused):
            self.refusals["by the gate"] += 1
        except DatabaseError as error:
            state = error.__cause__.sqlstate
            if state != "HL001" and state not in RETRY:
                raise
            self.refusals["by the guard" if state == "HL001" else "by the isolation level"] += 1

    def _hold(self, lot: Lot) -> None:
        """A hold is tried until it is in place."""
        while True:
            try:
                self.held[lot.pk] = committed(lambda: hold(self.plant, lot))
                return
            except DatabaseError as error:
                if error.__cause__.sqlstate not in RETRY:
                    raise


def committed(deed: Callable[[], object]) -> int:
    """Do it in one transaction; the transaction's number."""
    with transaction.atomic(), connection.cursor() as cursor:
        deed()
        cursor.execute("SELECT pg_current_xact_id()::text")
        return int(cursor.fetchone()[0])


def hold(plant: Plant, lot: Lot) -> None:
    hold_by_hand(
        [HeldExtent(lot.pk)], site=plant.site, reason="race", user=plant.operator, now=timezone.now()
    )


def make_lots(plant: Plant, number: int, material: str, *, length_mm: int | None = None) -> list[Lot]:
    kind = MaterialDefinition.objects.get(code=material)
    return Lot.objects.bulk_create(
        Lot(
            site=plant.site,
            code=plant.code("RACE"),
            material=kind,
            product_revision=None if material == "T-RAW" else plant.product,
            work_order=None if material == "T-RAW" else plant.order,
            quantity=100,
            length_mm=length_mm,
            created_at=timezone.now(),
            created_by=plant.operator,
        )
        for _ in range(number)
    )


def start_step(plant: Plant) -> Deed:
    return lambda lot: plant.start(lot, "mixing")


def consume(plant: Plant) -> Deed:
    return lambda lot: plant.lot(inputs=[Input(parent=lot.code, quantity=Decimal(1))])


def split(plant: Plant) -> Deed:
    kind = GenealogyLink.Kind.SPLIT
    return lambda lot: plant.lot(
        "T-RAW",
        length_mm=500,
        inputs=[Input(parent=lot.code, quantity=Decimal(1), kind=kind, from_mm=0, to_mm=500)],
    )


def raw_movement(plant: Plant) -> Deed:
    """What the application's role can write past all actions: its own ticket, and the movement."""

    def ship(lot: Lot) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH ticket AS (INSERT INTO lots_gatedecision (lot_id, purpose, passed, blockers, decided_at)"
                " VALUES (%s, 'ship', true, '[]', now()) RETURNING id) SELECT id FROM ticket",
                [lot.pk],
            )
            ticket = cursor.fetchone()[0]
            cursor.execute(
                "INSERT INTO lots_movement (lot_id, kind, gate_decision_id, reported, moved_by_id, moved_at, reason)"
                " VALUES (%s, 'ship', %s, false, %s, now(), '')",
                [lot.pk, ticket, plant.operator.pk],
            )

    return ship


def raw_update(plant: Plant) -> Deed:
    def ship(lot: Lot) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE lots_lot SET state = 'shipped' WHERE id = %s", [lot.pk])

    return ship


def check_then_move(plant: Plant) -> Deed:
    """What everybody writes first: look for a hold, then move."""
    ship = raw_movement(plant)

    def naive(lot: Lot) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM lots_holdlot WHERE lot_id = %s AND disposition_id IS NULL", [lot.pk]
            )
            if cursor.fetchone():
                raise StepRefused("on hold")
        time.sleep(0.003)  # as long as the answer takes over a network
        ship(lot)

    return naive


# Deed, material, length of the roll; the skew is about as long as the deed, so that either may come first.
PATHS = {
    "start_step": (start_step, "T-SLURRY", None, 0.015),
    "consume": (consume, "T-RAW", None, 0.015),
    "split": (split, "T-RAW", 1_000, 0.015),
    "raw movement": (raw_movement, "T-RAW", None, 0.005),
    "raw update": (raw_update, "T-RAW", None, 0.005),
}


def race(path: str, level: str) -> Race:
    plant = make_plant()
    publish(plant)
    isolation, rounds = LEVELS[level]
    if path == "raw update":
        rounds = 100
    rounds = int(os.environ.get("HALITE_RACE_ROUNDS", rounds))
    make_deed, material, length_mm, skew_s = PATHS[path]
    lots = make_lots(plant, rounds, material, length_mm=length_mm)
    run = Race(plant, lots, isolation, make_deed(plant), skew_s)
    run.run()
    report(f"{path}, {level}: {rounds} rounds, {len(run.moved)} moved first, refused {dict(run.refusals)}")
    return run


def report(counts: str) -> None:
    print(f"\n{counts}")  # noqa: T201 - the counts are what the race measured


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("path", PATHS)
def test_held_lot_never_moves_under_racing_clients(fresh_database: Database, path: str, level: str) -> None:
    run = race(path, level)
    assert len(run.held) == len(run.lots)
    assert run.moved and run.refusals, "one side always won: that is no race"
    assert len(run.moved) + run.refusals.total() == len(run.lots)
    assert run.late() == 0
    assert StepExecution.objects.count() == (len(run.moved) if path == "start_step" else 0)
    links = GenealogyLink.objects.filter(parent__in=run.held)
    assert links.count() == (len(run.moved) if path in {"consume", "split"} else 0)
    assert not links.exclude(child__hold_members__isnull=False).exists(), "a child escaped its parent's hold"


# Under SERIALIZABLE the database itself refuses the dangerous interleavings.
@pytest.mark.parametrize("level", ["read committed", "repeatable read"])
def test_without_the_guard_the_same_race_moves_held_lots(fresh_database: Database, level: str) -> None:
    """The harness sees what the guard prevents."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE lots_movement DISABLE TRIGGER guard_movement")
    plant = make_plant()
    run = Race(plant, make_lots(plant, 100, "T-RAW"), LEVELS[level][0], check_then_move(plant), 0.005)
    run.run()
    report(f"unguarded, {level}: {len(run.lots)} rounds, {run.late()} lots moved while held")
    assert run.late() > 0
