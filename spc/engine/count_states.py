"""Laney's charts and charts of rare events one point at a time; each gives what the batch chart gives at that point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from spc.engine.overdispersion import CountError, LaneyChart
from spc.engine.rare_events import BetweenChart, IntervalError
from spc.engine.readings import possible


@dataclass(frozen=True)
class LaneyPoint:
    """A proportion or rate with the limits of its own size."""

    statistic: float
    lcl: float
    ucl: float
    beyond: bool


@dataclass(frozen=True)
class LaneyState:
    """Frozen centre and sigma_z; proportions (`binomial`) or rates. A Laney chart has no other memory."""

    center: float
    sigma_z: float
    binomial: bool

    @classmethod
    def of(cls, shown: LaneyChart, *, binomial: bool) -> LaneyState:
        """The state before the first point of the chart."""
        return cls(shown.center, shown.sigma_z, binomial)

    def update(self, count: float, size: float) -> tuple[LaneyState, LaneyPoint]:
        """One more count out of `size` units, or in an area of `size`. Raises CountError, ReadingError."""
        count, size = possible(count), possible(size)
        if not (count >= 0.0 and size > 0.0):
            raise CountError(
                f"a count of zero or more and a size above zero are needed, got {count} and {size}"
            )
        if self.binomial and count > size:
            raise CountError("counts: more found than inspected")
        spread = self.center * (1.0 - self.center) if self.binomial else self.center
        reach = 3.0 * math.sqrt(spread / size) * self.sigma_z
        lcl = max(self.center - reach, 0.0)
        ucl = min(self.center + reach, 1.0 if self.binomial else math.inf)
        statistic = count / size
        beyond = self.sigma_z > 0.0 and (statistic > ucl or statistic < lcl)
        return self, LaneyPoint(statistic, lcl, ucl, beyond)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; floats survive exactly."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LaneyState:
        """Inverse of `to_dict`."""
        return cls(float(data["center"]), float(data["sigma_z"]), bool(data["binomial"]))


@dataclass(frozen=True)
class BetweenPoint:
    """What lay between two events; `zero_run` says that a run of zeros is complete."""

    beyond: bool
    zero_run: bool


@dataclass(frozen=True)
class BetweenState:
    """Frozen limits of a g or t chart, and how many zeros came last."""

    lcl: float
    ucl: float
    zero_run: int | None
    zeros: int = 0

    @classmethod
    def of(cls, shown: BetweenChart) -> BetweenState:
        """The state before the first event of the chart."""
        return cls(shown.lcl, shown.ucl, shown.zero_run)

    def update(self, between: float) -> tuple[BetweenState, BetweenPoint]:
        """Units or time since the event before; NaN keeps its place. Raises IntervalError, ReadingError."""
        value = possible(between)
        if value < 0.0:
            raise IntervalError("what lies between events is zero or more")
        zeros = self.zeros + 1 if value == 0.0 else 0
        beyond = self.ucl > self.lcl and (value > self.ucl or value < self.lcl)
        complete = self.zero_run is not None and zeros >= self.zero_run
        return replace(self, zeros=zeros), BetweenPoint(beyond, complete)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; floats survive exactly."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BetweenState:
        """Inverse of `to_dict`."""
        return cls(float(data["lcl"]), float(data["ucl"]), data["zero_run"], int(data["zeros"]))
