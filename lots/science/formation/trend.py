"""Trend of the coulombic efficiency over the cycles of formation.

Theil–Sen (the median of all pairwise slopes; Sen, J. Am. Stat. Assoc. 63 (1968) 1379) from cycle 2 on: cycle 1
builds the interphase and is another thing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

# Two integrals at 0.02 % of full scale.
CE_SIGMA_PCT = 0.03
MIN_CYCLES = 3


@dataclass(frozen=True)
class EfficiencyTrend:
    """Slope in percentage points a cycle with its 95 % interval; `improving` as the handbook asks it.

    Not improving: the last efficiency is below the second cycle's plus twice the uncertainty of one of them.
    """

    slope_pct_per_cycle: float
    slope_low: float
    slope_high: float
    improving: bool
    cycles: int


def efficiency_trend(
    cycle: ArrayLike, ce_pct: ArrayLike, *, sigma_pct: float = CE_SIGMA_PCT
) -> EfficiencyTrend | None:
    """Trend over cycles 2…n, None with fewer than three of them. `cycle` and `ce_pct` have one length.

    Raises:
        ValueError: rows of different length, or an efficiency that is not finite.
    """
    number, ce = np.asarray(cycle, dtype=np.float64), np.asarray(ce_pct, dtype=np.float64)
    if number.ndim != 1 or number.shape != ce.shape:
        raise ValueError("cycle and ce_pct must be rows of the same length")
    if not np.all(np.isfinite(ce)):
        raise ValueError("ce_pct must be finite: leave out cycles without an efficiency")
    later = number >= 2
    number, ce = number[later], ce[later]
    if number.size < MIN_CYCLES:
        return None
    order = np.argsort(number, kind="stable")
    number, ce = number[order], ce[order]
    slope, _, low, high = scipy.stats.theilslopes(ce, number)
    return EfficiencyTrend(
        slope_pct_per_cycle=float(slope),
        slope_low=float(low),
        slope_high=float(high),
        improving=bool(ce[-1] >= ce[0] + 2.0 * sigma_pct),
        cycles=int(number.size),
    )
