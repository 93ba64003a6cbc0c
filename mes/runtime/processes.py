"""Process handling through the kernel: parent death signals, subreaper, whole process trees."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable

import psutil

_libc = ctypes.CDLL(None, use_errno=True)

# Numbers from <linux/prctl.h>.
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Ask the kernel to send this process a signal when the thread that started it ends."""
    _prctl(PR_SET_PDEATHSIG, number)


def die_with_supervisor() -> None:
    """Tie a worker of a supervised process to its parent; elsewhere do nothing."""
    if os.environ.get("HALITE_SUPERVISED") == "1":
        die_with_parent()


def become_subreaper() -> None:
    """Make orphaned descendants children of this process instead of init's."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def in_child(parent_pid: int, death_signal: int) -> Callable[[], None]:
    """A `preexec_fn`: the child gets the signal when its parent dies, even if that was just now.

    It runs after the change of user, which clears the death signal.
    """

    def prepare() -> None:
        die_with_parent(death_signal)
        if os.getppid() != parent_pid:
            os._exit(1)

    return prepare


def tree(pid: int) -> list[psutil.Process]:
    """A process and its descendants, in sessions of their own too (PostgreSQL backends)."""
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL whatever of these is still the same living process."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def wait_until(condition: Callable[[], bool], timeout_seconds: float, *, poll_seconds: float = 0.05) -> bool:
    """Poll a condition; False when it did not hold within the time."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(poll_seconds)
    return True


def _prctl(option: int, argument: int) -> None:
    if _libc.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl option {option} failed")
