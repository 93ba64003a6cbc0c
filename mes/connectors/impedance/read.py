"""One door for impedance files: ZPlot .z, Gamry .DTA, BioLogic .mpt and plain csv."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lots.science.impedance.spectrum import Spectrum, spectrum, split_sweeps
from mes.connectors.files import UnreadableFile, read_bounded

MAX_BYTES = 32_000_000
MAX_POINTS = 200_000
# Instruments take 10 to 100 points a decade; the test of a sweep takes time and memory with the square of more.
MAX_POINTS_A_SWEEP = 2_000
_MOST_HEAD_LINES = 5_000
_HEAD_BYTES = 100_000
_LARGEST_NUMBER = 1e15

_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")


@dataclass(frozen=True)
class ImpedanceFile:
    """Sweeps in the order of the file. `skipped` says of each part that was too short to be a spectrum why."""

    format: str
    sha256: str
    size_bytes: int
    sweeps: tuple[Spectrum, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class _Columns:
    """Positions of frequency, real and imaginary part; `sign` is -1 where the file gives −Im."""

    format: str
    frequency: int
    real: int
    imaginary: int
    sign: float
    first_row: int
    separator: str | None


def read_impedance_file(path: str | Path, *, max_bytes: int = MAX_BYTES) -> ImpedanceFile:
    """Read a file of one or several sweeps.

    Raises:
        UnreadableFile: no such file, too large, not an impedance file, or no part of it is a spectrum; the message
            says what to do.
    """
    path = Path(path)
    content = read_bounded(path, max_bytes=max_bytes)
    name = path.name
    if content.startswith(b"BIO-LOGIC MODULAR FILE"):
        raise UnreadableFile(
            f"{name} is a BioLogic .mpr, which only EC-Lab reads: in EC-Lab choose Experiment, Export as Text and give"
            " the .mpt."
        )
    if b"\x00" in content[:4096]:
        raise UnreadableFile(f"{name} is a binary file: export the spectrum as text.")
    # Lines take many times the memory of their bytes.
    if content.count(b"\n") > MAX_POINTS + _MOST_HEAD_LINES:
        raise UnreadableFile(f"{name} holds more than {MAX_POINTS:,} points: export it in parts.")
    lines = _text(content).splitlines()
    columns = _recognise(lines)
    if columns is None:
        raise UnreadableFile(
            f"{name} is no impedance file that is known: columns of frequency and of the real and imaginary part are"
            " needed (ZPlot .z, Gamry .DTA, BioLogic .mpt or csv)."
        )
    frequency, z = _rows(name, lines, columns)
    sweeps, skipped = [], []
    for rows in split_sweeps(frequency):
        if rows.stop - rows.start > MAX_POINTS_A_SWEEP:
            raise UnreadableFile(
                f"{name}: rows {rows.start + 1} to {rows.stop} are one sweep, which has at most"
                f" {MAX_POINTS_A_SWEEP:,} points: export fewer points a decade."
            )
        try:
            sweeps.append(spectrum(frequency[rows], z[rows]))
        except ValueError as error:
            skipped.append(f"rows {rows.start + 1} to {rows.stop}: {error}")
    if not sweeps:
        raise UnreadableFile(f"{name} holds no spectrum: {skipped[0] if skipped else 'no points'}.")
    digest = hashlib.sha256(content).hexdigest()
    return ImpedanceFile(columns.format, digest, len(content), tuple(sweeps), tuple(skipped))


def is_impedance_file(path: Path) -> bool:
    """Whether the beginning of a file is that of an impedance file; says nothing of the rest of it."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return b"\x00" not in head and _recognise(_text(head).splitlines()) is not None


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _recognise(lines: list[str]) -> _Columns | None:
    head = lines[0].strip() if lines else ""
    if head.startswith("ZPLOT"):
        return _zplot(lines)
    if head == "EXPLAIN":
        return _gamry(lines)
    if head.startswith(("EC-Lab ASCII", "BT-Lab ASCII")):
        return _biologic(lines)
    return _plain(lines)


