"""The statistics engine against numpy floors, and one more point after a short and a long history."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, Size, best_of, seconds
from benchmarks.floors import boolean_flags, packed_positions
from benchmarks.installation import Installation
from spc.engine import (
    NELSON,
    Baseline,
    ChartState,
    Family,
    SubgroupData,
    advance,
    chart,
    completions,
    estimate_baseline,
    start,
)

NAME = "engine"
SEED = 20260301
SUBGROUP_SIZE = 5
SHORT_HISTORY = 1_000
BLOCK, BLOCKS = 500, 9


def figures(size: Size, installation: Installation) -> Iterator[Figure]:
    """Needs no installation."""
    full = size is Size.FULL
    for n in (1_000, 100_000, 1_000_000):
        yield from _rules(n, rounds=9)
    for n in (1_000, 100_000, 1_000_000) if full else (1_000, 20_000):
        yield from _individuals_chart(n)
    yield _xbar_chart(100_000 if full else 10_000)
    yield _one_more_point(10_000_000 if full else 100_000)


def _series(n: int) -> NDArray[np.float64]:
    return np.random.default_rng(SEED).standard_normal(n)


def _rules(n: int, *, rounds: int) -> Iterator[Figure]:
    """The engine's evaluation of the rules alone, from z to positions."""
    z = _series(n)

    def engine() -> list[NDArray[np.intp]]:
        return [completions(rule, z) for rule in NELSON]

    def boolean() -> list[NDArray[np.intp]]:
        return [np.flatnonzero(flags) for flags in boolean_flags(z)]

    def packed() -> list[NDArray[np.intp]]:
        return packed_positions(z)

    for positions, other, third in zip(engine(), boolean(), packed(), strict=True):
        if not (np.array_equal(positions, other) and np.array_equal(positions, third)):
            raise AssertionError("the engine and its floors mark different points")
    value, plain, bits = best_of(engine, boolean, packed, rounds=rounds)
    case = f"eight Nelson rules on z, {n:,} points"
    yield Figure(NAME, case, value, "s", "plain numpy, booleans", plain)
    target = "ratio <= 2.5" if n == 1_000_000 else ""
    yield Figure(NAME, case, value, "s", "numpy, packed bits", bits, target)


def _individuals_chart(n: int) -> Iterator[Figure]:
    """A whole individuals chart: subgroups in, both panels with limits, and every hit with its members."""
    values = _series(n).tolist()
    subgroups = [SubgroupData((value,)) for value in values]
    baseline = Baseline(Family.IMR, 0.0, 1.0, 1.0, n, n)
    rounds = 3 if n <= 100_000 else 1

    def engine() -> object:
        return chart(Family.IMR, baseline, subgroups, NELSON)

    def floor() -> object:
        z = np.array(values)
        ranges = np.abs(np.diff(z))
        return packed_positions(z), np.flatnonzero(ranges > 3.267 * 1.128)

    value, bits = best_of(engine, floor, rounds=rounds)
    case = f"individuals chart with moving ranges and all hits, {n:,} points"
    target = "ratio <= 2.5" if n == 1_000_000 else ""
    yield Figure(NAME, case, value, "s", "numpy, packed bits, positions only", bits, target)


def _xbar_chart(n: int) -> Figure:
    """Mean and range, limits and rules, from subgroups of five."""
    readings = np.random.default_rng(SEED).standard_normal((n, SUBGROUP_SIZE))
    subgroups = [SubgroupData(tuple(row)) for row in readings.tolist()]
    baseline = estimate_baseline(Family.XBAR_R, subgroups[:25])

    def engine() -> object:
        return chart(Family.XBAR_R, baseline, subgroups, NELSON)

    def floor() -> object:
        z = (readings.mean(axis=1) - baseline.center) / (baseline.require_sigma() / np.sqrt(SUBGROUP_SIZE))
        return packed_positions(z), np.ptp(readings, axis=1)

    value, bits = best_of(engine, floor, rounds=2)
    return Figure(
        NAME, f"mean and range chart, {n:,} subgroups of 5", value, "s", "numpy on the (n, 5) array", bits
    )


def _one_more_point(history: int) -> Figure:
    """Cost of advancing a state that has seen a long history, against one that has seen a short one."""
    baseline = Baseline(Family.IMR, 0.0, 1.0, 1.0, 100, 100)
    following = [SubgroupData((value,)) for value in _series(BLOCK).tolist()]
    young = _advanced(start(baseline, NELSON), SHORT_HISTORY)
    old = _advanced(young, history - SHORT_HISTORY)

    def block(state: ChartState) -> float:
        def work() -> None:
            after = state
            for subgroup in following:
                after, _ = advance(after, subgroup)

        return seconds(work) / BLOCK

    pairs = [(block(old), block(young)) for _ in range(BLOCKS)]
    value, short = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(
        NAME,
        f"one more point after {history:,} points",
        value,
        "s",
        f"one more point after {SHORT_HISTORY:,} points",
        short,
        "ratio <= 1.2",
    )


def _advanced(state: ChartState, count: int) -> ChartState:
    readings = [SubgroupData((value,)) for value in _series(BLOCK).tolist()]
    for position in range(count):
        if count > 1_000_000 and position % 1_000_000 == 0:
            print(f"engine: {position:,} of {count:,} points advanced", file=sys.stderr)
        state, _ = advance(state, readings[position % BLOCK])
    return state
