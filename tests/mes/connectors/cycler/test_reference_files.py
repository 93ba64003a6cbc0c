"""Every real file of the reference folder: values that agree with the instrument's own counters, or a refusal."""

from __future__ import annotations

import json
import random
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from lots.science.formation import dc_resistance_mohm
from lots.science.formation.counters import CounterVerdict
from mes.connectors.cycler.read import read_cycler_file
from mes.connectors.files import UnreadableFile
from tests.support.reference_files import reference, reference_folder

# Format, cycles, and of them: within 0.1 % of the counter, within its digits, not resolved by the records, apart,
# without counter.
READ = {
    "aurora/nw4-120-6-1-36.ndax": ("Neware ndax", 5, (5, 0, 0, 0, 0)),
    "celljar_ornl_leaf/cell-discharge-bitrode-1c.csv": ("Bitrode csv", 5, (5, 0, 0, 0, 0)),
    "celljar_ornl_leaf/cell-low-current-hppc-25c.csv": ("Bitrode csv", 1, (0, 1, 0, 0, 0)),
    "cellpy/20160805_test001_45_cc_01.res": ("Arbin res", 18, (18, 0, 0, 0, 0)),
    "cellpy/20210210_FC_01_cc_01.res": ("Arbin res", 2, (2, 0, 0, 0, 0)),
    "cellpy/maccor_001.txt": ("Maccor text", 4, (4, 0, 0, 0, 0)),
    "cellpy/neware_uio.csv": ("Neware csv", 4, (4, 0, 0, 0, 0)),
    "cellpy/pec.csv": ("PEC csv", 3, (3, 0, 0, 0, 0)),
    "hakadi_naion/static_test_1c-1-1.csv": ("Arduino battery tester csv", 2, (0, 0, 0, 0, 2)),
    "navani/arbin_example.res": ("Arbin res", 4, (4, 0, 0, 0, 0)),
    "navani/test.ndax": ("Neware ndax", 1, (0, 1, 0, 0, 0)),
    "newarenda/TESTCELL0001-B2-2025-M50T_NewareNDA_Investigation.ndax": ("Neware ndax", 8, (8, 0, 0, 0, 0)),
    "pyprobe/sample_data_novonix.csv": ("Novonix csv", 1, (1, 0, 0, 0, 0)),
}


