"""`manage.py runstack`, what `make run` executes: the whole installation, started, hurt and stopped."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mes.runtime.processes import wait_until
from mes.runtime.state import CONTENTS, PROJECT_DIR
from tests.support.processes import HOST, free_port

pytestmark = [pytest.mark.flow, pytest.mark.alone, pytest.mark.slow, pytest.mark.timeout(300)]

FIRST_START_SECONDS, SECOND_START_SECONDS, STOP_SECONDS = 120, 30, 15
CHILDREN = ("postgres", "valkey-server", "granian", "worker-1", "worker-2", "sweep", "simulate")


class Installation:
    """One state directory and the runs on it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.runs: list[Run] = []

    def start(self, **environment: str) -> Run:
        output = self.directory.parent / f"{self.directory.name}-{len(self.runs) + 1}.out"
        self.runs.append(Run(self, output, environment))
        return self.runs[-1]

    def stop_what_runs(self) -> None:
        """What a failed test left."""
        for run in self.runs:
            if run.guard.poll() is None:
                run.stop()


class Run:
    """One `runstack`: its guard, its output."""

    def __init__(self, installation: Installation, output: Path, environment: dict[str, str]) -> None:
        self.output = output
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("HALITE_", "DATABASE_"))
        }
        with output.open("wb") as file:
            self.guard = subprocess.Popen(
                [sys.executable, "manage.py", "runstack"],
                cwd=PROJECT_DIR,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={
                    **inherited,
                    "HALITE_DIR": str(installation.directory),
                    "HALITE_PORT": str(installation.port),
                    **environment,
                },
            )

    def text(self) -> str:
        return self.output.read_text()

    def ready(self, seconds: float) -> bool:
        done = wait_until(lambda: "ready in" in self.text() or self.guard.poll() is not None, seconds)
        return done and self.guard.poll() is None

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.guard.pid).children(recursive=True)

    def child_pid(self, name: str) -> int | None:
        """Pid of the supervisor's child whose command line names it."""
        for child in psutil.Process(self.guard.pid).children()[0].children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if name in " ".join(child.cmdline()):
                    return child.pid
        return None

    def stop(self) -> int:
        self.guard.send_signal(signal.SIGINT)
        return self.guard.wait(STOP_SECONDS)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(Path(os.environ["HALITE_DIR"]) / tmp_path_factory.mktemp("run").name)
    yield installation
    installation.stop_what_runs()


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def test_it_starts_on_nothing_refuses_a_double_and_stops_within_seconds(installation: Installation) -> None:
    run = installation.start()
    assert run.ready(FIRST_START_SECONDS), run.text()
    assert answers(installation.port)
    assert all(run.child_pid(name) for name in CHILDREN)

    double = installation.start()
    assert double.guard.wait(30) == 1
    assert f"Halite already runs in {installation.directory}" in double.text()

    assert {path.name for path in installation.directory.iterdir()} <= set(
        CONTENTS
    )  # all that a reset deletes

    everyone = run.descendants()
    assert run.stop() == 0
    assert not [process for process in everyone if process.is_running()]
    assert not answers(installation.port)


def test_the_next_start_is_quick_and_survives_the_death_of_its_parts(installation: Installation) -> None:
    began = time.monotonic()
    run = installation.start()
    assert run.ready(SECOND_START_SECONDS), run.text()
    assert time.monotonic() - began < SECOND_START_SECONDS
    assert "did not stop in order" not in run.text()

    killed_children_come_back(run, installation)

    # A killed supervisor leaves nothing, and the next start recovers.
    everyone = run.descendants()
    psutil.Process(run.guard.pid).children()[0].kill()
    assert run.guard.wait(STOP_SECONDS) == 128 + signal.SIGKILL
    assert not [process for process in everyone if process.is_running()]
    again = installation.start()
    assert again.ready(SECOND_START_SECONDS), again.text()
    assert "the last run did not stop in order; recovering" in again.text()
    assert again.stop() == 0


def killed_children_come_back(run: Run, installation: Installation) -> None:
    before = {name: run.child_pid(name) for name in ("postgres", "valkey-server", "granian", "worker-1")}
    for pid in filter(None, before.values()):
        os.kill(pid, signal.SIGKILL)

    def all_new() -> bool:
        return all(run.child_pid(name) not in (None, pid) for name, pid in before.items())

    assert wait_until(all_new, 30), run.text()
    assert wait_until(lambda: answers(installation.port), 30), run.text()
    assert "postgres ended with signal 9: starting it again" in run.text()


def test_a_taken_port_is_one_clear_line(installation: Installation) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = installation.start(HALITE_PORT=str(port))
        assert run.guard.wait(30) == 1
    assert f"port {port} of 127.0.0.1 cannot be used" in run.text()
    assert "HALITE_PORT" in run.text()
    assert "Traceback" not in run.text()


def test_what_nobody_foresaw_is_said_and_everything_stops(installation: Installation) -> None:
    log = installation.directory / "log"
    log.mkdir(parents=True, exist_ok=True)
    aside = log.rename(log.with_name("log-aside"))
    log.write_text("a file where the logs belong")
    try:
        run = installation.start()
        assert run.guard.wait(30) == 1
    finally:
        log.unlink()
        aside.rename(log)
    assert "cannot go on: [Errno 17] File exists" in run.text() and "log" in run.text()
    assert "stopped in" in run.text()