def _zplot(lines: list[str]) -> _Columns | None:
    for row, line in enumerate(lines[:2000]):
        if line.strip() == "End Comments":
            return _Columns("ZPlot z", 0, 4, 5, 1.0, row + 1, None)
    return None


def _gamry(lines: list[str]) -> _Columns | None:
    for row, line in enumerate(lines[:_MOST_HEAD_LINES]):
        if line.split("\t")[0].strip() == "ZCURVE" and row + 3 < len(lines):
            names = [part.strip() for part in lines[row + 1].split("\t")]
            if {"Freq", "Zreal", "Zimag"} <= set(names):
                positions = (names.index("Freq"), names.index("Zreal"), names.index("Zimag"))
                return _Columns("Gamry DTA", *positions, 1.0, row + 3, "\t")
    return None


def _biologic(lines: list[str]) -> _Columns | None:
    for row, line in enumerate(lines[:2000]):
        names = [part.strip() for part in line.split("\t")]
        if {"freq/Hz", "Re(Z)/Ohm", "-Im(Z)/Ohm"} <= set(names):
            positions = (names.index("freq/Hz"), names.index("Re(Z)/Ohm"), names.index("-Im(Z)/Ohm"))
            return _Columns("BioLogic mpt", *positions, -1.0, row + 1, "\t")
    return None


# Headings of plain tables, in lower case without units and signs.
_FREQUENCY = {"f", "freq", "frequency"}
_REAL = {"z'", "zre", "zreal", "re(z)", "real", "re", "z_re", "z_real"}
_IMAGINARY = {'z"', "z''", "zim", "zimag", "im(z)", "imag", "im", "z_im", "z_imag"}


def _plain(lines: list[str]) -> _Columns | None:
    for row, line in enumerate(lines[:100]):
        for separator in (",", "\t", ";"):
            parts = [part.strip() for part in line.split(separator)]
            if len(parts) < 3:
                continue
            if len(parts) == 3 and row == 0 and all(_NUMBER.match(part) for part in parts):
                return _Columns("csv without header", 0, 1, 2, 1.0, 0, separator)
            found = _headed(parts)
            if found is not None:
                return _Columns("csv", *found, row + 1, separator)
    return None


def _headed(parts: list[str]) -> tuple[int, int, int, float] | None:
    names = [
        re.split(r"[/\[]|\((?:hz|ohm|ω|Ω)", part.lower())[0].strip().strip('"').strip() for part in parts
    ]
    bare = [name.lstrip("-").strip() for name in names]
    frequency = next((i for i, name in enumerate(bare) if name in _FREQUENCY), None)
    real = next((i for i, name in enumerate(bare) if name in _REAL), None)
    imaginary = next((i for i, name in enumerate(bare) if name in _IMAGINARY), None)
    if frequency is None or real is None or imaginary is None:
        return None
    return frequency, real, imaginary, -1.0 if names[imaginary].startswith("-") else 1.0


def _rows(
    name: str, lines: list[str], columns: _Columns
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    wanted = (columns.frequency, columns.real, columns.imaginary)
    table: list[tuple[float, ...]] = []
    for number, line in enumerate(lines[columns.first_row :], start=columns.first_row + 1):
        if not line.strip():
            continue
        parts = line.split(columns.separator)
        if columns.format == "Gamry DTA" and len(parts) <= max(wanted):
            break  # the next table of the file
        try:
            table.append(tuple(float(parts[i].replace(",", ".")) for i in wanted))
        except (IndexError, ValueError) as error:
            raise UnreadableFile(
                f"{name}: line {number} is cut off or no number: export it again."
            ) from error
        if len(table) > MAX_POINTS:
            raise UnreadableFile(f"{name} holds more than {MAX_POINTS:,} points: export it in parts.")
    if not table:
        raise UnreadableFile(f"{name} holds no points: export it again after the measurement.")
    values = np.asarray(table, dtype=np.float64)
    if not np.all(np.abs(values) < _LARGEST_NUMBER):
        raise UnreadableFile(f"{name} holds a value that is no measured number: export it again.")
    return values[:, 0], values[:, 1] + 1j * columns.sign * values[:, 2]