def formation(path: Path, *options: str) -> dict[str, Any]:
    out = StringIO()
    call_command("formation", str(path), *options, stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


@pytest.mark.parametrize("name", READ)
def test_recomputed_capacities_agree_with_the_instrument(name: str) -> None:
    document = formation(reference(name))
    file_format, cycles, verdicts = READ[name]
    assert document["file"]["format"] == file_format
    assert len(document["cycles"]) == cycles
    assert tuple(document["counters"].get(verdict, 0) for verdict in CounterVerdict) == verdicts


def test_every_file_gives_values_or_a_reason() -> None:
    outcomes = {"values": 0, "refused": 0}
    for path in sorted(reference_folder().rglob("*")):
        if not path.is_file():
            continue
        for command in ("formation", "eis"):
            out = StringIO()
            try:
                call_command(command, str(path), stdout=out)
            except CommandError as refusal:
                outcomes["refused"] += 1
                assert path.name in str(refusal) or "The file" in str(refusal)
                assert str(refusal).endswith((".", ")"))
            else:
                outcomes["values"] += 1
                document = json.loads(out.getvalue(), parse_constant=pytest.fail)
                assert off_the_counter(document) == [], path.name
    assert outcomes["values"] >= 27


def off_the_counter(document: dict[str, Any]) -> list[int]:
    """Cycles with a capacity more than 0.1 % from what the instrument counted, its digits aside."""
    return [
        cycle["number"]
        for cycle in document.get("cycles", ())
        for half in ("charge", "discharge")
        if (counted := cycle[f"{half}_counter_ah"])
        and cycle["counters"] != CounterVerdict.WITHIN_RESOLUTION
        and abs(cycle[f"{half}_ah"] / counted - 1) > 1e-3
    ]


def test_same_test_as_parquet_gives_the_same_cycles() -> None:
    binary = formation(reference("fastnda/nw4-120-1-6-53.ndax"))
    columns = formation(reference("fastnda/nw4-120-1-6-53.parquet"))
    assert binary["cycles"][0]["ratio_pct"] == pytest.approx(19.07, abs=0.01)
    assert columns["cycles"][0]["ratio_pct"] == pytest.approx(19.07, abs=0.01)
    moved = [sum(cycle["discharge_ah"] for cycle in one["cycles"]) for one in (binary, columns)]
    assert moved[0] == pytest.approx(moved[1], rel=1e-3)
    assert columns["file"]["started_at"] == "2025-04-07T11:48:21.950000"
    for document in (binary, columns):
        assert "differs" not in document["counters"]


def test_pulses_that_the_records_do_not_resolve_are_told_apart_from_the_counter() -> None:
    (cycle,) = formation(reference("newarenda/2-1-6_61[07005012].nda"))["cycles"]
    assert (cycle["counters"], cycle["discharge_source"]) == ("unresolved", "counter")
    assert cycle["discharge_counter_ah"] == pytest.approx(0.29986, abs=1e-4)
    assert cycle["discharge_ah"] == cycle["discharge_counter_ah"]
    assert cycle["discharge_integrated_ah"] == pytest.approx(0.9005, abs=1e-4)  # three times what flowed
    assert cycle["ce_pct"] is None


LEAF = "celljar_ornl_leaf/cell-low-current-hppc-25c.csv"


def test_leaf_pulses_have_the_published_resistance() -> None:
    # formulas 11: 1.46 to 1.80 mΩ at pulses; they are of the charge and the discharge that end the first pulse.
    document = formation(reference(LEAF))
    resistance = {
        (one["step"], one["stated_s"]): one["resistance_mohm"]
        for one in document["features"]["dc_resistance"]
    }
    assert round(resistance[5, 0.1], 2) == 1.46
    assert round(resistance[6, 1.0], 2) == 1.80
    at_one_second = [value for (_, stated_s), value in resistance.items() if stated_s == 1.0]
    assert len(at_one_second) == 40
    assert all(1.5 < value < 1.91 for value in at_one_second)


def test_leaf_rests_that_are_recorded_a_minute_late_have_the_published_resistance() -> None:
    # formulas 11: "some 2.8 to 3.3 mΩ": the first record after a 10 A discharge is 60 s late, and the cell relaxes.
    records = read_cycler_file(reference(LEAF)).test.records
    ends = np.flatnonzero(
        np.isclose(np.diff(records.current_a), 10.0) & np.isclose(np.diff(records.time_s), 60.0)
    )
    relaxed = [
        dc_resistance_mohm(
            voltage_before_v=float(records.voltage_v[end]),
            voltage_after_v=float(records.voltage_v[end + 1]),
            current_before_a=float(records.current_a[end]),
            current_after_a=float(records.current_a[end + 1]),
        )
        for end in ends
    ]
    assert [round(value, 1) for value in relaxed[:2]] == [2.8, 3.3]


def test_protocol_names_what_a_foreign_test_breaks() -> None:
    document = formation(reference("cellpy/20210210_FC_01_cc_01.res"), "--protocol", "handbook-7.4")
    assert document["protocol"] == "handbook-7.4 rev 1"
    assert {finding["rule"] for finding in document["findings"]} == {"over_voltage", "rest_off_tolerance"}
    assert "nominal_capacity_ah" in " ".join(one["words"] for one in document["unjudged"])
    with pytest.raises(CommandError, match="handbook-7"):
        formation(reference("cellpy/20210210_FC_01_cc_01.res"), "--protocol", "none")


def test_mpr_is_refused_with_the_export_to_use() -> None:
    with pytest.raises(CommandError, match="Export as Text"):
        formation(reference("navani/jdb11-1_c3_gcpl_5cycles_2V-3p8V_C-24_data_C09.mpr"))


def test_damaged_arbin_database_is_read_or_refused(tmp_path: Path) -> None:
    content = reference("navani/arbin_example.res").read_bytes()
    rng = random.Random(4)
    refused = 0
    for index in range(9):
        damaged = bytearray(content)
        for _ in range((10, 200, 2000)[index % 3]):
            damaged[rng.randrange(64, len(damaged))] = rng.randrange(256)
        path = tmp_path / "damaged.res"
        path.write_bytes(damaged)
        try:
            read_cycler_file(path)
        except UnreadableFile as refusal:
            refused += 1
            assert str(refusal).startswith("damaged.res")
    assert refused >= 5
