"""How far the early cycles of a lot spread: a wide spread stops the lot (handbook 7.4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

# Handbook 7.4 stops a lot whose early cycles spread widely and gives no number: 2 % is an assumption.
EARLY_SPREAD_LIMIT_PCT = 2.0


def spread_holds_lot(values: ArrayLike, *, limit_cv_pct: float, min_cells: int = 5) -> tuple[bool, float]:
    """Whether the early cycles of a lot spread too widely, and their robust coefficient of variation, %.

    Raises:
        ValueError: fewer than `min_cells` finite values, a median of zero, or a limit not above zero.
    """
    sample = np.asarray(values, dtype=np.float64)
    sample = sample[np.isfinite(sample)]
    if limit_cv_pct <= 0:
        raise ValueError("limit_cv_pct must be above zero")
    if sample.size < min_cells:
        raise ValueError(f"values needs at least {min_cells} cells")
    median = float(np.median(sample))
    if median == 0:
        raise ValueError("values has a median of zero: a relative spread is not defined")
    cv = 100.0 * 1.4826 * float(np.median(np.abs(sample - median))) / abs(median)
    return cv > limit_cv_pct, cv
