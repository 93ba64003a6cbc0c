"""The outermost process: whatever happens to the supervisor, nothing it started survives it.

The guard is a child subreaper, so that every orphan becomes its child. It forks the supervisor,
passes signals on, and when the supervisor is gone, also by SIGKILL, ends and reaps what is left.
If the guard itself is killed, the kernel sends SIGTERM to the supervisor.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from types import FrameType

import psutil

from mes.runtime.processes import become_subreaper, die_with_parent

# The supervisor's own graces add up to less.
SUPERVISOR_GRACE_SECONDS = 30
ORPHAN_GRACE_SECONDS = 4.0


def run_guarded(supervise: Callable[[], int], *, stop_with_parent: bool = False) -> int:
    """Fork, run `supervise` in the child, clean up behind it; the exit code to end with."""
    parent = os.getppid()
    if stop_with_parent:
        die_with_parent(signal.SIGTERM)
        if os.getppid() != parent:
            return 1
    become_subreaper()
    guard = os.getpid()
    pid = os.fork()
    if pid == 0:
        _run_supervisor(supervise, guard)

    def pass_on(number: int, frame: FrameType | None) -> None:
        _signal(pid, signal.SIGTERM)
        signal.alarm(SUPERVISOR_GRACE_SECONDS)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    signal.signal(signal.SIGALRM, lambda *_: _signal(pid, signal.SIGKILL))

    status = _reap_until(pid)
    signal.alarm(0)
    end_orphans()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def end_orphans() -> None:
    """End every descendant of this process, politely, then not, and reap it: none is left, not even a zombie."""
    deadline = time.monotonic() + ORPHAN_GRACE_SECONDS
    told: set[psutil.Process] = set()
    while _reap_the_ended():
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if time.monotonic() >= deadline:
                    process.kill()
                elif process not in told:
                    told.add(process)
                    process.terminate()
                    process.resume()
        time.sleep(0.05)


def _reap_the_ended() -> bool:
    """Reap every child that has ended; False once none is left. As subreaper we inherit all descendants."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _run_supervisor(supervise: Callable[[], int], guard: int) -> None:
    # Ctrl-C reaches the guard alone, which passes it on once.
    os.setsid()
    die_with_parent(signal.SIGTERM)
    if os.getppid() != guard:
        os._exit(1)
    code = 1
    try:
        code = supervise()
    except BaseException:  # noqa: BLE001  the exit below would swallow it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _reap_until(pid: int) -> int:
    """Reap children, adopted orphans included, until this one ends; its status."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            return status


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
