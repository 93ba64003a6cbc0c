"""Run rules as a finite automaton over zones of z, for exact run length calculations.

The real line is cut where any zone rule looks: a point's zone is all that zone rules see of it. The
automaton's state is what they remember of the past; it ends when any rule completes. States that behave alike
are merged. Trends and alternations compare points within a zone and are not zone rules: see `spc.engine.arl`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spc.engine.patterns import Outside, Pattern, SameSide, Within

ABSORBED = -1

# One step of one rule: (memory, z) -> the new memory, or None when the rule's pattern is complete.
_Step = Callable[[Hashable, float], Hashable | None]


class UnknownPatternError(TypeError):
    """A pattern that zones cannot decide."""


@dataclass(frozen=True)
class ZoneAutomaton:
    """k zones between `edges` (k - 1,); `next_state[state, zone]` is a state, or ABSORBED on a signal.

    State 0 is the start. `zone_of[state]` is the zone of the last point, -1 at the start.
    """

    edges: NDArray[np.float64]
    next_state: NDArray[np.int64]
    zone_of: NDArray[np.int64]


def zone_automaton(patterns: Sequence[Pattern]) -> ZoneAutomaton:
    """The smallest automaton of these zone patterns that still knows the last zone."""
    zoned = [pattern for pattern in patterns if isinstance(pattern, SameSide | Within | Outside)]
    cuts = sorted({0.0} | {sign * pattern.sigmas for pattern in zoned for sign in (-1.0, 1.0)})
    inner = [(low + high) / 2 for low, high in pairwise(cuts)]
    representatives = [cuts[0] - 1.0, *inner, cuts[-1] + 1.0]
    steps = [_step_of(pattern) for pattern in patterns]
    next_state, zone_of = _reachable(steps, representatives)
    return ZoneAutomaton(np.array(cuts), *_merged(next_state, zone_of))


def _step_of(pattern: Pattern) -> _Step:
    if isinstance(pattern, SameSide):
        return partial(_step_run if pattern.count == pattern.span else _step_some, pattern)
    if isinstance(pattern, Within):
        return partial(_step_within, pattern)
    if isinstance(pattern, Outside):
        return partial(_step_outside, pattern)
    raise UnknownPatternError(f"{type(pattern).__name__} is not decided by zones")


def _side(z: float, sigmas: float) -> int:
    return (z > sigmas) - (z < -sigmas)


def _step_run(pattern: SameSide, memory: object, z: float) -> Hashable | None:
    """Memory: signed length of the current run."""
    run = memory if isinstance(memory, int) else 0
    side = _side(z, pattern.sigmas)
    run = run + side if run * side > 0 else side
    return None if abs(run) >= pattern.span else run


def _step_some(pattern: SameSide, memory: object, z: float) -> Hashable | None:
    """Memory: sides of the last `span - 1` points, with leading zeros dropped."""
    sides = memory if isinstance(memory, tuple) else ()
    side = _side(z, pattern.sigmas)
    if side and 1 + sides.count(side) >= pattern.count:
        return None
    recent = (*sides, side)[-(pattern.span - 1) :]
    while recent and recent[0] == 0:
        recent = recent[1:]
    return recent


def _step_within(pattern: Within, memory: object, z: float) -> Hashable | None:
    """Memory: length of the current run."""
    run = (memory if isinstance(memory, int) else 0) + 1 if abs(z) < pattern.sigmas else 0
    return None if run >= pattern.span else run


def _step_outside(pattern: Outside, memory: object, z: float) -> Hashable | None:
    """Memory: length of the current run, at most `span - 1`, and the sides seen in it."""
    length, sides = memory if isinstance(memory, tuple) else (0, frozenset())
    side = _side(z, pattern.sigmas)
    if side == 0:
        return (0, frozenset())
    sides = sides | {side}
    if length + 1 >= pattern.span and (len(sides) == 2 or not pattern.both_sides):
        return None
    return (min(length + 1, pattern.span - 1), sides)


def _reachable(
    steps: Sequence[_Step], representatives: Sequence[float]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    origin: tuple[int, tuple[Hashable, ...]] = (-1, (None,) * len(steps))
    number, order, table = {origin: 0}, [origin], []
    for _, memories in order:  # grows while it is walked
        row = []
        for zone, z in enumerate(representatives):
            stepped = [step(memory, z) for step, memory in zip(steps, memories, strict=True)]
            if any(memory is None for memory in stepped):
                row.append(ABSORBED)
                continue
            state = (zone, tuple(stepped))
            if state not in number:
                number[state] = len(order)
                order.append(state)
            row.append(number[state])
        table.append(row)
    return np.array(table, dtype=np.int64), np.array([zone for zone, _ in order], dtype=np.int64)


def _merged(
    next_state: NDArray[np.int64], zone_of: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Merge states with the same zone that lead to the same future (Moore's partition refinement)."""
    label, classes = zone_of + 1, len(np.unique(zone_of))
    while True:
        following = np.where(next_state == ABSORBED, ABSORBED, label[next_state])
        _, first, refined = np.unique(
            np.column_stack([label, following]), axis=0, return_index=True, return_inverse=True
        )
        if len(first) == classes:
            break
        label, classes = refined.reshape(-1), len(first)
    # Number the classes so that the start stays state 0.
    rank = np.argsort(np.argsort(first))
    label = rank[refined.reshape(-1)]
    keep = np.sort(first)
    merged = np.where(next_state[keep] == ABSORBED, ABSORBED, label[next_state[keep]])
    return merged, zone_of[keep]
