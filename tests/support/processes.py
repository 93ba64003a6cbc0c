"""Halite's real processes around a fresh database, for tests that kill, freeze and restart them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Iterator, Sequence

import pytest
from pytest_django import DjangoDbBlocker

from mes.runtime import programs
from mes.runtime.broker import EmbeddedBroker
from mes.runtime.child import Child, stop_together
from mes.runtime.processes import tree, wait_until
from mes.runtime.service import Service
from tests.support.cluster import Database, TestCluster, use_database

HOST = "127.0.0.1"
SITE = "halite_test_site"


class Stack:
    """Named processes on one database. Nothing is restarted behind the test's back.

    Names: `broker`, `worker-1`, `worker-2`, `sweeper`, `web`, and `postgres`, which all tests share:
    who kills it starts it again.
    """

    def __init__(self, database: Database, names: Sequence[str]) -> None:
        self.database = database
        self.port = free_port()
        self.logs = database.cluster.state.root / "stack" / database.name
        self.logs.mkdir(parents=True)
        shutil.rmtree(database.cluster.state.broker, ignore_errors=True)  # an earlier test's queue
        self.children = {name: Child(self._service(name), self.logs) for name in names}
        self.children["postgres"] = database.cluster.child

    @property
    def cluster(self) -> TestCluster:
        return self.database.cluster

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self, *names: str) -> None:
        """Start these (all that do not run, by default) and wait until they work."""
        chosen = [self.children[name] for name in names or self.children if not self.running(name)]
        for child in chosen:
            child.start()
        for child in chosen:
            child.wait_ready()
            if child.service.name.startswith("worker"):
                assert wait_until(lambda child=child: "ready." in child.log.read_text(), 60), (
                    child.last_words()
                )

    def running(self, name: str) -> bool:
        return self.children[name].is_running()

    def kill(self, name: str) -> None:
        """SIGKILL a process and all its descendants at once, and see it gone."""
        self._signal(name, signal.SIGKILL)
        assert wait_until(lambda: not self.running(name), 10)

    def pause(self, name: str) -> None:
        """SIGSTOP: it lives, holds its locks and connections, and does nothing."""
        self._signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)

    def stop(self, *names: str) -> None:
        """Stop these in order, as the supervisor would; all but PostgreSQL by default."""
        stop_together([self.children[name] for name in names or self.children if name != "postgres" or names])

    def log(self, name: str) -> str:
        return self.children[name].log.read_text(errors="replace")

    def _signal(self, name: str, number: int) -> None:
        for process in tree(self.children[name].pid):
            with contextlib.suppress(ProcessLookupError):  # a backend may end meanwhile
                os.kill(process.pid, number)

    def _service(self, name: str) -> Service:
        environment = self.database.environment
        if name == "broker":
            broker = EmbeddedBroker(self.database.cluster.state)
            broker.prepare()
            return broker.service()
        if name == "web":
            return programs.web(HOST, self.port, environment)
        if name == "sweeper":
            return programs.sweeper(environment)
        return programs.worker(int(name.removeprefix("worker-")), environment)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def run_stack(database: Database, names: Sequence[str]) -> Iterator[Stack]:
    stack = Stack(database, names)
    try:
        stack.start()
        yield stack
    finally:
        for name in stack.children:
            if stack.running(name):
                stack.resume(name)
        stack.stop()
        # Later tests share the cluster.
        if not stack.running("postgres"):
            stack.start("postgres")


@pytest.fixture
def stack(fresh_database: Database) -> Iterator[Stack]:
    """Broker, two workers and the sweeper."""
    yield from run_stack(fresh_database, ["broker", "worker-1", "worker-2", "sweeper"])


@pytest.fixture
def web_stack(fresh_database: Database) -> Iterator[Stack]:
    """Everything, with the web server at `.url`."""
    yield from run_stack(fresh_database, ["broker", "worker-1", "worker-2", "sweeper", "web"])


@pytest.fixture(scope="session")
def site_processes(
    cluster: TestCluster, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Stack]:
    """The processes of `live_site`: started once, since a web server takes longer to start than a page to open."""
    with django_db_blocker.unblock():
        yield from run_stack(Database(cluster.clone(SITE), cluster), ["web", "sweeper"])


@pytest.fixture
def live_site(site_processes: Stack, django_db_blocker: DjangoDbBlocker) -> Iterator[Stack]:
    """The web server at `.url`, with the sweeper as the only evaluator: enough for pages. The database is new."""
    cluster = site_processes.cluster
    with django_db_blocker.unblock():
        cluster.drop(SITE)
        restore = use_database(cluster.clone(SITE))
        yield site_processes
        restore()
