"""Which readings statistics can be made of: finite ones up to a size whose square still is a number, or none (NaN)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

# Squares, sums of squares and ratios to any other reading stay finite. No unit of a line comes near.
LARGEST = 1e100


class SubgroupError(ValueError):
    """A subgroup that its chart family cannot plot: wrong number of values, impossible count or size."""


class ReadingError(SubgroupError):
    """A reading that nothing can be made of: infinite, or too large to be squared."""


def possible(value: float) -> float:
    """The reading, or NaN where it is missing. Raises ReadingError."""
    if abs(value) > LARGEST:
        raise _refusal(value)
    return float(value)


def all_possible(values: ArrayLike) -> FloatArray:
    """Readings of any shape, NaN where they are missing. Raises ReadingError."""
    readings = np.asarray(values, dtype=np.float64)
    # A maximum is NaN where anything is; only then every reading must be looked at.
    if readings.size and not (readings.max() <= LARGEST and readings.min() >= -LARGEST):
        beyond = readings[np.abs(readings) > LARGEST]
        if len(beyond):
            raise _refusal(float(beyond[0]))
    return readings


def _refusal(value: float) -> ReadingError:
    if math.isinf(value):
        return ReadingError("a reading is infinite")
    return ReadingError(f"the reading {value:g} is too large: magnitudes up to {LARGEST:g} can be charted")
