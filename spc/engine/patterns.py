"""Patterns of run rules on standardised values z = (point - its centre) / its own sigma.

Each pattern answers two questions. `complete(zones)`: at which points is it complete? (a row of bits, whole series).
`members(window)`: is it complete at the window's last point, and which points form it? (one point, plain
Python). A point is marked when it COMPLETES the pattern and as long as the pattern stays true. All
comparisons are strict. A missing value (NaN) keeps its place in the series and satisfies nothing, so a
pattern is only reported when it holds whatever the missing value was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from spc.engine.bits import Words, Zones, all_of_last, count_of_last, earlier


class Pattern(Protocol):
    @property
    def span(self) -> int:
        """How many consecutive points decide whether the pattern is complete at the last of them."""

    def complete(self, zones: Zones) -> Words:
        """The points of the series at which the pattern is complete."""

    def members(self, window: Sequence[float]) -> tuple[int, ...]:
        """Offsets back from the window's last point of the points that form the pattern; () if incomplete."""


@dataclass(frozen=True)
class SameSide:
    """`count` of the last `span` points beyond `sigmas` on one side, the last of them included.

    With `count == span` a run. No full window is needed: 2.5, 2.5 completes "2 of 3 beyond 2" at once.
    """

    count: int
    span: int
    sigmas: float

    def complete(self, zones: Zones) -> Words:
        return self._side(zones.above(self.sigmas)) | self._side(zones.below(self.sigmas))

    def _side(self, beyond: Words) -> Words:
        if self.count == self.span:
            return all_of_last(beyond, self.span)
        return beyond & count_of_last(beyond, self.count, self.span)

    def members(self, window: Sequence[float]) -> tuple[int, ...]:
        sign = 1.0 if window[-1] > 0 else -1.0
        recent = window[-1 : -self.span - 1 : -1]
        if not sign * recent[0] > self.sigmas:
            return ()
        beyond = tuple(back for back, value in enumerate(recent) if sign * value > self.sigmas)
        return beyond if len(beyond) >= self.count else ()


@dataclass(frozen=True)
class Trend:
    """`span` points in a row, each strictly above the one before it, or each strictly below."""

    span: int

    def complete(self, zones: Zones) -> Words:
        steps = self.span - 1
        return all_of_last(zones.rises(), steps) | all_of_last(zones.falls(), steps)

    def members(self, window: Sequence[float]) -> tuple[int, ...]:
        recent = window[-self.span :]
        if len(recent) < self.span:
            return ()
        pairs = list(pairwise(recent))
        monotone = all(a < b for a, b in pairs) or all(a > b for a, b in pairs)
        return tuple(range(self.span)) if monotone else ()


@dataclass(frozen=True)
class Alternating:
    """`span` points in a row that go up and down in turn; an equal neighbour ends it."""

    span: int

    def complete(self, zones: Zones) -> Words:
        up, down = zones.rises(), zones.falls()
        turns = (up & earlier(down, 1)) | (down & earlier(up, 1))
        return all_of_last(turns, self.span - 2)

    def members(self, window: Sequence[float]) -> tuple[int, ...]:
        recent = window[-self.span :]
        if len(recent) < self.span:
            return ()
        # A turn at b: a < b > c or a > b < c.
        turns = zip(recent, recent[1:], recent[2:], strict=False)
        alternates = all((a < b > c) or (a > b < c) for a, b, c in turns)
        return tuple(range(self.span)) if alternates else ()


@dataclass(frozen=True)
class Within:
    """`span` points in a row within `sigmas` of the centre, on either side; exactly on it is not within."""

    span: int
    sigmas: float

    def complete(self, zones: Zones) -> Words:
        return all_of_last(zones.within(self.sigmas), self.span)

    def members(self, window: Sequence[float]) -> tuple[int, ...]:
        recent = window[-self.span :]
        if len(recent) < self.span or not all(-self.sigmas < value < self.sigmas for value in recent):
            return ()
        return tuple(range(self.span))


@dataclass(frozen=True)
class Outside:
    """`span` points in a row, none within `sigmas`; with `both_sides` both sides must occur (Nelson 1984)."""

    span: int
    sigmas: float
    both_sides: bool

    def complete(self, zones: Zones) -> Words:
        above, below = zones.above(self.sigmas), zones.below(self.sigmas)
        outside = all_of_last(above | below, self.span)
        if self.both_sides:
            outside &= ~(all_of_last(above, self.span) | all_of_last(below, self.span))
        return outside

    def members(self, window: Sequence[float]) -> tuple[int, ...]:
        recent = window[-self.span :]
        above = sum(value > self.sigmas for value in recent)
        below = sum(value < -self.sigmas for value in recent)
        if above + below < self.span or (self.both_sides and not (above and below)):
            return ()
        return tuple(range(self.span))
