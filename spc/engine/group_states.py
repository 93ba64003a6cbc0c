"""Between/within and group charts one time at a time; each gives what the batch chart gives at that time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from spc.engine.between_within import ThreeWayChart
from spc.engine.families import standard_deviation
from spc.engine.groups import GroupChart, LongestRun
from spc.engine.readings import SubgroupError, all_possible


@dataclass(frozen=True)
class ThreeWayPoint:
    """One subgroup on three panels; None where a reading is missing or no neighbour gives a moving range."""

    mean: float | None
    moving_range: float | None
    dispersion: float | None
    beyond: bool
    beyond_moving_range: bool
    beyond_dispersion: bool


@dataclass(frozen=True)
class ThreeWayState:
    """Frozen limits of all panels, and the last mean (NaN at the start and after a gap)."""

    n: int
    by_range: bool
    lcl: float
    ucl: float
    mr_ucl: float
    dispersion_lcl: float
    dispersion_ucl: float
    last: float = math.nan

    @classmethod
    def of(cls, shown: ThreeWayChart) -> ThreeWayState:
        """The state before the first subgroup of the chart."""
        return cls(
            n=shown.n,
            by_range=shown.by_range,
            lcl=shown.lcl,
            ucl=shown.ucl,
            mr_ucl=shown.mr_ucl,
            dispersion_lcl=shown.dispersion_lcl,
            dispersion_ucl=shown.dispersion_ucl,
        )

    def update(self, subgroup: Sequence[float]) -> tuple[ThreeWayState, ThreeWayPoint]:
        """One more subgroup of n readings. Raises SubgroupError."""
        row = all_possible(subgroup)
        if row.shape != (self.n,):
            raise SubgroupError(f"a subgroup of {self.n} readings is needed, got shape {row.shape}")
        mean = float(row.mean())
        if math.isnan(mean):
            spread = math.nan
        else:
            spread = float(np.ptp(row)) if self.by_range else standard_deviation(row.tolist())
        moved = abs(mean - self.last)
        return replace(self, last=mean), ThreeWayPoint(
            mean=_none_for_nan(mean),
            moving_range=_none_for_nan(moved),
            dispersion=_none_for_nan(spread),
            beyond=_beyond(mean, self.lcl, self.ucl),
            beyond_moving_range=_beyond(moved, 0.0, self.mr_ucl),
            beyond_dispersion=_beyond(spread, self.dispersion_lcl, self.dispersion_ucl),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe (NaN as None); floats survive exactly."""
        return asdict(self) | {"last": _none_for_nan(self.last)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ThreeWayState:
        """Inverse of `to_dict`."""
        return cls(**{**data, "last": math.nan if data["last"] is None else data["last"]})


@dataclass(frozen=True)
class GroupPoint:
    """The largest and the smallest mean at one time, and the streams (0-based) that they belong to."""

    max_value: float
    max_stream: int
    min_value: float
    min_stream: int
    beyond: bool


@dataclass(frozen=True)
class GroupState:
    """Frozen limits, the run of the stream that leads now at either end, and the longest runs so far."""

    lcl: float
    ucl: float
    max_run: LongestRun | None = None
    min_run: LongestRun | None = None
    longest_max: LongestRun | None = None
    longest_min: LongestRun | None = None

    @classmethod
    def of(cls, shown: GroupChart) -> GroupState:
        """The state before the first time of the chart."""
        return cls(shown.lcl, shown.ucl)

    def update(self, means: Sequence[float]) -> tuple[GroupState, GroupPoint]:
        """The means of all streams at one more time, none missing. Raises SubgroupError."""
        row = all_possible(means)
        if row.ndim != 1 or not len(row) or np.any(np.isnan(row)):
            raise SubgroupError("a group chart needs the mean of every stream")
        top, bottom = int(row.argmax()), int(row.argmin())
        max_run, min_run = _longer(self.max_run, top), _longer(self.min_run, bottom)
        following = replace(
            self,
            max_run=max_run,
            min_run=min_run,
            longest_max=_longest(self.longest_max, max_run),
            longest_min=_longest(self.longest_min, min_run),
        )
        high, low = float(row[top]), float(row[bottom])
        beyond = _beyond(high, self.lcl, self.ucl) or _beyond(low, self.lcl, self.ucl)
        return following, GroupPoint(high, top, low, bottom, beyond)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; floats survive exactly."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GroupState:
        """Inverse of `to_dict`."""
        runs = {
            name: None if data[name] is None else LongestRun(**data[name])
            for name in ("max_run", "min_run", "longest_max", "longest_min")
        }
        return cls(float(data["lcl"]), float(data["ucl"]), **runs)


def _longer(run: LongestRun | None, stream: int) -> LongestRun:
    return LongestRun(stream, run.length + 1 if run is not None and run.stream == stream else 1)


def _longest(longest: LongestRun | None, run: LongestRun) -> LongestRun:
    """The first of the longest: a run as long as it does not displace it."""
    return run if longest is None or run.length > longest.length else longest


def _beyond(value: float, lcl: float, ucl: float) -> bool:
    """Strictly; limits that have collapsed flag nothing, and neither does NaN."""
    return ucl > lcl and (value > ucl or value < lcl)


def _none_for_nan(value: float) -> float | None:
    return None if math.isnan(value) else value
