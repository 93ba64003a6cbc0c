"""Capability of data that are not normal: by percentiles of a fitted law, or of transformed data.

Percentile method (ISO 22514-2, ISO 21747): Pp = (USL - LSL) / (Q.99865 - Q.00135),
Ppu = (USL - Q.5) / (Q.99865 - Q.5).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spc.engine.capability import ProcessIndices, SpecificationError, process_indices

FloatArray = NDArray[np.float64]
PERCENTILES = (0.00135, 0.5, 0.99865)


@dataclass(frozen=True)
class PercentileIndices:
    """Indices by percentiles `q` at 0.135, 50 and 99.865 %; None without the limit or the spread that they need."""

    q: tuple[float, float, float]
    pp: float | None
    ppl: float | None
    ppu: float | None
    ppk: float | None


def percentile_indices(
    quantiles: Callable[[ArrayLike], FloatArray], *, lsl: float | None, usl: float | None
) -> PercentileIndices:
    """Indices of a law given by its quantile function. Raises SpecificationError."""
    if lsl is None and usl is None:
        raise SpecificationError("capability needs at least one specification limit")
    if lsl is not None and usl is not None and not lsl < usl:
        raise SpecificationError(f"lsl {lsl} is not below usl {usl}")
    low, median, high = (float(v) for v in quantiles(PERCENTILES))
    ppl = None if lsl is None else _share(median - lsl, median - low)
    ppu = None if usl is None else _share(usl - median, high - median)
    pp = None if lsl is None or usl is None else _share(usl - lsl, high - low)
    sides = [side for side in (ppl, ppu) if side is not None]
    return PercentileIndices((low, median, high), pp, ppl, ppu, min(sides, default=None))


def _share(room: float, spread: float) -> float | None:
    """None where the law has no spread on that side, or one beyond all numbers."""
    return room / spread if 0.0 < spread < math.inf else None


def transformed_indices(
    values: ArrayLike, transform: Callable[[ArrayLike], FloatArray], *, lsl: float | None, usl: float | None
) -> ProcessIndices:
    """Overall indices of transformed readings (n,) against transformed limits; the transform must increase."""
    y = transform(values)
    limits = (None if limit is None else float(transform(limit)) for limit in (lsl, usl))
    low, high = limits
    return process_indices(float(y.mean()), float(y.std(ddof=1)), lsl=low, usl=high)
