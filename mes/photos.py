"""Photographs of cases: pictures told by their content, at most 10 MB each."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from mes.storage import fetch, keep
from quality.actions.post_mortem import StoredPhoto

MAX_BYTES = 10_000_000
SIGNS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class NoPhoto(Exception):
    """The file is no picture that can be kept; the message names the fix."""


def keep_photo(content: bytes) -> StoredPhoto:
    """Store a picture. Raises NoPhoto for what is too large, or neither PNG nor JPEG by its content."""
    if len(content) > MAX_BYTES:
        raise NoPhoto(f"photo: at most {MAX_BYTES // 1_000_000} MB; save it smaller")
    media_type = next((kind for sign, kind in SIGNS.items() if content.startswith(sign)), None)
    if media_type is None:
        raise NoPhoto("photo: it is neither a JPEG nor a PNG picture")
    return StoredPhoto(keep(content, _folder(), ".picture"), len(content), media_type)


def load_photo(sha256: str) -> bytes:
    """The picture stored under a digest. Raises mes.storage.FileLost."""
    return fetch(sha256, _folder(), ".picture")


def _folder() -> Path:
    return Path(settings.CURVES_DIR) / "photos"
