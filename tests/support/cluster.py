"""The PostgreSQL of one test run: a migrated template and cheap clones of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from django.core.management import call_command, get_commands
from django.db import connections
from psycopg import sql

from mes.runtime.child import Child
from mes.runtime.postgres import OWNER, EmbeddedPostgres
from mes.runtime.state import StateDirectory
from tests.support import kept

TEMPLATE = "halite_test_template"
AUTOVACUUM_OFF = """
DO $$ DECLARE name regclass; BEGIN
    FOR name IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', name);
    END LOOP;
END $$
"""


class TestCluster:
    """An embedded PostgreSQL in a directory of its own. Not durable: tests kill processes, not machines."""

    __test__ = False

    def __init__(self, directory: Path) -> None:
        self.state = StateDirectory(directory)
        self.server = EmbeddedPostgres(self.state, durable=False)
        self.state.logs.mkdir(parents=True, exist_ok=True)
        self._clones = 0

    def start(self) -> None:
        """Start the server with its template, migrated by an earlier process or now."""
        with kept.one_at_a_time():
            code = kept.digest()
            found = kept.take(code, into=self.state.postgres)
            self.server.prepare()
            service = self.server.service()
            # Tests of races ask which of two transactions was committed first.
            service = replace(service, command=[*service.command, "-c", "track_commit_timestamp=on"])
            self.child = Child(service, self.state.logs)
            self.child.start_and_wait()
            if not found:
                self._create_template()
                self.child.stop()
                kept.keep(code, self.state.postgres)
                self.child.start_and_wait()

    def stop(self) -> None:
        self.child.stop()

    def _create_template(self) -> None:
        """Migrate as the owner and load the masters as the application."""
        self.server.create_roles_and_database(TEMPLATE)
        restore = use_database(TEMPLATE)
        try:
            call_command("migrate", verbosity=0)
            if "load_masters" in get_commands():
                call_command("load_masters", verbosity=0)
        finally:
            restore()

    def clone(self, name: str = "") -> str:
        """A new database like the template; its name.

        By files, which takes a checkpoint: through the log, a sequence would begin again at its old value after a kill.
        """
        self._clones += 1
        name = name or f"halite_test_{self._clones}"
        with self.server.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(TEMPLATE)
                )
            )
        return name

    def clone_to_roll_back(self) -> str:
        """A clone without autovacuum, which would note rolled back tables as empty: then all is planned for one row."""
        name = self.clone()
        with self.server.connect(dbname=name) as connection:
            connection.execute(AUTOVACUUM_OFF)
        return name

    def drop(self, name: str) -> None:
        with self.server.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass(frozen=True)
class Database:
    """A database of one test alone, and the environment that points other processes at it."""

    name: str
    cluster: TestCluster

    @property
    def environment(self) -> dict[str, str]:
        state = self.cluster.state
        return {
            "DATABASE_URL": state.database_url("halite_app", name=self.name),
            "DATABASE_OWNER_URL": state.database_url("halite_owner", name=self.name),
            "DATABASE_SIMULATOR_URL": state.database_url("halite_simulator", name=self.name),
        }


def use_database(name: str) -> Callable[[], None]:
    """Point every Django alias, in all threads, at a database of the cluster; returns the way back."""
    connections.close_all()
    before = {alias: str(connections.settings[alias]["NAME"]) for alias in connections}
    for alias in connections:
        _rename(alias, name)

    def restore() -> None:
        connections.close_all()
        for alias, old in before.items():
            _rename(alias, old)

    return restore


def _rename(alias: str, name: str) -> None:
    connections.settings[alias]["NAME"] = name
    connections[alias].settings_dict["NAME"] = name
