"""`make reset`: delete all data of one installation and start over."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from mes.runtime.lock import InstanceLock
from mes.runtime.service import StartError
from mes.runtime.state import CONTENTS, StateDirectory

# Every installation has one of these; a directory without either is not ours to delete from.
MARKS = ("halite.lock", "secret_key")


def main() -> int:
    state = StateDirectory.from_environment()
    root = state.root
    if not root.exists() and not state.postgres.exists():
        print(f"halite: nothing to reset, {root} does not exist")
        return 0
    if root.exists() and any(root.iterdir()) and not any((root / mark).exists() for mark in MARKS):
        print(f"halite: {root} does not look like a Halite directory: check HALITE_DIR", file=sys.stderr)
        return 1
    if os.environ.get("CONFIRM") != "1" and not _confirmed(state):
        print("halite: nothing deleted (CONFIRM=1 answers yes)", file=sys.stderr)
        return 1
    # Taken together before anything goes: where the database lies follows from the directory's permissions.
    doomed = [state.postgres_socket_dir, state.broker_socket.parent, state.postgres]
    try:
        lock = InstanceLock.acquire(state.lock, "resetting")
    except StartError as error:
        print(f"halite: cannot reset: {error}", file=sys.stderr)
        return 1
    left = _delete([*doomed, *(root / name for name in CONTENTS)])
    lock.release()
    if left:
        print(f"halite: not everything could be deleted: {'; '.join(left)}", file=sys.stderr)
        return 1
    if others := sorted(path.name for path in root.iterdir()):
        print(
            f"halite: deleted all data in {root}; left alone, because Halite did not make it: {', '.join(others)}"
        )
        return 0
    if not root.is_symlink():
        root.rmdir()
    print(f"halite: deleted all data in {root}")
    return 0


def _delete(paths: Iterable[Path]) -> list[str]:
    """Delete files and directories; in words, what could not be deleted."""
    left: list[str] = []
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, onerror=lambda _function, name, error: left.append(f"{name}: {error[1]}"))
            continue
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            left.append(f"{path}: {error}")
    return left


def _confirmed(state: StateDirectory) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"Delete all data in {state.root}? Type yes: ").strip().lower() == "yes"


if __name__ == "__main__":
    raise SystemExit(main())
