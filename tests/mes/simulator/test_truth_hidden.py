"""The declared truth is out of reach of whoever judges the line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import ProgrammingError, connections

from mes.simulator.faults import Fault, FaultPlan
from mes.simulator.model import LineModel
from mes.simulator.store import TruthStore
from tests.support.cluster import Database

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
TABLES = ("run", "fault", "latent")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", ["SELECT * FROM {}", "INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}"])
def test_the_application_cannot_touch_the_truth(fresh_database: Database, table: str, statement: str) -> None:
    with (
        connections["default"].cursor() as cursor,
        pytest.raises(ProgrammingError, match="permission denied for schema simulator_truth"),
    ):
        cursor.execute(statement.format(f"simulator_truth.{table}"))


def test_a_run_is_stored_and_grows(fresh_database: Database) -> None:
    store = TruthStore.begin("test", seed=5, site_started_at=START)
    assert store.prefix == f"R{store.run_id:03d}"
    model = LineModel(5, START, (FaultPlan(Fault.SOLIDS_HIGH, first_pair=0),), pairs=1, prefix=store.prefix)
    store.keep(model.truth, model.latents)
    assert stored("SELECT affected_lots FROM simulator_truth.fault") == [([],)]
    list(model.undisturbed())
    store.keep(model.truth, model.latents)
    store.keep(model.truth, model.latents)
    assert stored("SELECT fault, affected_lots FROM simulator_truth.fault") == [
        ("solids_high", [f"{store.prefix}-SC-0001"])
    ]
    assert stored("SELECT count(*) FROM simulator_truth.latent") == [(len(model.latents),)]


def test_the_simulator_forgets_nothing(fresh_database: Database) -> None:
    TruthStore.begin("test", seed=5, site_started_at=START)
    with (
        connections["simulator"].cursor() as cursor,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        cursor.execute("DELETE FROM simulator_truth.run")


def stored(statement: str) -> list[tuple[object, ...]]:
    with connections["simulator"].cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
