from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lots.science.formation.counters import (
    CapacitySource,
    CounterPrecision,
    CounterVerdict,
)
from lots.science.formation.cycles import Cutoffs, CutoffSource, Cycle, cycles
from lots.science.formation.records import CyclerRecords, checked, steps_from_current
from lots.science.formation.segments import StepKind, step_table
from tests.support.cycling import Part, full_cycles, records
from tests.support.half_cell import half_cell


def evaluated(test: CyclerRecords, **options: object) -> tuple[Cycle, ...]:
    return cycles(test, step_table(test), **options)  # type: ignore[arg-type]


def test_book_cell_loses_fifteen_percent() -> None:
    # 24.0 Ah in, 20.4 Ah out: 85.0 % and 3.6 Ah (formulas 8).
    charge, discharge = Part(2.4, 600, 2.5, 3.8), Part(-2.4, 510, 3.7, 2.2)
    (first, second) = evaluated(records([charge, discharge, *[replaced(p) for p in (charge, discharge)]]))
    assert first.charge_ah == pytest.approx(24.0)
    assert first.discharge_ah == pytest.approx(20.4)
    assert first.ce_pct == pytest.approx(85.0)
    assert (first.cutoff_source, second.cutoffs_reached) == (CutoffSource.REPEATS, True)


def replaced(part: Part) -> Part:
    return Part(part.current_a, part.minutes, part.from_v, part.to_v, 2)


def test_early_cutoff_is_seen_against_the_other_cycles() -> None:
    *whole, early = evaluated(records(full_cycles(4, last_discharge_v=2.9)))
    assert [cycle.cutoffs_reached for cycle in whole] == [True, True, True]
    assert early.cutoffs_reached is False
    assert early.ce_pct is None
    assert "before its cut-off" in early.reason
    assert early.ratio_pct == pytest.approx(85.0)


def test_single_cycle_tells_nothing_of_cutoffs_without_a_protocol() -> None:
    test = records(full_cycles(1))
    (unknown,) = evaluated(test)
    assert (unknown.cutoffs_reached, unknown.ce_pct) == (None, None)
    (judged,) = evaluated(test, cutoffs=Cutoffs(upper_v=3.8, lower_v=2.2))
    assert judged.ce_pct == pytest.approx(85.0)
    (partial,) = evaluated(test, cutoffs=Cutoffs(upper_v=3.8, lower_v=2.0))
    assert partial.ce_pct is None


def test_step_table_of_the_file_decides_before_repeats() -> None:
    test = records(full_cycles(2))
    _, second = evaluated(test, ended_at_cutoff={1: True, 3: True, 4: True, 6: False})
    assert (second.cutoffs_reached, second.cutoff_source) == (False, CutoffSource.STEP_TABLE)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0, CounterVerdict.AGREES), (1.002, CounterVerdict.DIFFERS), (None, CounterVerdict.NONE)],
)
def test_counter_that_differs_by_more_than_a_thousandth_is_told(
    factor: float | None, verdict: CounterVerdict
) -> None:
    first, _ = evaluated(records(full_cycles(2), counter_factor=factor))
    assert first.counters is verdict


def test_coarse_decimals_of_a_counter_explain_a_difference() -> None:
    first, _ = evaluated(records(full_cycles(2), counter_factor=1.002), counter=CounterPrecision(0.01))
    assert first.counters is CounterVerdict.WITHIN_RESOLUTION


@pytest.mark.parametrize(
    ("ahead_s", "verdict"),
    [(0.02, CounterVerdict.AGREES), (0.9, CounterVerdict.UNRESOLVED), (5.0, CounterVerdict.DIFFERS)],
)
def test_counter_that_began_within_a_second_before_the_first_record_is_no_contradiction(
    ahead_s: float, verdict: CounterVerdict
) -> None:
    # Steps of 40 s: what a counter saw 0.9 s before the first record is 2 % of them, and no integral can know of it.
    parts = [Part(2.0, 40 / 60, 2.5, 3.8), Part(-2.0, 40 / 60, 3.7, 2.2)]
    test = records(parts)
    test.counters_ah[0][:] += 2.0 * ahead_s / 3600.0
    (only,) = evaluated(test)
    assert only.counters is verdict
    by_counter = verdict is CounterVerdict.UNRESOLVED
    assert only.charge_source is (CapacitySource.COUNTER if by_counter else CapacitySource.INTEGRATED)
    assert only.charge_integrated_ah == pytest.approx(2.0 * 40 / 3600)
    assert only.charge_ah == (only.charge_counter_ah if by_counter else only.charge_integrated_ah)


def test_slack_of_a_falling_charge_excuses_no_counter_of_the_discharge() -> None:
    """A charge that falls from 20 A to 1 A, a record a minute, leaves 0.1 Ah open; the discharge is constant."""
    current = np.concatenate((np.linspace(20, 1, 20), np.full(60, -5.0)))
    time = 60.0 * np.arange(current.size)
    step = np.repeat([1, 2], [20, 60])
    moved = np.zeros(current.size)
    for rows in (slice(0, 20), slice(20, 80)):
        part = np.abs(current[rows])
        moved[rows] = np.concatenate(([0.0], np.cumsum(0.5 * (part[1:] + part[:-1]) * 60.0))) / 3600.0
    moved[:20] *= 1.01  # within what the records leave open
    for factor, verdict in ((1.0, CounterVerdict.UNRESOLVED), (1.005, CounterVerdict.DIFFERS)):
        counter = moved * np.where(step == 2, factor, 1.0)
        test = CyclerRecords(
            time_s=time,
            voltage_v=np.concatenate((np.linspace(3, 3.8, 20), np.linspace(3.7, 2.2, 60))),
            current_a=current,
            step=step,
            cycle=np.ones(current.size, dtype=np.int64),
            counters_ah=(counter,),
        )
        (only,) = evaluated(test)
        assert only.counters is verdict
        assert (only.charge_source, only.discharge_source) == (
            CapacitySource.COUNTER,
            CapacitySource.INTEGRATED,
        )
        assert only.discharge_ah == only.discharge_integrated_ah == pytest.approx(5.0 * 59 / 60, rel=1e-3)


