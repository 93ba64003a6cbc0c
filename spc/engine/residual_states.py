"""Trend, residual and moving centre line charts one point at a time: what is fitted stays, the rest is a few numbers.

Each state is advanced by `update` and gives what the batch chart of `spc.engine.serial` gives at that point, to the
last bit. A missing reading (NaN) keeps its place; what must be forecast from it has no forecast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from spc.engine.readings import possible
from spc.engine.serial import AutoregressionChart, MovingCenterLine, TrendChart


@dataclass(frozen=True)
class ResidualPoint:
    """A reading against its forecast. `residual` and `forecast` are None where there is none.

    Limits are `forecast` -+ `reach`; `beyond` is strict, and False where the limits have collapsed.
    """

    forecast: float | None
    residual: float | None
    reach: float
    beyond: bool


@dataclass(frozen=True)
class TrendState:
    """A line over t = 0, 1, ... with `sigma` of its residuals; `count` readings have been seen."""

    intercept: float
    slope: float
    sigma: float
    count: int = 0

    @classmethod
    def of(cls, fitted: TrendChart) -> TrendState:
        """The state before the first reading of the series that was fitted."""
        return cls(fitted.intercept, fitted.slope, fitted.sigma_mr)

    def update(self, value: float) -> tuple[TrendState, ResidualPoint]:
        """One more reading. Raises ReadingError for an infinite one."""
        point = _against(self.intercept + self.slope * float(self.count), value, self.sigma)
        return replace(self, count=self.count + 1), point

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; floats survive exactly."""
        return _plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrendState:
        """Inverse of `to_dict`."""
        return cls(
            float(data["intercept"]), float(data["slope"]), float(data["sigma"]), count=int(data["count"])
        )


@dataclass(frozen=True)
class AutoregressionState:
    """x_t = intercept + phi x_(t-1) with `sigma` of its residuals; `last` is NaN at the start and after a gap."""

    intercept: float
    phi: float
    sigma: float
    last: float = math.nan

    @classmethod
    def of(cls, fitted: AutoregressionChart) -> AutoregressionState:
        """The state before the first reading of the series that was fitted."""
        return cls(fitted.intercept, fitted.phi, fitted.sigma_mr)

    def update(self, value: float) -> tuple[AutoregressionState, ResidualPoint]:
        """One more reading. Raises ReadingError for an infinite one."""
        point = _against(self.intercept + self.phi * self.last, value, self.sigma)
        return replace(self, last=float(value)), point

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe (NaN as None); floats survive exactly."""
        return _plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AutoregressionState:
        """Inverse of `to_dict`."""
        return cls(
            float(data["intercept"]), float(data["phi"]), float(data["sigma"]), last=_number(data["last"])
        )


@dataclass(frozen=True)
class MovingCenterState:
    """An average that moves by `weight` of each forecast error; NaN before the first reading."""

    weight: float
    sigma: float
    average: float = math.nan

    @classmethod
    def of(cls, fitted: MovingCenterLine) -> MovingCenterState:
        """The state before the first reading of the series that was fitted."""
        return cls(fitted.weight, fitted.sigma_p)

    def update(self, value: float) -> tuple[MovingCenterState, ResidualPoint]:
        """One more reading; a missing one leaves the average. Raises ReadingError for an infinite one."""
        point = _against(self.average, value, self.sigma)
        if point.residual is not None:
            return replace(self, average=self.average + self.weight * point.residual), point
        return (replace(self, average=float(value)) if math.isnan(self.average) else self), point

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe (NaN as None); floats survive exactly."""
        return _plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MovingCenterState:
        """Inverse of `to_dict`."""
        return cls(float(data["weight"]), float(data["sigma"]), average=_number(data["average"]))


def _against(forecast: float, value: float, sigma: float) -> ResidualPoint:
    residual, reach = possible(value) - forecast, 3.0 * sigma
    return ResidualPoint(
        forecast=None if math.isnan(forecast) else forecast,
        residual=None if math.isnan(residual) else residual,
        reach=reach,
        beyond=reach > 0.0 and abs(residual) > reach,
    )


def _plain(state: TrendState | AutoregressionState | MovingCenterState) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in vars(state).items()
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
