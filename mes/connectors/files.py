"""Bounded reading of files that come from outside."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path, PurePosixPath

_CHUNK = 1 << 16
_MAX_MEMBERS = 1000
_MAX_DIRECTORY_BYTES = 1_000_000
_END_OF_ZIP = struct.Struct("<4s4H2LH")
_LOCATOR_BYTES = 20
# The other methods of zip decompress without a bound on their output.
_BOUNDED_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class UnreadableFile(Exception):
    """The file cannot be used. The message is one sentence for a person and names what to do."""


def read_bounded(path: Path, *, max_bytes: int) -> bytes:
    """The whole file, at most `max_bytes`.

    Raises:
        UnreadableFile: no such file, not a regular file, empty or too large.
    """
    try:
        if not path.is_file():
            raise UnreadableFile(
                f"{path.name} does not exist or is not a file: choose the exported file again."
            )
        with path.open("rb") as file:
            # What is too large is not read at all; what grows meanwhile not further than the bound.
            content = b"" if path.stat().st_size > max_bytes else file.read(max_bytes + 1)
            is_large = len(content) > max_bytes or path.stat().st_size > max_bytes
    except OSError as error:
        raise UnreadableFile(
            f"{path.name} cannot be opened ({error.strerror}): check that it is complete and not locked."
        ) from error
    if is_large:
        raise UnreadableFile(
            f"{path.name} is larger than {max_bytes / 1e6:.0f} MB: export the test in parts or raise the limit."
        )
    if not content:
        raise UnreadableFile(f"{path.name} is empty: export it again from the cycler software.")
    return content


def unpack_bounded(
    name: str, content: bytes, *, suffixes: tuple[str, ...], max_unpacked_bytes: int
) -> dict[str, bytes]:
    """Members of a zip archive whose names end in `suffixes`, decompressed in small steps up to a total bound.

    Sizes that the archive declares are not believed; checksums are verified.

    Raises:
        UnreadableFile: truncated, corrupt, encrypted, packed by an unusual method, or larger than the bound.
    """
    members: dict[str, bytes] = {}
    total = 0
    _refuse_long_directory(name, content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if len(archive.infolist()) > _MAX_MEMBERS:
                raise UnreadableFile(
                    f"{name} holds too many parts: export it again from the cycler software."
                )
            for info in archive.infolist():
                if not info.filename.endswith(suffixes):
                    continue
                _refuse_unusual(name, info, members)
                parts: list[bytes] = []
                with archive.open(info) as member:
                    while part := member.read(_CHUNK):
                        total += len(part)
                        if total > max_unpacked_bytes:
                            raise UnreadableFile(
                                f"{name} unpacks to more than {max_unpacked_bytes / 1e6:.0f} MB, as a damaged or"
                                " hostile archive does: export it again from the cycler software."
                            )
                        parts.append(part)
                members[info.filename] = b"".join(parts)
    except UnreadableFile:
        raise
    # zlib may be replaced by a faster one with its own error class, so the kinds are not listed here.
    except Exception as error:
        raise UnreadableFile(
            f"{name} is truncated or corrupt: copy or export it again from the cycler software."
        ) from error
    return members


def _refuse_long_directory(name: str, content: bytes) -> None:
    """The directory of an archive is read whole before its members can be counted: a long one is refused unread."""
    at = len(content) - _END_OF_ZIP.size
    if at < 0 or content[at : at + 4] != b"PK\x05\x06" or content[-2:] != b"\0\0":
        at = content.rfind(b"PK\x05\x06", max(0, at - (1 << 16)))
    if at < 0 or at + _END_OF_ZIP.size > len(content):
        return  # no archive, which reading it will say
    _, _, _, _, count, directory_bytes, _, _ = _END_OF_ZIP.unpack_from(content, at)
    is_zip64 = content[max(0, at - _LOCATOR_BYTES) : at].startswith(b"PK\x06\x07")
    if is_zip64 or count > _MAX_MEMBERS or directory_bytes > _MAX_DIRECTORY_BYTES:
        raise UnreadableFile(f"{name} holds too many parts: export it again from the cycler software.")


def _refuse_unusual(name: str, info: zipfile.ZipInfo, members: dict[str, bytes]) -> None:
    path = PurePosixPath(info.filename)
    is_odd = path.is_absolute() or ".." in path.parts or info.filename in members
    if is_odd or info.flag_bits & 1 or info.compress_type not in _BOUNDED_METHODS:
        raise UnreadableFile(
            f"{name} is packed in a way that a cycler never does: export it again, without a password."
        )
