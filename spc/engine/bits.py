"""Series of yes and no, 64 points a word: how run rules are evaluated over whole series.

Bit i of a row says whether something holds at point i. A pattern over the last few points is then a handful of shifts
and ANDs over n / 64 words, and each comparison of the series is made once however many rules ask for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Words = NDArray[np.uint64]

WORD = 64


def pack(flags: BoolArray) -> Words:
    """Flags (n,) as words (ceil(n / 64),), the first point in the lowest bit; bits behind the last point are 0."""
    row = np.zeros(-(-len(flags) // WORD), dtype="<u8")
    row.view(np.uint8)[: -(-len(flags) // 8)] = np.packbits(flags, bitorder="little")
    return row if sys.byteorder == "little" else row.astype(np.uint64)


def positions(row: Words) -> NDArray[np.intp]:
    """Where the row holds, ascending. Only words that hold anything are opened."""
    occupied = np.flatnonzero(row)
    words = row[occupied].astype("<u8", copy=False)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little").view(np.bool_)
    found = np.flatnonzero(bits)
    skipped = occupied - np.arange(len(occupied))
    found += WORD * skipped[found >> 6]
    return found


def earlier(row: Words, back: int) -> Words:
    """What held `back` points before (0 <= back < 64); nothing held before the first point."""
    if back == 0:
        return row
    moved = row << np.uint64(back)
    moved[1:] |= row[:-1] >> np.uint64(WORD - back)
    return moved


def all_of_last(row: Words, length: int) -> Words:
    """Where the row holds at this and the `length - 1` points before it, by doubling."""
    run, done = row, 1
    while done < length:
        more = min(done, length - done)
        run = run & earlier(run, more)
        done += more
    return run


def count_of_last(row: Words, count: int, span: int) -> Words:
    """Where the row holds at `count` or more of this and the `span - 1` points before it.

    `reached[k]` is where at least k + 1 of the points looked at so far hold.
    """
    reached = [row, *(np.zeros_like(row) for _ in range(count - 1))]
    for back in range(1, span):
        one = earlier(row, back)
        for k in range(min(back, count - 1), 0, -1):
            reached[k] = reached[k] | (reached[k - 1] & one)
        reached[0] = reached[0] | one
    return reached[count - 1]


class Zones:
    """A series of standardised values z (n,), asked about lines and steps; every answer is kept.

    NaN is on no side of any line, and no step leads to it or from it.
    """

    def __init__(self, z: FloatArray) -> None:
        self._z = z
        self._known: dict[tuple[str, float], Words] = {}

    def above(self, sigmas: float) -> Words:
        """z > sigmas."""
        return self._answer("above", sigmas, lambda: self._z > sigmas)

    def below(self, sigmas: float) -> Words:
        """z < -sigmas."""
        return self._answer("below", sigmas, lambda: self._z < -sigmas)

    def within(self, sigmas: float) -> Words:
        """|z| < sigmas."""
        return self._answer("within", sigmas, lambda: np.abs(self._z) < sigmas)

    def rises(self) -> Words:
        """Each point above the one before it; the first is not."""
        return self._answer("rises", 0.0, lambda: self._steps(np.greater))

    def falls(self) -> Words:
        """Each point below the one before it; the first is not."""
        return self._answer("falls", 0.0, lambda: self._steps(np.less))

    def _steps(self, compare: np.ufunc) -> BoolArray:
        flags = np.zeros(len(self._z), dtype=np.bool_)
        compare(self._z[1:], self._z[:-1], out=flags[1:])
        return flags

    def _answer(self, question: str, sigmas: float, flags: Callable[[], BoolArray]) -> Words:
        key = (question, sigmas)
        if key not in self._known:
            self._known[key] = pack(flags())
        return self._known[key]
