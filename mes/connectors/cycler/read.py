"""One door for the files of cyclers: what a file is, is decided by what it holds."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from lots.science.formation.records import checked
from mes.connectors.cycler.arbin_res import SIGNATURE as ARBIN_RES
from mes.connectors.cycler.arbin_res import read_arbin_res
from mes.connectors.cycler.columnar import read_parquet
from mes.connectors.cycler.model import CyclerTest
from mes.connectors.cycler.neware import read_neware_test
from mes.connectors.cycler.text import read_text
from mes.connectors.files import UnreadableFile, read_bounded

MAX_BYTES = 256_000_000

# What a file is that no reader takes, by its first bytes, and what to do about it.
_NOT_READ = (
    (
        b"BIO-LOGIC MODULAR FILE",
        "a BioLogic .mpr, which only EC-Lab reads: in EC-Lab choose Experiment, Export as Text and give the .mpt",
    ),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save its sheet of records as csv"),
    (b"\x89HDF", "an HDF5 file: give the file that the cycler itself wrote"),
    (b"SQLite format 3", "a SQLite database: give the file that the cycler itself wrote"),
    (b"{", "JSON and not the records of a cycler: choose the file of the test"),
    (b"[{", "JSON and not the records of a cycler: choose the file of the test"),
    (b"[\n", "JSON and not the records of a cycler: choose the file of the test"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
)


@dataclass(frozen=True)
class ReadFile:
    """A test with the identity of its file."""

    test: CyclerTest
    sha256: str
    size_bytes: int


def read_cycler_file(path: str | Path, *, max_bytes: int = MAX_BYTES) -> ReadFile:
    """Read the file of any supported cycler; charge current is positive and the records are checked.

    Raises:
        UnreadableFile: no such file, too large, corrupt, not a cycler file, or records that contradict each other;
            the message says what to do.
    """
    path = Path(path)
    content = read_bounded(path, max_bytes=max_bytes)
    test = _read(path.name, content)
    try:
        records = checked(test.records)
    except ValueError as error:
        raise UnreadableFile(f"{path.name} cannot be used: {error}. Export it again.") from error
    return ReadFile(replace(test, records=records), hashlib.sha256(content).hexdigest(), len(content))


def _read(name: str, content: bytes) -> CyclerTest:
    if content.startswith(b"NEWARE"):
        return read_neware_test(name, content)
    if content.startswith(b"PK\x03\x04"):
        if b"[Content_Types].xml" in content[:4096] or b"xl/workbook.xml" in content:
            raise UnreadableFile(f"{name} is an Excel workbook: save its sheet of records as csv.")
        return read_neware_test(name, content)
    if content.startswith(ARBIN_RES):
        with tempfile.TemporaryDirectory(prefix="halite-cycler-") as folder:
            target = Path(folder) / "test.res"
            target.write_bytes(content)
            return read_arbin_res(name, target)
    if content.startswith(b"PAR1"):
        return read_parquet(name, content)
    for signature, words in _NOT_READ:
        if content[:64].lstrip().startswith(signature):
            raise UnreadableFile(f"{name} is {words}.")
    if b"\x00" in content[:4096]:
        raise UnreadableFile(f"{name} is a binary file of an unknown kind: export the test as csv.")
    test = read_text(name, content)
    if test is None:
        raise UnreadableFile(
            f"{name} has no header of a known cycler export: columns of time, voltage and current with their units"
            " are needed. Export it again with all columns."
        )
    return test
