"""One running Halite per state directory: a lock the kernel releases when its holders die."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from mes.runtime.service import StartError


@dataclass(frozen=True)
class InstanceLock:
    """The held lock. A crash leaves the file's text behind, which is how the next start can tell."""

    descriptor: int
    crashed_last_time: bool

    @classmethod
    def acquire(cls, path: Path, owner: str) -> InstanceLock:
        """Take the lock, or raise StartError naming who holds it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = path.read_text().strip() or "starting"
            os.close(descriptor)
            raise StartError(
                f"Halite already runs in {path.parent} ({holder}): stop it there, "
                "or set HALITE_DIR and HALITE_PORT for a second one"
            ) from None
        crashed = os.fstat(descriptor).st_size > 0
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, owner.encode(), 0)
        return cls(descriptor, crashed)

    def release(self) -> None:
        """Say that the stop was orderly, and let go."""
        os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)
