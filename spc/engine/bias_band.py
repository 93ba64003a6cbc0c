"""Where the bias of a gauge lies over its working range, with confidence.

Source: AIAG, Measurement Systems Analysis, 4th edition (2010), III-B, guidelines for determining linearity: the gauge
is linear and unbiased where the line bias = 0 lies within the confidence band of the fitted line, over the whole range.
A test of the intercept alone speaks of a part of size 0, which may be far from every part measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from spc.engine.measurement_systems import Linearity, linearity

FloatArray = NDArray[np.float64]
BAND_POINTS = 41


@dataclass(frozen=True)
class BiasBand:
    """The fitted bias at values `x` (k,) over the range of the references, and its pointwise interval."""

    fit: Linearity
    x: FloatArray
    line: FloatArray
    lower: FloatArray
    upper: FloatArray

    @property
    def holds_zero(self) -> bool:
        """Whether no bias can be told from zero anywhere in the range."""
        return bool(np.all((self.lower <= 0.0) & (self.upper >= 0.0)))


def bias_band(reference: ArrayLike, values: ArrayLike, *, confidence: float = 0.95) -> BiasBand:
    """Band of the regression of bias on reference; readings (n,) with their references (n,). Raises StudyError."""
    fit = linearity(reference, values)
    at = np.asarray(reference, dtype=np.float64)
    residuals = np.asarray(values, dtype=np.float64) - at - (fit.intercept + fit.slope * at)
    n, center = len(at), float(at.mean())
    s = math.sqrt(float(residuals @ residuals) / (n - 2))
    x = np.linspace(float(at.min()), float(at.max()), BAND_POINTS)
    line = fit.intercept + fit.slope * x
    spread = np.sqrt(1.0 / n + (x - center) ** 2 / float(np.sum((at - center) ** 2)))
    reach = float(scipy.stats.t.ppf((1.0 + confidence) / 2.0, n - 2)) * s * spread
    return BiasBand(fit, x, line, line - reach, line + reach)