def test_part_of_a_test_is_not_blamed_for_what_its_counter_had_counted_before() -> None:
    whole = records(full_cycles(2))
    running = CyclerRecords(
        time_s=whole.time_s,
        voltage_v=whole.voltage_v,
        current_a=whole.current_a,
        step=whole.step,
        cycle=whole.cycle,
        counters_ah=(4.0 + np.cumsum(np.abs(whole.current_a) * np.diff(whole.time_s, prepend=0.0)) / 3600.0,),
    )
    assert {cycle.counters for cycle in evaluated(running)} == {CounterVerdict.AGREES}


def test_charge_and_discharge_counted_in_one_step_are_compared_by_their_difference() -> None:
    # A pulse within a charge: 30 s at -1 A after 300 s at 2 A.
    time = np.arange(0.0, 331.0)
    current = np.where(time < 300, 2.0, -1.0)
    moved = np.concatenate(([0.0], 0.5 * (current[1:] + current[:-1]))) / 3600.0
    test = CyclerRecords(
        time_s=time,
        voltage_v=np.linspace(3, 3.5, time.size),
        current_a=current,
        step=np.ones(time.size, dtype=np.int64),
        counters_ah=(np.cumsum(np.maximum(moved, 0)), np.cumsum(np.maximum(-moved, 0))),
    )
    table = step_table(test)
    assert float(table.counted_ah[0]) == pytest.approx(float(table.net_ah[0]))


def test_more_out_than_in_is_named_and_no_efficiency() -> None:
    first, _ = evaluated(records(full_cycles(2, discharge_minutes=62)))
    assert first.ce_pct is None
    assert "measurement fault" in first.reason


def test_cutoff_between_two_records_is_counted_from_the_clock_of_the_step() -> None:
    # A cycler that writes once a minute from 60 s on: the first minute belongs to the step, whatever is written.
    time = np.arange(60.0, 3601.0, 60.0)
    test = CyclerRecords(
        time_s=time,
        voltage_v=np.linspace(3, 4, time.size),
        current_a=np.full(time.size, 2.0),
        step=np.ones(time.size, dtype=np.int64),
        step_time_s=time,
    )
    assert float(step_table(test).charge_ah[0]) == pytest.approx(2.0)


def test_decaying_current_is_integrated_as_an_exponential() -> None:
    # 1 A decaying with 600 s, a record every 60 s: exactly 600·(1 − e⁻⁵) C.
    time = np.arange(0.0, 3001.0, 60.0)
    test = CyclerRecords(
        time, np.full(time.size, 4.2), np.exp(-time / 600), np.ones(time.size, dtype=np.int64)
    )
    assert float(step_table(test).charge_ah[0]) == pytest.approx(600 * (1 - math.exp(-5)) / 3600, rel=1e-9)


def test_records_without_steps_are_segmented_by_their_current() -> None:
    current = np.array([0.0] * 5 + [1.0] * 10 + [-0.0] + [1.0] * 5 + [-1.0] * 8)
    assert steps_from_current(current, rest_a=0.01).tolist() == [1] * 5 + [2] * 16 + [3] * 8


def test_time_that_runs_backwards_is_refused_with_its_record() -> None:
    test = records(full_cycles(1))
    test.time_s[7] = -5.0
    with pytest.raises(ValueError, match="runs backwards at record 8"):
        checked(test)


def test_nacoo2_half_cell_gives_the_published_capacities() -> None:
    test = half_cell()
    table = step_table(test)
    moved = {kind: [] for kind in StepKind}
    for row in range(table.size):
        moved[table.kind[row]].append(1000 * abs(float(table.net_ah[row])))
    # formulas 8; the discharge before them is partial, from open circuit.
    assert moved[StepKind.DISCHARGE][1:5] == pytest.approx([0.853, 0.876, 0.875, 0.877], abs=1e-3)
    assert moved[StepKind.CHARGE][:4] == pytest.approx([0.987, 0.937, 0.942, 0.948], abs=1e-3)


@given(
    st.lists(
        st.tuples(st.sampled_from([-3.0, -0.5, 0.0, 0.5, 3.0]), st.integers(2, 50)), min_size=1, max_size=8
    )
)
def test_charge_is_conserved_over_all_steps(steps: list[tuple[float, int]]) -> None:
    parts = [
        Part(current, minutes, 3.0, 3.1, index) for index, (current, minutes) in enumerate(steps, start=1)
    ]
    table = step_table(records(parts))
    expected = sum(current * minutes / 60 for current, minutes in steps)
    assert float(table.net_ah.sum()) == pytest.approx(expected, abs=1e-9)
    assert np.allclose(table.counted_ah, np.abs(table.net_ah), atol=1e-9)
