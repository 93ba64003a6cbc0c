"""A temporary Halite of the benchmark's own: PostgreSQL, databases with the demo line, processes where needed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from mes.runtime import programs
from mes.runtime.broker import EmbeddedBroker
from mes.runtime.child import Child, stop_together
from mes.runtime.postgres import DATABASE, OWNER, EmbeddedPostgres
from mes.runtime.processes import wait_until
from mes.runtime.service import Service
from mes.runtime.state import StateDirectory

WORKER_READY_SECONDS = 60


class Installation:
    """One embedded PostgreSQL, as durable as in production, and a migrated database with the demo line to clone."""

    def __init__(self, root: Path) -> None:
        self.state = StateDirectory(root)
        self.server = EmbeddedPostgres(self.state)
        self._postgres: Child | None = None
        self._clones = 0

    def start(self) -> None:
        """Start the server, configure Django for it and load the demo line; once."""
        if self._postgres is not None:
            return
        # The database's user must pass through.
        self.state.root.chmod(0o711)
        self.state.logs.mkdir()
        for name in (
            "DATABASE_URL",
            "DATABASE_OWNER_URL",
            "DATABASE_SIMULATOR_URL",
            "REDIS_URL",
            "SECRET_KEY",
        ):
            os.environ.pop(name, None)
        os.environ.update(
            DJANGO_SETTINGS_MODULE="mes.settings",
            HALITE_PROFILE="demo",
            HALITE_DIR=str(self.state.root),
            HALITE_LOG_LEVEL="ERROR",
            HALITE_PROCESS="benchmark",
        )
        self.server.prepare()
        self._postgres = Child(self.server.service(), self.state.logs)
        self._postgres.start_and_wait()
        self.server.create_roles_and_database()
        self._load()

    def stop(self) -> None:
        if self._postgres is None:
            return
        _close_connections()
        self._postgres.stop()
        shutil.rmtree(self.state.postgres, ignore_errors=True)  # not always below the temporary directory

    @contextmanager
    def database(self) -> Iterator[str]:
        """The name of a fresh clone, with Django's connections pointed at it; dropped afterwards."""
        self._clones += 1
        name = f"{DATABASE}_{self._clones}"
        with self.server.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    *map(sql.Identifier, (name, OWNER, DATABASE))
                )
            )
        _use_database(name)
        try:
            yield name
        finally:
            _use_database(DATABASE)
            with self.server.connect() as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def superuser(self, database: str) -> psycopg.Connection:
        """An autocommit connection past all guards, for making up history in a benchmark's own database."""
        return self.server.connect(dbname=database)

    @contextmanager
    def processes(self, database: str, names: Sequence[str]) -> Iterator[dict[str, Child]]:
        """Real child processes on a database: `broker`, `worker-1` …, `sweeper`; all work when this yields."""
        children = {name: Child(self._service(name, database), self.state.logs) for name in names}
        for child in children.values():
            child.log.unlink(missing_ok=True)
        shutil.rmtree(self.state.broker, ignore_errors=True)
        if "broker" in children:
            EmbeddedBroker(self.state).prepare()
        try:
            for child in children.values():
                child.start_and_wait()
            for name, child in children.items():
                if name.startswith("worker"):
                    _wait_for_worker(child)
            yield children
        finally:
            stop_together(list(children.values()))

    def _service(self, name: str, database: str) -> Service:
        if name == "broker":
            return EmbeddedBroker(self.state).service()
        environment = {
            "DATABASE_URL": self.state.database_url("halite_app", name=database),
            "DATABASE_OWNER_URL": self.state.database_url("halite_owner", name=database),
            "DATABASE_SIMULATOR_URL": self.state.database_url("halite_simulator", name=database),
            "HALITE_LOG_LEVEL": "INFO",  # a worker says in its log that it is ready
        }
        if name == "sweeper":
            return programs.sweeper(environment)
        return programs.worker(int(name.removeprefix("worker-")), environment)

    def _load(self) -> None:
        import django

        django.setup()
        from django.core.management import call_command
        from django.utils import timezone

        from mes.demo.load import load_demo

        call_command("migrate", verbosity=0)
        load_demo(state_directory=self.state.root, now=timezone.now())
        _close_connections()


def _wait_for_worker(child: Child) -> None:
    """A worker says in its log when it takes tasks. Raises TimeoutError."""
    if not wait_until(lambda: "ready." in child.log.read_text(), WORKER_READY_SECONDS):
        raise TimeoutError(f"{child.service.name} is not ready: {child.last_words()}")


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()


def _use_database(name: str) -> None:
    from django.db import connections

    connections.close_all()
    for alias in connections:
        connections.settings[alias]["NAME"] = name
        connections[alias].settings_dict["NAME"] = name
