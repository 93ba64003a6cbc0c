"""`make reset`: delete all data of one installation and start over."""

from __future__ import annotations

import os
import shutil
import sys

from mes.runtime.lock import InstanceLock
from mes.runtime.service import StartError
from mes.runtime.state import StateDirectory

# A directory without any of these is not ours to delete.
MARKS = ("halite.lock", "secret_key", "postgres", "log")


def main() -> int:
    state = StateDirectory.from_environment()
    doomed = [path for path in (state.root, state.postgres) if path.exists()]
    if not doomed:
        print(f"halite: nothing to reset, {state.root} does not exist")
        return 0
    if (
        state.root.exists()
        and any(state.root.iterdir())
        and not any((state.root / m).exists() for m in MARKS)
    ):
        print(
            f"halite: {state.root} does not look like a Halite directory: check HALITE_DIR", file=sys.stderr
        )
        return 1
    if os.environ.get("CONFIRM") != "1" and not _confirmed(state):
        print("halite: nothing deleted (CONFIRM=1 answers yes)", file=sys.stderr)
        return 1
    try:
        lock = InstanceLock.acquire(state.lock, "resetting")
    except StartError as error:
        print(f"halite: cannot reset: {error}", file=sys.stderr)
        return 1
    for path in (state.postgres_socket_dir, state.broker_socket.parent, state.postgres, state.root):
        shutil.rmtree(path, ignore_errors=True)
    lock.release()
    print(f"halite: deleted all data in {state.root}")
    return 0


def _confirmed(state: StateDirectory) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"Delete all data in {state.root}? Type yes: ").strip().lower() == "yes"


if __name__ == "__main__":
    raise SystemExit(main())
