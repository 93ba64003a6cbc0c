"""The engine against numpy floors and published packages, and one more point after a short and a long history."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import floors, packages
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
    phase1_chart,
    start,
)
from spc.engine.rules import evaluate

NAME = "engine"
SEED = 20260301
SUBGROUP_SIZE = 5
# A coating of 75 um, in mm.
LEVEL, SPREAD = 0.075, 0.0004
SHORT_HISTORY = 1_000
BLOCK, BLOCKS = 500, 9


@dataclass(frozen=True)
class Against:
    """What the engine is measured against in one family: its floor, packages, and the target at a number of points."""

    family: Family
    floor: Callable[[NDArray[np.float64]], list[NDArray[np.intp]]]
    packages: tuple[packages.Package, ...]
    target: str
    target_at: int


INDIVIDUALS = Against(Family.IMR, floors.individuals, packages.INDIVIDUALS, "ratio <= 2.5", 1_000_000)
MEAN_AND_RANGE = Against(Family.XBAR_R, floors.mean_and_range, packages.MEAN_AND_RANGE, "ratio <= 2", 100_000)


def figures(size: Size, installation: Installation) -> Iterator[Figure]:
    """Needs no installation."""
    lengths = (1_000,) if size is Size.TINY else (1_000, 100_000, 1_000_000)
    for n in lengths:
        yield from _rules(n, rounds=9)
    for n in lengths:
        yield from _charts(LEVEL + SPREAD * _series(n), f"individuals chart, {n:,} points", INDIVIDUALS)
    for n in lengths[:2]:
        readings = LEVEL + SPREAD * _series(n * SUBGROUP_SIZE).reshape(n, SUBGROUP_SIZE)
        yield from _charts(readings, f"mean and range chart, {n:,} subgroups of 5", MEAN_AND_RANGE)
    yield _one_more_point({Size.TINY: 10_000, Size.FULL: 10_000_000}.get(size, 100_000))


def _series(n: int) -> NDArray[np.float64]:
    return np.random.default_rng(SEED).standard_normal(n)


def _rules(n: int, *, rounds: int) -> Iterator[Figure]:
    """The engine's evaluation of the rules alone, from z to positions."""
    z = _series(n)

    def engine() -> list[NDArray[np.intp]]:
        return list(evaluate(NELSON, z).values())

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


def _charts(readings: NDArray[np.float64], case: str, against: Against) -> Iterator[Figure]:
    """A whole chart from an array: both panels with limits from the data, and where every rule is complete."""
    n = len(readings)

    def engine() -> list[NDArray[np.intp]]:
        return [completed.positions for completed in phase1_chart(against.family, readings, NELSON).completed]

    def floor() -> list[NDArray[np.intp]]:
        return against.floor(readings)

    for positions, other in zip(engine(), floor(), strict=True):
        if not np.array_equal(positions, other):
            raise AssertionError(f"{case}: the engine and its floor mark different points")
    value, bits = best_of(engine, floor, rounds=15)
    target = against.target if n == against.target_at else ""
    yield Figure(NAME, case, value, "s", "numpy, packed bits", bits, target)
    # Long ones once: their ratio does not hang on a busy moment.
    rounds = 5 if n <= 10_000 else 1
    for package in against.packages:
        if work := package.work(readings):
            theirs = best_of(work, rounds=rounds)[0]
            target = "ratio <= 0.01" if package.has_all_eight and n == against.target_at else ""
            yield Figure(NAME, case, value, "s", f"{package.name}, {package.rules}", theirs, target)


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
