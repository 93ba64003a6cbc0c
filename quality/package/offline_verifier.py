"""Verify an evidence package. Needs Python 3.9 or later and nothing else: no network, no database, no Halite.

    python3 verify.py PACKAGE.zip     the archive as it was downloaded
    python3 verify.py                 in the folder of the unpacked archive

Exit 1 and one line for everything that is wrong. What is recomputed: the SHA-256 of every file against the manifest,
that nothing was added, the hash that the signature covers, and, of an archive, the seal over all of its bytes.

This shows that nothing was changed since the package was sealed. Who could replace the whole package shows where its
SHA-256 is compared with the one that Halite states on the package's page.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SEAL_LENGTH = 64  # hexadecimal digits of SHA-256, the comment at the end of the archive
MANIFEST, SIGNATURE, SEAL = "manifest.json", "signature.json", "seal.json"


def canonical(content: Any) -> bytes:
    """The bytes that a signature covers."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The files of an archive by their names below its one folder."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name.partition("/")[2]: opened.read(name) for name in opened.namelist()}


def seal_problem(archive: bytes) -> str:
    """Whether the archive is byte for byte what was sealed; an empty string when it is."""
    body, seal = archive[:-SEAL_LENGTH], archive[-SEAL_LENGTH:]
    return "" if digest(body).encode() == seal else "the archive was changed after it was sealed"


def problems(files: dict[str, bytes]) -> Iterator[str]:
    """Everything that is wrong in the files of a package, one line each."""
    for name in (MANIFEST, SEAL):
        if name not in files:
            yield f"{name}: is missing"
            return
    try:
        manifest, seal = json.loads(files[MANIFEST]), json.loads(files[SEAL])
        listed = manifest["files"]
        signature = json.loads(files[SIGNATURE]) if SIGNATURE in files else None
    except (ValueError, KeyError, TypeError) as error:
        yield f"the package cannot be read: {error}"
        return
    sealed = {name: digest(files[name]) for name in (MANIFEST, SIGNATURE) if name in files}
    if seal != sealed:
        yield f"{MANIFEST} or {SIGNATURE}: was changed after the package was sealed"
    if files[SEAL] != json.dumps(sealed, sort_keys=True, indent=1).encode() + b"\n":
        yield f"{SEAL}: was changed after the package was sealed"
    for name, expected in sorted(listed.items()):
        if name not in files:
            yield f"{name}: is missing"
        elif digest(files[name]) != expected:
            yield f"{name}: was changed after the package was sealed"
    for name in sorted(set(files) - set(listed) - {MANIFEST, SIGNATURE, SEAL}):
        yield f"{name}: does not belong to the package"
    if signature is not None and digest(canonical(manifest)) != signature.get("record_hash"):
        yield f"{SIGNATURE}: the manifest is not what was signed"


def read_folder(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def main() -> int:
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    found: list[str] = []
    if place.is_file():
        archive = place.read_bytes()
        found = [seal_problem(archive)] if seal_problem(archive) else []
        try:
            files = unpacked(archive)
        except (zipfile.BadZipFile, zlib.error, ValueError, OSError, RuntimeError, EOFError) as error:
            files, found = {}, [*found, f"the archive cannot be read: {error}"]
    else:
        files = read_folder(place)
    if files:
        found += problems(files)
    for problem in found:
        sys.stdout.write(f"BAD {problem}\n")
    if not found:
        signature = json.loads(files[SIGNATURE]) if SIGNATURE in files else None
        if signature:
            said = (
                f"signed by {signature['printed_name']} at {signature['signed_at']}: {signature['meaning']}"
            )
        else:
            said = "a draft: nobody has signed it"
        sys.stdout.write(f"everything verifies; {said}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
