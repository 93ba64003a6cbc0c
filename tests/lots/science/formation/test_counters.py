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
)
from lots.science.formation.cycles import Cycle, cycles
from lots.science.formation.records import CyclerRecords
from lots.science.formation.segments import step_table
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


def small_cell(*, discharge_factor: float = 1.0) -> CyclerRecords:
    """A charge of 12 µA that single precision counts well, a discharge of 120 µA that it does not."""
    test = records(
        [Part(12e-6, 600.0, 2.5, 3.8, every_s=30.0), Part(-SMALL_A, HOURS * 60.0, 3.7, 2.2, every_s=30.0)]
    )
    (counter,) = test.counters_ah
    lost = counted_by_hand_ah(SMALL_A, HOURS) / (SMALL_A * HOURS)
    return replace(test, counters_ah=(counter * np.where(test.current_a < 0, lost * discharge_factor, 1.0),))


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


def test_a_test_that_claims_decades_is_not_counted_again() -> None:
    test = small_cell()
    claimed = replace(test, time_s=test.time_s + np.where(test.step > 1, 3e9, 0.0))
    assert only_cycle(claimed, TENTHS).counters is CounterVerdict.DIFFERS
