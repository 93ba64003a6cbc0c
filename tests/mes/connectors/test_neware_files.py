"""Real files of Neware cyclers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mes.connectors.cycler.file import read_file_of_cell
from mes.connectors.files import UnreadableFile
from tests.support.reference_files import reference

AURORA = "aurora/nw4-120-6-1-36.ndax"
FASTNDA = "fastnda/nw4-120-1-6-53.ndax"
NAVANI = "navani/test.ndax"
WITH_TEMPERATURE = "newarenda/TESTCELL0001-B2-2025-M50T_NewareNDA_Investigation.ndax"
OLD_FORMAT = "newarenda/2-1-6_61[07005012].nda"


def test_hold_that_ran_into_its_time_limit_did_not_reach_its_cutoff() -> None:
    file = read_file_of_cell(reference(AURORA))
    assert (file.rows, len(file.cycles)) == (7257, 5)
    assert all(cycle.counters_agree for cycle in file.cycles)
    # The table stops the hold at 2.25 mA or after 30 min: only the first one came down to the current.
    assert [cycle.cutoffs_reached for cycle in file.cycles] == [True, False, False, False, False]
    # The cell was charged before the test, so that discharge exceeds charge: no efficiency.
    assert file.cycles[0].ce_pct is None
    assert file.cycles[1].discharge_ah == pytest.approx(0.037992, abs=1e-6)
    # The header says 10:59:55 in a zone one hour east of UTC; the records count UTC.
    assert file.clock_zone_known
    assert file.started_at == datetime(2025, 2, 6, 10, 0, 17, 850000, tzinfo=UTC)


def test_coarse_records_of_a_small_cell_differ_from_its_counters_and_say_so() -> None:
    file = read_file_of_cell(reference(FASTNDA))
    assert (file.rows, len(file.cycles)) == (18700, 160)
    assert file.cycles[0].counters_agree
    assert file.cycles[0].ce_pct == pytest.approx(19.07, abs=0.01)
    assert not file.cycles[-1].counters_agree
    assert "of 160 cycles" in file.remarks[0]


def test_half_cycles_ended_by_time_have_no_efficiency() -> None:
    file = read_file_of_cell(reference(NAVANI))
    (cycle,) = file.cycles
    assert cycle.cutoffs_reached is False
    assert cycle.ce_pct is None
    assert cycle.values.charge_counter_ah == pytest.approx(0.593039e-3, rel=1e-5)
    assert not file.clock_zone_known


def test_temperature_channel_is_read() -> None:
    file = read_file_of_cell(reference(WITH_TEMPERATURE))
    assert file.rows == 77745
    assert file.temperature_c == pytest.approx(26.49, abs=0.01)
    second = file.cycles[1]
    assert (second.number, second.cutoffs_reached) == (2, True)
    assert second.ce_pct == pytest.approx(99.094, abs=0.001)


def test_older_format_is_read_and_its_counter_saw_the_pulses() -> None:
    file = read_file_of_cell(reference(OLD_FORMAT))
    assert (file.format, file.rows) == ("Neware nda", 15567)
    # 100 mA with pulses of 1.7 A for an hour: records of them add up to three times what the instrument counted.
    assert file.cycles[0].values.discharge_integrated_ah == pytest.approx(0.9005, abs=1e-4)
    assert file.cycles[0].discharge_ah == pytest.approx(0.29986, abs=1e-5)
    assert file.cycles[0].cutoffs_reached is False
    assert not file.cycles[0].counters_agree


@pytest.mark.parametrize("name", [AURORA, NAVANI, OLD_FORMAT])
def test_half_a_file_is_unreadable_or_ends_before_its_cutoffs(tmp_path: Path, name: str) -> None:
    content = reference(name).read_bytes()
    half = tmp_path / "half"
    half.write_bytes(content[: len(content) // 2])
    try:
        file = read_file_of_cell(half)
    except UnreadableFile as error:
        assert "export it again" in str(error)
    else:
        assert file.cycles[-1].cutoffs_reached is not True
