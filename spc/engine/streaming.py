"""The same charts one point at a time: constant cost, exactly equal to the batch chart on every prefix."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spc.engine.baseline import Baseline
from spc.engine.batch import RuleHit
from spc.engine.families import Dispersion, Panel, SubgroupData, summarise
from spc.engine.limits import FloatArray, PanelLimits, dispersion_limits, location_limits
from spc.engine.rules import LONGEST_SPAN, Rule, members, rules_for

# Of the JSON of a state; raised when a reader of the version before could go wrong.
STATE_VERSION = 1


@dataclass(frozen=True)
class PlottedPoint:
    """One point as plotted. None where there is nothing: a missing point, no such panel, sigma 0 (z only).

    `details` are what only its kind of chart has to say of it, safe for JSON.
    """

    statistic: float | None
    size: float | None
    center: float | None
    lcl: float | None
    ucl: float | None
    z: float | None
    dispersion: float | None
    dispersion_center: float | None
    dispersion_lcl: float | None
    dispersion_ucl: float | None
    hits: tuple[RuleHit, ...]
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ChartState:
    """All that the next point needs: the last standardised values of both panels and the last readings.

    NaN marks a missing point in `recent_z` and `recent_dispersion_z` (oldest first, at most 15 each).
    `last_values` are those that the next moving range reaches back to, NaN where there is none. `n` counts the points
    since the state was started, missing ones included.
    """

    baseline: Baseline
    rules: tuple[Rule, ...]
    recent_z: tuple[float, ...] = ()
    recent_dispersion_z: tuple[float, ...] = ()
    last_values: tuple[float, ...] = ()
    n: int = 0

    def __eq__(self, other: object) -> bool:
        """Equal when they continue equally; NaN equals NaN here."""
        return isinstance(other, ChartState) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.baseline, self.rules, self.n))

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe (NaN as None); floats survive exactly."""
        return {
            "version": STATE_VERSION,
            "baseline": self.baseline.to_dict(),
            "rules": [rule.value for rule in self.rules],
            "recent_z": [_none_for_nan(z) for z in self.recent_z],
            "recent_dispersion_z": [_none_for_nan(z) for z in self.recent_dispersion_z],
            "last_values": [_none_for_nan(value) for value in self.last_values],
            "n": self.n,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ChartState:
        """Inverse of `to_dict`; a state that knew one reading back is read too. Raises KeyError or ValueError."""
        last = data["last_values"] if "last_values" in data else [data["last_value"]]
        return cls(
            baseline=Baseline.from_dict(data["baseline"]),
            rules=tuple(Rule(name) for name in data["rules"]),
            recent_z=tuple(_nan_for_none(z) for z in data["recent_z"]),
            recent_dispersion_z=tuple(_nan_for_none(z) for z in data["recent_dispersion_z"]),
            last_values=tuple(_nan_for_none(value) for value in last),
            n=int(data["n"]),
        )


def start(baseline: Baseline, rules: Iterable[Rule]) -> ChartState:
    """The state before the first point of a phase."""
    return ChartState(baseline, tuple(dict.fromkeys(rules)))


def advance(
    state: ChartState, subgroup: SubgroupData, *, gap: bool = False
) -> tuple[ChartState, PlottedPoint]:
    """Plot one more subgroup. Raises SubgroupError; the state given is never changed.

    A subgroup of NaN is one missing (or excluded) point: it keeps its place, so that patterns count it as a
    point that satisfies nothing. `gap=True` says that an unknown stretch lies before this point (changeover,
    splice, new phase): rules and moving range start anew, like `restarts` of the batch chart.
    """
    family = state.baseline.family
    recent, recent_dispersion, last = state.recent_z, state.recent_dispersion_z, state.last_values
    if gap:
        recent, recent_dispersion, last = (), (), ()
    summary = summarise(family, subgroup)
    moves = family.dispersion is Dispersion.MOVING_RANGE
    window = (*last, summary.statistic) if moves else ()
    spread = _range(window, state.baseline.span) if moves else summary.dispersion
    statistic, size, dispersion = np.array([[summary.statistic], [summary.size], [spread]])
    location = location_limits(state.baseline, statistic, size)
    lower = dispersion_limits(state.baseline, dispersion, size)
    recent = _appended(recent, location.z)
    recent_dispersion = _appended(recent_dispersion, lower.z) if family.dispersion else ()
    hits = tuple(
        RuleHit(rule, panel, forming)
        for panel, window in ((Panel.LOCATION, recent), (Panel.DISPERSION, recent_dispersion))
        for rule in rules_for(family, panel, state.rules)
        if (forming := members(rule, window))
    )
    last = window[-(state.baseline.span - 1) :]
    following = ChartState(state.baseline, state.rules, recent, recent_dispersion, last, state.n + 1)
    return following, _plotted(summary.statistic, summary.size, spread, location, lower, hits)


def _range(window: tuple[float, ...], span: int) -> float:
    """Of the last `span` readings; NaN where one of them is missing."""
    if len(window) < span or any(math.isnan(value) for value in window):
        return math.nan
    return max(window) - min(window)


def _plotted(
    statistic: float,
    size: float,
    dispersion: float,
    location: PanelLimits,
    lower: PanelLimits,
    hits: tuple[RuleHit, ...],
) -> PlottedPoint:
    return PlottedPoint(
        statistic=_none_for_nan(statistic),
        size=_none_for_nan(size),
        center=_only(location.center),
        lcl=_only(location.lcl),
        ucl=_only(location.ucl),
        z=_only(location.z),
        dispersion=_none_for_nan(dispersion),
        dispersion_center=_only(lower.center),
        dispersion_lcl=_only(lower.lcl),
        dispersion_ucl=_only(lower.ucl),
        hits=hits,
    )


def _appended(recent: tuple[float, ...], z: FloatArray) -> tuple[float, ...]:
    return (*recent, float(z[0]))[-LONGEST_SPAN:]


def _only(values: FloatArray) -> float | None:
    return _none_for_nan(float(values[0]))


def _none_for_nan(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _nan_for_none(value: float | None) -> float:
    return math.nan if value is None else float(value)
