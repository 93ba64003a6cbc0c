"""Short-run charts one reading at a time: each gives what the batch chart of `spc.engine.short_run` gives there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from spc.engine.readings import possible
from spc.engine.short_run import DeviationChart, PartParameters, ZChart


class UnknownPartError(LookupError):
    """A part for which phase 1 gave no parameters, or the drawing no nominal."""


@dataclass(frozen=True)
class ShortRunPoint:
    """A reading as plotted; None where it is missing, sigma is 0, or no neighbour gives a moving range."""

    statistic: float | None
    moving_range: float | None
    beyond: bool


@dataclass(frozen=True)
class ZState:
    """Mean and sigma of every part by its name, and the last z (NaN at the start and after a gap)."""

    parameters: Mapping[str, PartParameters]
    last: float = math.nan

    @classmethod
    def of(cls, shown: ZChart) -> ZState:
        """The state before the first reading of the chart."""
        return cls({str(part): own for part, own in shown.parameters.items()})

    def update(self, part: str, value: float) -> tuple[ZState, ShortRunPoint]:
        """One more reading of a part. Raises UnknownPartError, ReadingError for an infinite reading."""
        if part not in self.parameters:
            raise UnknownPartError(f"part {part}: no parameters; the chart knows {_names(self.parameters)}")
        z = self.parameters[part].standardise(possible(value))
        return replace(self, last=z), _point(z, self.last, beyond=abs(z) > 3.0)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe (NaN as None); floats survive exactly."""
        parts = {part: [own.mean, own.sigma] for part, own in self.parameters.items()}
        return {"parameters": parts, "last": _none_for_nan(self.last)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ZState:
        """Inverse of `to_dict`."""
        parts = {
            part: PartParameters(float(mean), float(sigma))
            for part, (mean, sigma) in data["parameters"].items()
        }
        return cls(parts, _nan_for_none(data["last"]))


@dataclass(frozen=True)
class DeviationState:
    """Nominal of every part by its name, the common line and limits, and the last deviation."""

    nominal: Mapping[str, float]
    lcl: float
    ucl: float
    last: float = math.nan

    @classmethod
    def of(cls, shown: DeviationChart, nominal: Mapping[str, float]) -> DeviationState:
        """The state before the first reading of the chart."""
        return cls(dict(nominal), shown.lcl, shown.ucl)

    def update(self, part: str, value: float) -> tuple[DeviationState, ShortRunPoint]:
        """One more reading of a part. Raises UnknownPartError, ReadingError for an infinite reading."""
        if part not in self.nominal:
            raise UnknownPartError(f"part {part}: no nominal; the chart knows {_names(self.nominal)}")
        deviation = possible(value) - self.nominal[part]
        beyond = self.ucl > self.lcl and (deviation > self.ucl or deviation < self.lcl)
        return replace(self, last=deviation), _point(deviation, self.last, beyond=beyond)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe (NaN as None); floats survive exactly."""
        return vars(self) | {"nominal": dict(self.nominal), "last": _none_for_nan(self.last)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DeviationState:
        """Inverse of `to_dict`."""
        nominal = {part: float(value) for part, value in data["nominal"].items()}
        return cls(nominal, float(data["lcl"]), float(data["ucl"]), _nan_for_none(data["last"]))


def _point(statistic: float, last: float, *, beyond: bool) -> ShortRunPoint:
    return ShortRunPoint(_none_for_nan(statistic), _none_for_nan(abs(statistic - last)), beyond)


def _names(parts: Mapping[str, object]) -> str:
    return ", ".join(sorted(parts)) or "none"


def _none_for_nan(value: float) -> float | None:
    return None if math.isnan(value) else value


def _nan_for_none(value: float | None) -> float:
    return math.nan if value is None else float(value)
