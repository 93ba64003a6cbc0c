"""Floors for the engine, written straight down and sharing no code with it: rules on z, and whole charts.

`individuals` and `mean_and_range` answer what a chart answers: limits from the data, and where each rule of each
panel is complete. Both use the packed rules.

`boolean_flags` uses one byte per point, `packed_positions` one bit per point. Both mark the point that completes
a pattern, with strict comparisons and no full window needed for "2 of 3" and "4 of 5".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Words = NDArray[np.uint64]
Positions = NDArray[np.intp]
WORD = 64
# Mean and standard deviation of the range of n standard normal values (Harter 1960).
D2 = {2: 1.1283791670955126, 5: 2.3259289472810253}
D3 = {2: 0.8525024664027213, 5: 0.8640819411013485}


def boolean_flags(z: NDArray[np.float64]) -> list[Flags]:
    """Flags (n,) of Nelson's rules 1 to 8 in their order."""
    above = {sigmas: z > sigmas for sigmas in (0.0, 1.0, 2.0, 3.0)}
    below = {sigmas: z < -sigmas for sigmas in (0.0, 1.0, 2.0, 3.0)}
    up, down = np.zeros((2, len(z)), dtype=np.bool_)
    up[1:], down[1:] = z[1:] > z[:-1], z[1:] < z[:-1]
    outside = above[1.0] | below[1.0]
    return [
        above[3.0] | below[3.0],
        _run(above[0.0], 9) | _run(below[0.0], 9),
        _run(up, 5) | _run(down, 5),
        _run((up & _later(down, 1)) | (down & _later(up, 1)), 12),
        _some(above[2.0], 2, 3) | _some(below[2.0], 2, 3),
        _some(above[1.0], 4, 5) | _some(below[1.0], 4, 5),
        _run(np.abs(z) < 1.0, 15),
        _run(outside, 8) & ~_run(above[1.0], 8) & ~_run(below[1.0], 8),
    ]


def _later(flags: Flags, by: int) -> Flags:
    moved = np.zeros_like(flags)
    moved[by:] = flags[:-by]
    return moved


def _run(flags: Flags, length: int) -> Flags:
    run = flags
    for back in range(1, length):
        run = run & _later(flags, back)
    return run


def _some(flags: Flags, count: int, span: int) -> Flags:
    total = flags.astype(np.int8)
    for back in range(1, span):
        total += _later(flags, back)
    return flags & (total >= count)


def individuals(x: NDArray[np.float64]) -> list[Positions]:
    """Rules 1 to 8 of readings (n,), then rule 1 of their moving ranges; limits from the mean moving range."""
    ranges = np.abs(np.diff(x))
    mean_range = ranges.mean()
    z = (x - x.mean()) / (mean_range / D2[2])
    return [*packed_positions(z), np.flatnonzero(ranges > (D2[2] + 3.0 * D3[2]) / D2[2] * mean_range) + 1]


def mean_and_range(x: NDArray[np.float64]) -> list[Positions]:
    """Rules 1 to 8 of the means of readings (n, 5), then rules 1 to 4 of their ranges; limits from the mean range."""
    columns = np.ascontiguousarray(
        x.T
    )  # reduced along the long axis, several times as fast as along the short one
    means = columns.sum(axis=0) / 5.0
    ranges = columns.max(axis=0) - columns.min(axis=0)
    mean_range = ranges.mean()
    sigma = mean_range / D2[5]
    z = (means - means.mean()) / (sigma / np.sqrt(5.0))
    return [*packed_positions(z), *_first_four((ranges - mean_range) / (D3[5] * sigma))]


def packed_positions(z: NDArray[np.float64]) -> list[Positions]:
    """Positions at which rules 1 to 8 are complete; 64 points a word."""
    above = {sigmas: _pack(z > sigmas) for sigmas in (0.0, 1.0, 2.0, 3.0)}
    below = {sigmas: _pack(z < -sigmas) for sigmas in (0.0, 1.0, 2.0, 3.0)}
    # Point 0 has no step. Its flag stays 0, and so do the bits behind the last point.
    up = _pack(np.concatenate(([False], z[1:] > z[:-1])))
    down = _pack(np.concatenate(([False], z[1:] < z[:-1])))
    within = _pack(np.abs(z) < 1.0)
    outside = above[1.0] | below[1.0]
    found = [
        above[3.0] | below[3.0],
        _run_bits(above[0.0], 9) | _run_bits(below[0.0], 9),
        _run_bits(up, 5) | _run_bits(down, 5),
        _run_bits((up & _shift(down, 1)) | (down & _shift(up, 1)), 12),
        _two_of_three(above[2.0]) | _two_of_three(below[2.0]),
        _four_of_five(above[1.0]) | _four_of_five(below[1.0]),
        _run_bits(within, 15),
        _run_bits(outside, 8) & ~_run_bits(above[1.0], 8) & ~_run_bits(below[1.0], 8),
    ]
    return [_positions(words) for words in found]


def _first_four(z: NDArray[np.float64]) -> list[Positions]:
    """Positions at which rules 1 to 4 are complete."""
    above, below = _pack(z > 0.0), _pack(z < 0.0)
    up = _pack(np.concatenate(([False], z[1:] > z[:-1])))
    down = _pack(np.concatenate(([False], z[1:] < z[:-1])))
    found = [
        _pack(z > 3.0) | _pack(z < -3.0),
        _run_bits(above, 9) | _run_bits(below, 9),
        _run_bits(up, 5) | _run_bits(down, 5),
        _run_bits((up & _shift(down, 1)) | (down & _shift(up, 1)), 12),
    ]
    return [_positions(words) for words in found]


def _pack(flags: Flags) -> Words:
    packed = np.packbits(flags, bitorder="little")
    return np.concatenate((packed, np.zeros(-len(packed) % 8, np.uint8))).view("<u8")


def _shift(words: Words, by: int) -> Words:
    """Bit i is what bit i - by was (by < 64)."""
    moved = words << np.uint64(by)
    moved[1:] |= words[:-1] >> np.uint64(WORD - by)
    return moved


def _run_bits(words: Words, length: int) -> Words:
    run, done = words, 1
    while done < length:
        more = min(done, length - done)
        run = run & _shift(run, more)
        done += more
    return run


def _two_of_three(words: Words) -> Words:
    return words & (_shift(words, 1) | _shift(words, 2))


def _four_of_five(words: Words) -> Words:
    """This point, and at least three of the four before it."""
    a, b, c, d = (_shift(words, back) for back in (1, 2, 3, 4))
    return words & ((a & b & (c | d)) | (c & d & (a | b)))


def _positions(words: Words) -> Positions:
    """Positions of set bits. As booleans they are found many times faster than as bytes."""
    return np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little").view(np.bool_))
