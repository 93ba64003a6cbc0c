"""One running process of a `Service`: started with a log file, watched, stopped with its tree."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from mes.runtime.processes import in_child, kill, tree
from mes.runtime.service import Service, StartError
from mes.runtime.state import PROJECT_DIR


class Child:
    """A service's process. It may be started again after it has ended."""

    def __init__(self, service: Service, logs: Path) -> None:
        self.service = service
        self.log = logs / f"{service.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0

    @property
    def pid(self) -> int:
        if self.process is None:
            raise StartError(f"{self.service.name} was never started")
        return self.process.pid

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches the supervisor only."""
        service = self.service
        service.before_start()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(service.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=PROJECT_DIR if service.user is None else "/",
                env={**os.environ, **service.environment},
                user=service.user,
                group=service.group,
                extra_groups=None if service.user is None else [],
                start_new_session=True,
                preexec_fn=in_child(os.getpid(), service.death_signal),
            )
        self.started_at = time.monotonic()

    def exit_code(self) -> int | None:
        return None if self.process is None else self.process.poll()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def is_ready(self) -> bool:
        """Whether it answers; raises StartError when it ended instead."""
        self.check_alive()
        ready = self.service.ready(self.pid)
        self.check_alive()
        return ready

    def check_alive(self) -> None:
        code = self.exit_code()
        if code is not None:
            raise StartError(f"{self.service.name} ended with {describe_exit(code)}: {self.last_words()}")

    def start_and_wait(self) -> None:
        """Start and wait until ready; raises StartError, with the process stopped, otherwise."""
        self.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        deadline = self.started_at + self.service.ready_seconds
        while not self.is_ready():
            if time.monotonic() >= deadline:
                self.stop()
                waited = f"{self.service.ready_seconds:.0f} s"
                raise StartError(f"{self.service.name} did not answer in {waited}: {self.last_words()}")
            time.sleep(0.05)

    def stop(self) -> None:
        stop_together([self])

    def end_leftovers(self) -> None:
        """Kill what a process that ended by itself has left of its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """The last line of the log, with the place of the rest."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 4096))
                lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        except FileNotFoundError:
            lines = []
        return f"{lines[-1].strip() if lines else 'no message'} (see {self.log})"


def stop_together(children: Sequence[Child]) -> None:
    """Tell all at once, give each its grace, then kill what is left of their process trees."""
    started = [(child, child.process) for child in children if child.process is not None]
    members = {process.pid: tree(process.pid) for _, process in started}
    for child, process in started:
        if process.poll() is None:
            process.send_signal(child.service.stop_signal)
            process.send_signal(signal.SIGCONT)  # a stopped process cannot act on the signal
    told_at = time.monotonic()
    for child, process in started:
        grace = told_at + child.service.grace_seconds - time.monotonic()
        try:
            process.wait(max(grace, 0.0))
        except subprocess.TimeoutExpired:
            members[process.pid] += tree(process.pid)
        kill(members[process.pid])
        process.wait()


def describe_exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
