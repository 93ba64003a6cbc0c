"""Where a real file's capacities are not within 0.1 % of its counter: the cause, shown from its records."""

from __future__ import annotations

import numpy as np
import pytest

from lots.science.formation.counters import counted_in_single_precision_ah
from lots.science.formation.segments import StepKind, StepTable, step_curve, step_table
from mes.connectors.cycler.model import CyclerTest
from mes.connectors.cycler.read import read_cycler_file
from tests.support.reference_files import reference


def read(name: str) -> tuple[CyclerTest, StepTable]:
    test = read_cycler_file(reference(name)).test
    return test, step_table(test.records)


@pytest.mark.parametrize(
    ("name", "shortest_s", "steps"),
    [
        ("celljar_ornl_leaf/cell-low-current-hppc-25c.csv", 60.0, 11),
        ("celljar_ornl_leaf/cell-discharge-bitrode-1c.csv", 60.0, 9),
    ],
)
def test_bitrode_agrees_within_a_tenth_of_a_percent_where_its_counter_has_the_digits(
    name: str, shortest_s: float, steps: int
) -> None:
    test, table = read(name)
    long = [
        row
        for row in range(table.size)
        if table.kind[row] is not StepKind.REST and table.duration_s[row] > shortest_s
    ]
    assert len(long) == steps
    for row in long:
        apart_ah = abs(abs(table.net_ah[row]) - table.counted_ah[row])
        # The last step of the pulse test moves 1.67417 Ah and its counter stands at 1.67: half a digit is 0.3 %.
        assert apart_ah <= max(1e-3 * table.counted_ah[row], 0.5 * test.counter.resolution_ah)


def test_bitrode_cuts_its_counter_off_after_two_decimals() -> None:
    """Pulses of 0.25 Ah are counted as 0.24: at every record the counter is what was moved, less a part of a digit."""
    test, table = read("celljar_ornl_leaf/cell-low-current-hppc-25c.csv")
    (counter,) = test.records.counters_ah
    fractions = []
    for row in range(table.size):
        if table.kind[row] is not StepKind.CHARGE or table.size == 1 or table.duration_s[row] > 60:
            continue
        _, moved_ah = step_curve(test.records, table, row)
        counted = counter[table.first[row] : table.last[row] + 1]
        fractions.append((moved_ah - counted) / test.counter.resolution_ah)
    inside = np.concatenate(fractions)
    assert inside.size == 1_000
    assert inside.min() >= 0.0  # rounding would give as many below as above
    assert inside.max() < 1.0
    assert float(np.mean(inside)) == pytest.approx(0.5, abs=0.02)


def test_maccor_csv_ends_half_a_digit_from_its_counter() -> None:
    test, table = read("pyprobe/sample_data_maccor.csv")
    assert table.net_ah[1] == pytest.approx(28.798 * 3.06 / 3600, rel=1e-3)  # by hand
    assert table.net_ah[1] - table.counted_ah[1] == pytest.approx(0.000486, abs=1e-6)
    assert test.counter.resolution_ah == 0.001


def test_neware_counter_adds_up_in_single_precision_ten_times_a_second() -> None:
    """Above 2⁻¹² Ah a unit of single precision is 2⁻³⁵ Ah: 119.9 µA move 114.4 units in 0.1 s, counted are 114."""
    test, table = read("navani/test.ndax")
    (row,) = (row for row in range(table.size) if table.kind[row] is StepKind.DISCHARGE)
    part = slice(int(table.first[row]), int(table.last[row]) + 1)
    current = test.records.current_a[part]
    counter = np.abs(test.records.counters_ah[0][part])
    rate_a = np.diff(counter) / np.diff(test.records.time_s[part]) * 3600.0
    constant = np.isclose(np.abs(current[:-1]), 119.9e-6, atol=1e-9)
    below = constant & (counter[1:] < 2.0**-12) & (counter[:-1] > 2.0**-13)
    above = constant & (counter[:-1] > 2.0**-12)
    assert np.count_nonzero(below) > 100
    assert np.count_nonzero(above) > 300
    assert float(np.median(rate_a[below])) == pytest.approx(229 * 2.0**-36 * 36_000, rel=1e-4)
    assert float(np.median(rate_a[above])) == pytest.approx(114 * 2.0**-35 * 36_000, rel=1e-4)
    # Counted the same way, the recorded current gives the counter to 0.1 %.
    again_ah = counted_in_single_precision_ah(test.records, table, row, 0.1)
    assert again_ah == pytest.approx(counter[-1], rel=1e-3)
    assert abs(table.net_ah[row]) / counter[-1] == pytest.approx(1.00188, abs=1e-5)


def test_what_the_records_do_not_resolve_is_bracketed_by_them() -> None:
    """Between two records the charge lies between the two currents times the time: so does every counted step."""
    for name, least in (("fastnda/nw4-120-1-6-53.ndax", 300), ("newarenda/2-1-6_61[07005012].nda", 1)):
        test, table = read(name)
        current, time = np.abs(test.records.current_a), test.records.time_s
        bracketed = 0
        for row in range(table.size):
            part = slice(int(table.first[row]), int(table.last[row]) + 1)
            if table.kind[row] is StepKind.REST or part.stop - part.start < 3:
                continue
            elapsed = np.diff(time[part]) / 3600.0
            pair = np.stack((current[part][:-1], current[part][1:]))
            low, high = float(pair.min(axis=0) @ elapsed), float(pair.max(axis=0) @ elapsed)
            tolerance = 1e-3 * float(table.counted_ah[row])
            assert low - tolerance <= table.counted_ah[row] <= high + tolerance
            bracketed += 1
        assert bracketed >= least
