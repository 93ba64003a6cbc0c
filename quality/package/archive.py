"""The archive of a package: its files, a manifest with the hash of each, the signature, and a seal over all bytes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quality.package import offline_verifier
from quality.package.offline_verifier import MANIFEST, SEAL, SEAL_LENGTH, SIGNATURE, digest, unpacked

VERIFIER = "verify.py"
# Entries carry no time of their own: the same content packs to the same bytes.
ENTRY_TIME = (1980, 1, 1, 0, 0, 0)


def verifier() -> bytes:
    return Path(offline_verifier.__file__).read_bytes()


def pack(
    folder: str,
    files: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    signature: Mapping[str, Any] | None = None,
) -> bytes:
    """The sealed zip. `files` are those that the manifest names."""
    extra = {MANIFEST: as_json(manifest)} | ({SIGNATURE: as_json(signature)} if signature else {})
    sealed = as_json({name: digest(content) for name, content in extra.items()})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted({**files, **extra, SEAL: sealed}.items()):
            entry = zipfile.ZipInfo(f"{folder}/{name}", ENTRY_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
        archive.comment = b"0" * SEAL_LENGTH  # the room for the seal
    body = buffer.getvalue()[:-SEAL_LENGTH]
    return body + digest(body).encode()


def members(archive: bytes) -> dict[str, bytes]:
    """The files that the manifest of an archive names."""
    files = unpacked(archive)
    return {name: files[name] for name in json.loads(files[MANIFEST])["files"]}


def as_json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, sort_keys=True, indent=1) + "\n").encode()
