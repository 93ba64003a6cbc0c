"""Charts with memory: the exponentially weighted moving average and the tabular cumulative sum.

Both come as a whole chart of arrays and as a small immutable state that is advanced point by point; the chart is
the state advanced, so that the two agree to the last bit. A missing point (NaN) keeps its place and changes nothing.

Sources: Lucas and Saccucci (1990), Technometrics 32, 1-29 (EWMA); Page (1954), Biometrika 41; Lucas and Crosier
(1982), Technometrics 24, 199-205 (head start); Montgomery, Introduction to Statistical Quality Control, chapter 9.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spc.engine.readings import possible

FloatArray = NDArray[np.float64]


class WeightError(ValueError):
    """A weight, reference value or decision interval that no chart can have."""


@dataclass(frozen=True)
class EwmaState:
    """`value` is the average after `count` points; it starts at the centre, and the first point counts.

    `decay` is (1 - weight)^(2 count), which the exact variance needs.
    """

    center: float
    sigma: float
    weight: float
    width: float
    value: float
    decay: float = 1.0
    count: int = 0

    def update(self, value: float, size: float = 1.0) -> EwmaState:
        """One more statistic, the mean of `size` values. NaN changes nothing. Raises ReadingError."""
        if math.isnan(possible(value)):
            return self
        moved = self.weight * value + (1.0 - self.weight) * self.value
        decay = self.decay * (1.0 - self.weight) ** 2
        return replace(self, value=moved, decay=decay, count=self.count + 1)

    def half_width(self, size: float = 1.0, *, asymptotic: bool = False) -> float:
        """Distance of the limits from the centre at this point."""
        spread = self.weight / (2.0 - self.weight) * (1.0 if asymptotic else 1.0 - self.decay)
        return self.width * self.sigma * math.sqrt(spread / size)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; floats survive exactly."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> EwmaState:
        """Inverse of `to_dict`."""
        return cls(**data)


@dataclass(frozen=True)
class EwmaChart:
    """Arrays (n,): the average, its limits, and the positions beyond them."""

    center: float
    ewma: FloatArray
    lcl: FloatArray
    ucl: FloatArray
    signals: tuple[int, ...]


def start_ewma(center: float, sigma: float, *, weight: float, width: float = 3.0) -> EwmaState:
    """A chart of statistics with mean `center` whose single values have standard deviation `sigma`.

    `weight` (lambda) in (0, 1]; `width` (L) in standard deviations of the average. Raises WeightError.
    """
    if not 0.0 < weight <= 1.0:
        raise WeightError(f"the weight lambda must lie in (0, 1], got {weight}")
    if not width > 0.0:
        raise WeightError(f"the width L must be above zero, got {width}")
    return EwmaState(center=center, sigma=sigma, weight=weight, width=width, value=center)


def ewma_chart(
    statistic: Sequence[float] | FloatArray,
    *,
    center: float,
    sigma: float,
    weight: float,
    width: float = 3.0,
    size: float | Sequence[float] = 1.0,
    asymptotic: bool = False,
) -> EwmaChart:
    """EWMA of statistics (n,), each the mean of `size` values; limits vary with time unless `asymptotic`."""
    values = np.asarray(statistic, dtype=np.float64)
    sizes = np.broadcast_to(np.asarray(size, dtype=np.float64), values.shape)
    state = start_ewma(center, sigma, weight=weight, width=width)
    averages, reach = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for i, (value, n) in enumerate(zip(values.tolist(), sizes.tolist(), strict=True)):
        state = state.update(value, n)
        if not math.isnan(value):
            averages[i], reach[i] = state.value, state.half_width(n, asymptotic=asymptotic)
    lcl, ucl = center - reach, center + reach
    with np.errstate(invalid="ignore"):
        beyond = ((averages > ucl) | (averages < lcl)) if sigma > 0 else np.zeros(len(values), bool)
    return EwmaChart(center, averages, lcl, ucl, tuple(np.flatnonzero(beyond).tolist()))


@dataclass(frozen=True)
class CusumState:
    """`upper` and `lower` (never positive) after `count` points, in the unit of `reference` and `interval`.

    `upper_since` and `lower_since` count the points since each sum was last zero: the change point is before them.
    """

    reference: float
    interval: float
    upper: float
    lower: float
    count: int = 0
    upper_since: int = 0
    lower_since: int = 0

    def update(self, deviation: float) -> CusumState:
        """One more deviation from the target. NaN changes nothing. Raises ReadingError."""
        if math.isnan(possible(deviation)):
            return self
        upper = max(0.0, deviation - self.reference + self.upper)
        lower = min(0.0, deviation + self.reference + self.lower)
        return replace(
            self,
            upper=upper,
            lower=lower,
            count=self.count + 1,
            upper_since=self.upper_since + 1 if upper > 0.0 else 0,
            lower_since=self.lower_since + 1 if lower < 0.0 else 0,
        )

    @property
    def signals_upper(self) -> bool:
        return self.upper > self.interval

    @property
    def signals_lower(self) -> bool:
        return self.lower < -self.interval

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; floats survive exactly."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> CusumState:
        """Inverse of `to_dict`."""
        return cls(**data)


@dataclass(frozen=True)
class CusumChart:
    """Arrays (n,) of both sums, positions beyond the decision interval, and the first points after the last zero.

    `upper_change` and `lower_change` are the estimated first point of the shift behind the first signal, or None.
    """

    upper: FloatArray
    lower: FloatArray
    signals_upper: tuple[int, ...]
    signals_lower: tuple[int, ...]
    upper_change: int | None
    lower_change: int | None


def start_cusum(*, reference: float, interval: float, head_start: float = 0.0) -> CusumState:
    """Sums with reference value k and decision interval h, both in the unit of the deviations.

    `head_start` (fast initial response) is half of `interval` where it is used. Raises WeightError.
    """
    if reference < 0.0 or not interval > 0.0 or not 0.0 <= head_start < interval:
        raise WeightError(
            f"a CUSUM needs k >= 0, h > 0 and a head start below h; got k={reference}, h={interval}, {head_start}"
        )
    return CusumState(reference=reference, interval=interval, upper=head_start, lower=-head_start)


def cusum_chart(
    deviations: Iterable[float], *, reference: float, interval: float, head_start: float = 0.0
) -> CusumChart:
    """Tabular CUSUM of deviations (n,) from the target, in any unit that `reference` and `interval` share."""
    state = start_cusum(reference=reference, interval=interval, head_start=head_start)
    rows: list[tuple[float, float]] = []
    upper_change: int | None = None
    lower_change: int | None = None
    upper_signals: list[int] = []
    lower_signals: list[int] = []
    for position, deviation in enumerate(deviations):
        state = state.update(float(deviation))
        missing = math.isnan(deviation)
        rows.append((math.nan, math.nan) if missing else (state.upper, state.lower))
        if missing:
            continue
        if state.signals_upper:
            upper_signals.append(position)
            upper_change = position - state.upper_since + 1 if upper_change is None else upper_change
        if state.signals_lower:
            lower_signals.append(position)
            lower_change = position - state.lower_since + 1 if lower_change is None else lower_change
    sums = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return CusumChart(
        sums[:, 0], sums[:, 1], tuple(upper_signals), tuple(lower_signals), upper_change, lower_change
    )
