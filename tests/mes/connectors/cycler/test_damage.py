"""Whatever happens to a file on its way: it is read, or refused as unreadable, and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lots.science.formation.features import formation_result
from mes.connectors.cycler.read import read_cycler_file
from mes.connectors.files import UnreadableFile
from mes.connectors.impedance.read import read_impedance_file
from mes.connectors.impedance.report import document
from tests.mes.connectors.impedance.test_read_impedance import FILES
from tests.support.cycling import full_cycles, records
from tests.support.exports import EXPORTS
from tests.support.formation import two_cycles

TEST = records(full_cycles(2))
CONTENTS = {name: export(TEST) for name, export in EXPORTS.items()} | {"Neware ndax": two_cycles()}
PIECES = st.sampled_from(
    [b"", b"\x00", b",", b"\n", b"\t", b";", b"-", b"1e999", b"nan", b'"', b"\xff\xfe", b"9" * 40]
)


def damaged(content: bytes, cuts: list[tuple[float, bytes, int]]) -> bytes:
    for where, piece, length in cuts:
        at = int(where * len(content))
        content = content[:at] + piece + content[at + length :]
    return content


CUTS = st.lists(st.tuples(st.floats(0, 1), PIECES, st.integers(0, 400)), min_size=1, max_size=4)


@pytest.mark.parametrize("name", CONTENTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cuts=CUTS)
def test_damaged_cycler_file_is_read_or_refused(name: str, cuts: list[tuple[float, bytes, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged"
        path.write_bytes(damaged(CONTENTS[name], cuts))
        try:
            file = read_cycler_file(path)
        except UnreadableFile as refusal:
            assert str(refusal).startswith("damaged")
            return
        result = formation_result(file.test.records)
        assert all(cycle.charge_ah >= 0 and cycle.discharge_ah >= 0 for cycle in result.cycles)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cuts=CUTS)
def test_damaged_spectrum_is_read_or_refused(name: str, cuts: list[tuple[float, bytes, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged"
        path.write_bytes(damaged(FILES[name].encode("latin-1"), cuts))
        try:
            file = read_impedance_file(path)
        except UnreadableFile as refusal:
            assert str(refusal).startswith("damaged")
            return
        assert document(file)["file"]["sweeps"] >= 1
