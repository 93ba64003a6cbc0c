"""Group charts: many like streams (lanes, spindles) on one chart by their largest and smallest means.

Source: Montgomery, Introduction to Statistical Quality Control, 10.3.2. A stream that is the largest, or the smallest,
many times in a row differs from the others, even when no limit is crossed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spc.engine.constants import d2
from spc.engine.readings import all_possible
from spc.engine.sigma import TooFewReadingsError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LongestRun:
    """The stream that led most often in a row, and how often."""

    stream: int
    length: int


@dataclass(frozen=True)
class GroupChart:
    """Arrays (m,) of the largest and smallest mean at each time and the stream (0-based) that it belongs to."""

    max_value: FloatArray
    max_stream: NDArray[np.intp]
    min_value: FloatArray
    min_stream: NDArray[np.intp]
    center: float
    mean_range: float
    lcl: float
    ucl: float
    longest_max: LongestRun
    longest_min: LongestRun


def group_chart(
    stream_means: ArrayLike, stream_ranges: ArrayLike, *, n: int, n_phase1: int | None = None
) -> GroupChart:
    """Means and ranges (m times, s streams) of subgroups of n values, all known.

    Limits come from the grand mean and mean range of the first `n_phase1` times. Raises TooFewReadingsError,
    ReadingError.
    """
    means, ranges = all_possible(stream_means), all_possible(stream_ranges)
    if means.ndim != 2 or means.shape != ranges.shape or not means.size:
        raise TooFewReadingsError(
            "stream_means and stream_ranges must be two tables of the same shape, not empty"
        )
    if np.any(np.isnan(means)) or np.any(np.isnan(ranges)):
        raise TooFewReadingsError(
            "a group chart needs every stream at every time: leave a time with a gap out"
        )
    center, mean_range = float(means[:n_phase1].mean()), float(ranges[:n_phase1].mean())
    reach = 3.0 / (d2(n) * math.sqrt(n)) * mean_range
    largest, smallest = means.argmax(axis=1), means.argmin(axis=1)
    return GroupChart(
        max_value=means.max(axis=1),
        max_stream=largest,
        min_value=means.min(axis=1),
        min_stream=smallest,
        center=center,
        mean_range=mean_range,
        lcl=center - reach,
        ucl=center + reach,
        longest_max=longest_run(largest.tolist()),
        longest_min=longest_run(smallest.tolist()),
    )


def longest_run(streams: Sequence[int]) -> LongestRun:
    """The first of the longest stretches of one stream. Raises TooFewReadingsError for an empty row."""
    if not streams:
        raise TooFewReadingsError("no streams to look for a run")
    best, length, previous = LongestRun(streams[0], 1), 0, None
    for stream in streams:
        length = length + 1 if stream == previous else 1
        previous = stream
        if length > best.length:
            best = LongestRun(stream, length)
    return best
