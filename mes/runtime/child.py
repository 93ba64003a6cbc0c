"""One running process of a `Service`: started with a log file, watched, stopped with its tree."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from mes.runtime.processes import in_child, stop_tree
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
        deadline = time.monotonic() + self.service.ready_seconds
        while not self.is_ready():
            if time.monotonic() >= deadline:
                self.stop()
                raise StartError(
                    f"{self.service.name} did not answer within {self.service.ready_seconds:.0f} s: see {self.log}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            stop_tree(self.process, self.service.stop_signal, self.service.grace_seconds)

    def last_words(self) -> str:
        """The last line of the log, with the place of the rest."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 4096))
                lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        except FileNotFoundError:
            lines = []
        return f"{lines[-1].strip() if lines else 'no message'} (see {self.log})"


def describe_exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
