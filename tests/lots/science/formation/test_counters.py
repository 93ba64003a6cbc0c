"""Counters of single precision: what they lose explains a difference, and nothing beyond it."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from lots.science.formation.counters import (
    CapacitySource,
    CounterPrecision,
    CounterVerdict,
    counted_in_single_precision_ah,
    half_cycles,
)
from lots.science.formation.cycles import Cycle, cycles
from lots.science.formation.records import CyclerRecords
from lots.science.formation.segments import StepKind, step_table
from tests.support.cycling import Part, records

TENTHS = CounterPrecision(single_precision_tick_s=0.1)
SMALL_A = 119.9e-6
HOURS = 6.0


def in_single(value: float) -> float:
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded


def counted_by_hand_ah(current_a: float, hours: float) -> float:
    """Ten additions a second, each rounded to 24 binary digits."""
    each, total = in_single(current_a * 0.1 / 3600.0), 0.0
    for _ in range(round(hours * 36_000)):
        total = in_single(total + each)
    return total


def small_cell(*, discharge_factor: float = 1.0, charge_counted_so: bool = True) -> CyclerRecords:
    """A charge of 40 µA, of which single precision loses 0.06 %, a discharge of 120 µA, of which it loses 0.2 %."""
    charge_a, charge_h = 40e-6, 4.0
    test = records(
        [
            Part(charge_a, charge_h * 60.0, 2.5, 3.8, every_s=30.0),
            Part(-SMALL_A, HOURS * 60.0, 3.7, 2.2, every_s=30.0),
        ]
    )
    (counter,) = test.counters_ah
    charged = counted_by_hand_ah(charge_a, charge_h) / (charge_a * charge_h) if charge_counted_so else 1.0
    lost = counted_by_hand_ah(SMALL_A, HOURS) / (SMALL_A * HOURS)
    factor = np.where(test.current_a < 0, lost * discharge_factor, charged)
    return replace(test, counters_ah=(counter * factor,))


def only_cycle(test: CyclerRecords, precision: CounterPrecision) -> Cycle:
    (cycle,) = cycles(test, step_table(test), counter=precision)
    return cycle


def test_a_counter_of_single_precision_is_counted_again_digit_by_digit() -> None:
    test = small_cell()
    by_hand = counted_by_hand_ah(SMALL_A, HOURS)
    assert abs(by_hand / (SMALL_A * HOURS) - 1) > 1.5e-3
    assert counted_in_single_precision_ah(test, step_table(test), 1, 0.1) == pytest.approx(by_hand, rel=2e-5)


def test_what_single_precision_loses_is_no_contradiction_of_an_instrument_that_counts_so() -> None:
    explained = only_cycle(small_cell(), TENTHS)
    assert explained.counters is CounterVerdict.WITHIN_RESOLUTION
    assert explained.discharge_source is CapacitySource.INTEGRATED
    assert explained.discharge_ah == pytest.approx(SMALL_A * HOURS)
    assert only_cycle(small_cell(), CounterPrecision()).counters is CounterVerdict.DIFFERS


@pytest.mark.parametrize("factor", [0.996, 1.005])
def test_a_counter_that_is_off_beyond_its_precision_still_contradicts(factor: float) -> None:
    assert only_cycle(small_cell(discharge_factor=factor), TENTHS).counters is CounterVerdict.DIFFERS


def test_halves_that_agree_must_speak_for_single_precision() -> None:
    """The charge was counted exactly, so that this instrument does not add up in single precision."""
    exact = small_cell(charge_counted_so=False)
    assert only_cycle(exact, TENTHS).counters is CounterVerdict.DIFFERS
    (discharge_only,) = half_cycles([[1]], small_cell(), step_table(small_cell()), TENTHS)
    assert discharge_only.verdict is CounterVerdict.DIFFERS


def test_a_test_that_claims_decades_is_not_counted_again() -> None:
    test = small_cell()
    table = step_table(test)
    claimed = replace(
        table, duration_s=np.array([1e9 if kind is StepKind.CHARGE else 2e9 for kind in table.kind])
    )
    _, discharge = half_cycles([[0], [1]], test, claimed, TENTHS)
    assert discharge.verdict is CounterVerdict.DIFFERS
