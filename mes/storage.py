"""Files named by the SHA-256 of their content, below one directory.

A file is written beside its place and renamed into it, so that a reader never sees half of it; the same content is
stored once.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

_NAME = re.compile(r"^[0-9a-f]{64}$")


class FileLost(Exception):
    """The stored file is not there or is not what its name says; the message goes on after the kind of file."""


def keep(content: bytes, folder: Path, suffix: str) -> str:
    """Store the content; returns the name under which it lies."""
    name = hashlib.sha256(content).hexdigest()
    place = _place(name, folder, suffix)
    if place.exists():
        return name
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=place.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(place)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return name


def fetch(name: str, folder: Path, suffix: str) -> bytes:
    """The content stored under a name. Raises FileLost."""
    place = _place(name, folder, suffix)
    try:
        content = place.read_bytes()
    except OSError as error:
        raise FileLost(f"{name[:12]} is not in storage: restore it from the backup") from error
    if hashlib.sha256(content).hexdigest() != name:
        raise FileLost(f"{name[:12]} was changed in storage: restore it from the backup")
    return content


def _place(name: str, folder: Path, suffix: str) -> Path:
    if not _NAME.match(name):
        raise FileLost("is named by 64 hexadecimal digits")
    return folder / name[:2] / f"{name}{suffix}"
