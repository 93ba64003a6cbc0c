"""g and t charts of rare events on a running line: what lay between two events, one reading after the other.

Every reading is a unit (or as many as it says were inspected) and either an event or none. A point is plotted at an
event only; readings between keep their places, and what lay before the first event is not known. Counting goes on from
phase 1. Limits and the run of zeros: `spc.engine.rare_events`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spc.engine.batch import RuleHit
from spc.engine.families import Panel, SubgroupData, Summary
from spc.engine.kinds import ChartKind
from spc.engine.live.method import BEYOND, Method
from spc.engine.live.model import DoesNotVaryError, Fit, Line, Shown
from spc.engine.live.parameters import Choice, Parameter, Values
from spc.engine.rare_events import BetweenChart, Limits, g_chart, t_chart
from spc.engine.readings import possible
from spc.engine.rules import Rule
from spc.engine.sigma import TooFewReadingsError
from spc.engine.special_rules import SpecialRule

ZERO = "zero"
EVENT = Choice(
    "event",
    "which reading is an event: one above zero (positive), or one of zero",
    "positive",
    choices=("positive", ZERO),
)
HOUR_S = 3600.0


@dataclass(frozen=True)
class SinceEvent:
    """Units since the last event, its instant in seconds (None: none seen yet), and how many zeros came in a row."""

    event: str
    units: float = 0.0
    at: float | None = None
    zeros: int = 0

    def is_event(self, data: SubgroupData) -> bool:
        """Whether the reading is an event."""
        value = possible(data.values[0])
        return value == 0.0 if self.event == ZERO else value > 0.0

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


class _Between(Method):
    by_reading = True
    rules = {Panel.LOCATION: BEYOND}

    @abstractmethod
    def between(self, memory: SinceEvent, at: float) -> float:
        """What lay between the last event and the one at this instant."""

    @abstractmethod
    def limits(self, between: list[float], values: Values) -> BetweenChart:
        """The batch chart of intervals."""

    def reduce(self, data: SubgroupData) -> Summary:
        value = possible(data.values[0])
        return Summary(value, data.size or 1.0, value)

    def advance(self, memory: SinceEvent, data: SubgroupData) -> tuple[SinceEvent, float]:
        """What is remembered after the reading, and what lay before it where it is an event (else NaN)."""
        if not memory.is_event(data):
            return replace(memory, units=memory.units + (data.size or 1.0)), math.nan
        at = data.at or 0.0
        lay = math.nan if memory.at is None else self.between(memory, at)
        zeros = memory.zeros + 1 if lay == 0.0 else 0
        return replace(memory, units=0.0, at=at, zeros=zeros), lay

    def fit(self, data: Sequence[SubgroupData], values: Values, *, by_reading: bool) -> Fit:
        memory, between = SinceEvent(values["event"]), []
        for row in data:
            if not row.is_missing:
                memory, lay = self.advance(memory, row)
                between.append(lay)
        known = [lay for lay in between if not math.isnan(lay)]
        if len(known) < 2:
            raise TooFewReadingsError(f"{len(known)} intervals between events; two at least are needed")
        if max(known) == min(known):
            raise DoesNotVaryError(
                f"phase 1 does not vary: {len(known)} intervals between events that are all {known[0]:g}"
            )
        shown = self.limits(known, values)
        own = {
            "lcl": shown.lcl,
            "ucl": shown.ucl,
            "zero_run": shown.zero_run,
            "memory": memory.to_dict(),
        }
        return Fit(
            kind=self.kind,
            center=shown.center,
            sigma=None,
            subgroup_size=1.0,
            n_subgroups=len(known),
            n_values=float(len(between)),
            own=own,
        )

    def start(self, fit: Fit) -> SinceEvent:
        return self.load(fit.own["memory"])

    def before(self, fit: Fit) -> SinceEvent:
        return SinceEvent(fit.own["memory"]["event"])

    def step(self, fit: Fit, memory: SinceEvent, data: SubgroupData) -> tuple[SinceEvent, Shown]:
        following, lay = self.advance(memory, data)
        if math.isnan(lay):
            return following, Shown()
        line = Line(lay, fit.center, fit.own["lcl"], fit.own["ucl"])
        hits = [RuleHit(Rule.BEYOND_LIMITS, Panel.LOCATION, (0,))] if line.beyond else []
        run = fit.own["zero_run"]
        if run is not None and following.zeros >= run:
            hits.append(RuleHit(SpecialRule.ZERO_RUN, Panel.LOCATION, (0,)))
        return following, Shown(location=line, size=1.0, hits=tuple(hits))

    def load(self, data: Mapping[str, Any]) -> SinceEvent:
        return SinceEvent(**data)


class UnitsBetween(_Between):
    """g chart: units between two events."""

    kind = ChartKind.G
    parameters: tuple[Parameter, ...] = (
        EVENT,
        Choice(
            "limits",
            "quantiles of the geometric law, or three sigma",
            Limits.PROBABILITY.value,
            choices=tuple(one.value for one in Limits),
        ),
    )

    def between(self, memory: SinceEvent, at: float) -> float:
        return memory.units

    def limits(self, between: list[float], values: Values) -> BetweenChart:
        return g_chart(between, limits=Limits(values["limits"]))


class TimeBetween(_Between):
    """t chart: hours between two events, by the instants at which they were measured."""

    kind = ChartKind.T
    parameters: tuple[Parameter, ...] = (EVENT,)

    def between(self, memory: SinceEvent, at: float) -> float:
        return max(0.0, at - (memory.at or 0.0)) / HOUR_S

    def limits(self, between: list[float], values: Values) -> BetweenChart:
        return t_chart(between)
