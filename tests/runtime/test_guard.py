"""Whoever is killed, nothing survives: real processes, real SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mes.runtime.processes import wait_until
from mes.runtime.state import PROJECT_DIR

pytestmark = [pytest.mark.flow, pytest.mark.alone]
PROGRAM = Path(__file__).with_name("guarded_sleepers.py")
# Orphans that take 50 to 110 ms to end, so that some end while the guard is counting; then what is left to reap.
SLOW_TO_END = """
import os, subprocess, sys, time
from mes.runtime.guard import end_orphans
from mes.runtime.processes import become_subreaper
become_subreaper()
slow = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep({}), sys.exit()));"
slow += " print(flush=True); time.sleep(30)"
left = []
for milliseconds in range(50, 110, 4):
    code = slow.format(milliseconds / 1000)
    child = subprocess.Popen([sys.executable, "-SE", "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    child.stdout.readline()
    end_orphans()
    try:
        left.append(os.waitpid(-1, os.WNOHANG))
    except ChildProcessError:
        pass
print("left", left)
"""


class Guarded:
    """The program under test, its output, and every process it has started."""

    def __init__(self, directory: Path) -> None:
        self.output = directory / "output"
        with self.output.open("w") as output:
            self.guard = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(directory)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)},
            )
        assert wait_until(lambda: "started" in self.text(), 20), self.text()
        assert wait_until(lambda: len(self.find("# grandchild")) > 0, 10)
        self.supervisor = psutil.Process(self.guard.pid).children()[0]
        self.everyone = [*psutil.Process(self.guard.pid).children(recursive=True)]

    def text(self) -> str:
        return self.output.read_text()

    def find(self, text: str) -> list[psutil.Process]:
        found = psutil.Process(self.guard.pid).children(recursive=True)
        return [process for process in found if text in " ".join(process.cmdline())]

    def survivors(self) -> list[psutil.Process]:
        return [p for p in self.everyone if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    guarded = Guarded(tmp_path)
    yield guarded
    for process in guarded.survivors():
        process.kill()
    guarded.guard.kill()
    guarded.guard.wait()


def test_a_signal_to_the_guard_stops_everything_in_order(guarded: Guarded) -> None:
    began = time.monotonic()
    guarded.guard.send_signal(signal.SIGINT)
    assert guarded.guard.wait(10) == 0
    assert time.monotonic() - began < 6
    assert "stopped in" in guarded.text()
    assert guarded.survivors() == []


def test_a_killed_supervisor_leaves_no_orphan(guarded: Guarded) -> None:
    guarded.supervisor.kill()
    assert guarded.guard.wait(15) == 128 + signal.SIGKILL
    assert guarded.survivors() == []


def test_an_error_of_the_supervisor_is_printed() -> None:
    code = "from mes.runtime.guard import run_guarded; print('code', run_guarded(lambda: 1 // 0))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "code 1\n"
    assert "ZeroDivisionError" in done.stderr


def test_not_even_a_zombie_is_left_for_init() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLOW_TO_END],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "left []\n"


def test_a_killed_guard_makes_the_supervisor_stop_everything(guarded: Guarded) -> None:
    guarded.guard.kill()
    assert wait_until(lambda: "stopped in" in guarded.text(), 10)
    assert wait_until(lambda: not [p for p in guarded.survivors() if p != guarded.supervisor], 5)


def test_a_second_signal_does_not_wait_for_anybody(guarded: Guarded) -> None:
    guarded.guard.send_signal(signal.SIGINT)
    time.sleep(0.2)
    guarded.guard.send_signal(signal.SIGINT)
    guarded.guard.wait(10)
    assert guarded.survivors() == []


def test_a_process_that_keeps_dying_is_restarted_ever_slower_and_named(guarded: Guarded) -> None:
    assert wait_until(lambda: "dying KEEPS DYING (4 times in a row, code 3)" in guarded.text(), 20)
    assert guarded.text().count("dying ended with code 3: starting it again") == 3
    assert "no such file (see " in guarded.text()
