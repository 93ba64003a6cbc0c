"""The migrated PostgreSQL of the last run, kept as long as the code says the same: migrating costs each process
that runs tests more than most tests do."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mes.runtime.state import PROJECT_DIR

PLACE = PROJECT_DIR / ".pytest_cache" / "halite-postgres"
CODE = ("lots", "spc", "quality", "mes", "tests/support")


def digest() -> str:
    """Of every file that could change what a migrated database holds: all of the code, and the pinned versions."""
    found = hashlib.sha256()
    files = [path for package in CODE for path in (PROJECT_DIR / package).rglob("*") if path.is_file()]
    for path in sorted([*files, *PROJECT_DIR.glob("requirements*.txt")]):
        if "__pycache__" not in path.parts:
            found.update(f"{path.relative_to(PROJECT_DIR)}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:20]


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """The second process waits for what the first one builds."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def take(code: str, into: Path) -> bool:
    """Copy what is kept for this digest; whether there was any."""
    kept = PLACE / code
    if kept.exists():
        _copy(kept, into)
    return kept.exists()


def keep(code: str, directory: Path) -> None:
    """Keep a copy for this digest, and none for others. The server in it must have been stopped."""
    unfinished = PLACE / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    _copy(directory, unfinished)
    for outdated in PLACE.iterdir():
        if outdated.is_dir() and outdated != unfinished:
            shutil.rmtree(outdated)
    unfinished.rename(PLACE / code)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)  # with its owners
