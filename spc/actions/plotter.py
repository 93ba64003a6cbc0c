"""Plot subgroups one after the other under a chart's limits: points, signals, checkpoints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from math import isnan

from spc.definition import chart_rules, moving_range_below
from spc.engine import MISSING_POINT, PlottedPoint, SubgroupData
from spc.engine.kinds import ChartKind
from spc.engine.live import Fit, State, advance, reach, start, statistic_of, traits
from spc.models import (
    Chart,
    ChartCheckpoint,
    LimitRevision,
    Point,
    Signal,
    SignalMember,
    Subgroup,
)
from spc.queries import current_points

CHECKPOINT_EVERY = 128


class Plotter:
    """Plots on a locked chart from `sequence` on. `write` stores what was plotted since the last time."""

    def __init__(
        self, chart: Chart, *, limits: LimitRevision | None, state: State | None, sequence: int
    ) -> None:
        self.chart = chart
        self.plan = chart.stream.plan
        self.kind = ChartKind(self.plan.family)
        self.limits, self.state, self.sequence = limits, state, sequence
        self.generation = chart.generation
        self.points: list[Point] = []
        self.signals: list[Signal] = []
        self._hits: list[tuple[Signal, tuple[int, ...]]] = []
        self._checkpoints: list[ChartCheckpoint] = []

    def use(self, limits: LimitRevision | None) -> None:
        """Judge by these limits from the next point on."""
        self.limits = limits
        self.state = None if limits is None else state_at_start(limits, self.plan.rules)

    def go_on(self, limits: LimitRevision | None, state: State | None, sequence: int) -> None:
        """Go on at another place of the chart, in the state before it."""
        self.limits, self.state, self.sequence = limits, state, sequence

    def count_points(self) -> None:
        """Let the state count as many points as lie between the start of its limits and the next one."""
        if self.limits is not None and self.state is not None:
            self.state = replace(self.state, n=self.sequence - self.limits.from_sequence)

    def feed(self, data: SubgroupData, *, excluded: bool) -> PlottedPoint:
        """Advance the state by one subgroup; an excluded one is shown, and rules pass over it."""
        if self.state is None:
            return _without_limits(self.kind, data, moving_range=moving_range_below(self.plan))
        following, plotted = advance(self.state, data)
        if excluded:
            following, _ = advance(self.state, MISSING_POINT)
            plotted = replace(plotted, hits=())
        self.state = following
        return plotted

    def plot(
        self, subgroup: Subgroup, data: SubgroupData, *, measured_at: datetime, excluded: bool = False
    ) -> None:
        """Plot the subgroup's point and the signals that it completes."""
        if self.sequence % CHECKPOINT_EVERY == 0 and self.state is not None and reach(self.state) is None:
            self._checkpoints.append(
                ChartCheckpoint(
                    chart=self.chart,
                    generation=self.generation,
                    sequence=self.sequence,
                    limit_revision=self.limits,
                    state=self.state.to_dict(),
                )
            )
        plotted = self.feed(data, excluded=excluded)
        point = Point(
            chart=self.chart,
            subgroup=subgroup,
            generation=self.generation,
            sequence=self.sequence,
            limit_revision=self.limits,
            measured_at=measured_at,
            size=0 if data is MISSING_POINT else len(data.values),
            statistic=plotted.statistic,
            center=plotted.center,
            lcl=plotted.lcl,
            ucl=plotted.ucl,
            z=plotted.z,
            dispersion=plotted.dispersion,
            dispersion_center=plotted.dispersion_center,
            dispersion_lcl=plotted.dispersion_lcl,
            dispersion_ucl=plotted.dispersion_ucl,
            details=plotted.details,
        )
        self.sequence += 1
        self.points.append(point)
        for hit in plotted.hits:
            signal = Signal(
                chart=self.chart,
                point=point,
                rule=hit.rule.value,
                panel=hit.panel.value,
                provisional=self.limits is not None and self.limits.kind != LimitRevision.Kind.FROZEN,
            )
            self.signals.append(signal)
            self._hits.append((signal, tuple(point.sequence - offset for offset in hit.members)))

    def forget_checkpoints(self, *, since: int) -> None:
        """Leave out those from sequence `since` on: others stand close behind them."""
        self._checkpoints = [row for row in self._checkpoints if row.sequence < since]

    def write(self) -> None:
        """Store points, signals with their patterns, and checkpoints."""
        ChartCheckpoint.objects.bulk_create(self._checkpoints)
        Point.objects.bulk_create(point for point in self.points if point.pk is None)
        Signal.objects.bulk_create(signal for signal, _ in self._hits)
        patterns = self._patterns({sequence for _, members in self._hits for sequence in members})
        SignalMember.objects.bulk_create(
            SignalMember(signal=signal, point=patterns[sequence])
            for signal, members in self._hits
            for sequence in members
            if sequence in patterns
        )
        self._checkpoints, self._hits = [], []

    def _patterns(self, sequences: set[int]) -> dict[int, Point]:
        """The points at these sequences: those plotted here, and earlier ones from the database."""
        found = {point.sequence: point for point in self.points if point.sequence in sequences}
        earlier = sequences - found.keys()
        if earlier:
            stored = current_points(self.chart.pk).filter(sequence__in=earlier)
            found |= {point.sequence: point for point in stored}
        return found


def state_at_start(limits: LimitRevision, rules: str) -> State:
    """The state before the first point that these limits judge."""
    return start(Fit.from_dict(limits.baseline), chart_rules(rules))


def plotted_at(members: Iterable[datetime], *, otherwise: datetime) -> datetime:
    """A subgroup's instant on the chart: its last reading, or `otherwise` where every reading was withdrawn."""
    return max(members, default=otherwise)


def _without_limits(kind: ChartKind, data: SubgroupData, *, moving_range: bool) -> PlottedPoint:
    """The point of a stream that has no limits yet: its statistic, and nothing that could signal.

    The spread of its readings is shown only where the second panel goes on to plot that, and no `moving_range`.
    """
    summary = statistic_of(kind, data)
    statistic = None if isnan(summary.statistic) else summary.statistic
    later = traits(kind).needs_limits
    return PlottedPoint(
        statistic=None if later else statistic,
        size=summary.size,
        center=None,
        lcl=None,
        ucl=None,
        z=None,
        dispersion=None if later or moving_range or isnan(summary.dispersion) else summary.dispersion,
        dispersion_center=None,
        dispersion_lcl=None,
        dispersion_ucl=None,
        hits=(),
        details={"plotted": statistic} if later else None,
    )
