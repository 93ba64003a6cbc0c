"""Self-discharge in storage: the fall of the open-circuit voltage in time (the K value), with its uncertainty.

Ordinary least squares of the voltage on time. The uncertainty is the larger of what the voltmeter's own uncertainty
leads to and what the scatter about the line shows (GUM, JCGM 100:2008, H.3), since two or three readings always lie
near a line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

DAY_S = 86_400.0


@dataclass(frozen=True)
class SelfDischarge:
    """Loss in mV a day, above zero when the voltage falls, with its standard uncertainty; days from first to last."""

    k_mv_day: float
    u_mv_day: float
    days: float
    readings: int

    @property
    def is_resolved(self) -> bool:
        """Whether the loss differs from none by more than twice its uncertainty."""
        return abs(self.k_mv_day) > 2.0 * self.u_mv_day


def self_discharge(
    time_s: ArrayLike, ocv_v: ArrayLike, *, reading_u_mv: float, least_days: float
) -> SelfDischarge:
    """K value of a cell from two or more readings of its open-circuit voltage at one temperature.

    Args:
        time_s: (n,) seconds on one clock, in any order.
        ocv_v: (n,) V.
        reading_u_mv: standard uncertainty of one reading, mV.
        least_days: shortest span from the first to the last reading that counts.

    Raises:
        ValueError: fewer than two readings, a span that is too short, rows that do not match or are not finite.
    """
    time, voltage = (np.asarray(row, dtype=np.float64) for row in (time_s, ocv_v))
    if time.ndim != 1 or time.shape != voltage.shape:
        raise ValueError("time_s and ocv_v must be rows of the same length")
    if not (np.all(np.isfinite(time)) and np.all(np.isfinite(voltage))):
        raise ValueError("time_s and ocv_v must be finite")
    if time.size < 2:
        raise ValueError("the voltage must be read twice at least")
    if not math.isfinite(reading_u_mv) or reading_u_mv <= 0:
        raise ValueError("reading_u_mv must be finite and above zero")
    days = (time - time.min()) / DAY_S
    span = float(days.max())
    if span < least_days or span == 0.0:
        raise ValueError(f"the readings span {span:.2f} days; {least_days:g} are needed")
    centred = days - days.mean()
    spread = float(centred @ centred)
    slope = float(centred @ voltage) / spread  # V a day
    u_slope = reading_u_mv / math.sqrt(spread)
    if time.size > 2:
        residual_mv = 1000.0 * (voltage - voltage.mean() - slope * centred)
        u_slope = max(u_slope, math.sqrt(float(residual_mv @ residual_mv) / (time.size - 2) / spread))
    return SelfDischarge(-1000.0 * slope, u_slope, span, int(time.size))
