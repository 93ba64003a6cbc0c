"""Evaluate a chart: drain its outbox, form subgroups, advance the streaming state, write points and signals.

Everything happens in the caller's transaction under the chart's row lock, so the same input has one effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lots.clock import site_time
from spc.actions.subgroups import form
from spc.engine import (
    Baseline,
    Family,
    PlottedPoint,
    Rule,
    SubgroupData,
    TooFewReadingsError,
    advance,
    estimate_baseline,
    start,
)
from spc.engine import ChartState as EngineState
from spc.engine.families import summarise
from spc.models import (
    Chart,
    ChartCheckpoint,
    ChartState,
    LimitRevision,
    OutboxEntry,
    Point,
    Signal,
    SignalMember,
    Subgroup,
    SubgroupMember,
)
from spc.queries import subgroup_values

CHECKPOINT_EVERY = 128
FIRST_PROVISIONAL = 10


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation did; `chart` is None when another worker holds it, and then nothing was done."""

    chart: Chart | None
    entries: int
    points: tuple[Point, ...]
    signals: tuple[Signal, ...]


def evaluate(chart_id: int, *, now: datetime, at_most: int | None = None) -> Evaluation:
    """Drain the chart, or only its `at_most` oldest entries.

    `now` is real time, for the stamps; subgroups time out by the clock of the chart's site.
    """
    # Without the key: recording refers to the chart while it is evaluated, and must not wait for it.
    chart = (
        Chart.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .select_related("stream__plan__characteristic", "stream__plan__site")
        .filter(pk=chart_id)
        .first()
    )
    if chart is None:
        return Evaluation(chart=None, entries=0, points=(), signals=())
    pending = OutboxEntry.objects.filter(chart=chart, processed_at__isnull=True, quarantined_at__isnull=True)
    entries = list(pending.order_by("id")[:at_most])
    plotter = Plotter(chart, now=now)
    for formed in form(chart, entries, site_now=site_time(chart.stream.plan.site, now)):
        plotter.plot(formed.subgroup, formed.members)
    plotter.save()
    OutboxEntry.objects.filter(pk__in=[entry.pk for entry in entries]).update(processed_at=now)
    return Evaluation(chart, len(entries), tuple(plotter.points), tuple(plotter.signals))


class Plotter:
    """Plots closed subgroups on a locked chart and keeps its streaming state. `save` writes what was plotted."""

    def __init__(self, chart: Chart, *, now: datetime) -> None:
        self.chart, self.now = chart, now
        self.plan = chart.stream.plan
        self.family = Family(self.plan.family)
        # A statement of its own: a row joined to the locked chart would be as old as the lock's snapshot.
        self.stored = ChartState.objects.select_related("limit_revision").get(chart=chart)
        self.limits = self.stored.limit_revision
        self.state = EngineState.from_dict(self.stored.state) if self.stored.state else None
        self.points: list[Point] = []
        self.signals: list[Signal] = []
        self._hits: list[tuple[Signal, tuple[int, ...]]] = []
        self._checkpoints: list[ChartCheckpoint] = []

    def plot(self, subgroup: Subgroup, members: Sequence[SubgroupMember]) -> None:
        """Plot the subgroup's point and the signals that it completes."""
        data = subgroup_values(self.family, members)
        sequence = self.stored.next_sequence
        if self.state is not None and sequence % CHECKPOINT_EVERY == 0:
            self._checkpoints.append(
                ChartCheckpoint(
                    chart=self.chart,
                    generation=self.chart.generation,
                    sequence=sequence,
                    limit_revision=self.limits,
                    state=self.state.to_dict(),
                )
            )
        if self.state is None:
            plotted = _without_limits(self.family, data)
        else:
            self.state, plotted = advance(self.state, data)
        point = Point(
            chart=self.chart,
            subgroup=subgroup,
            generation=self.chart.generation,
            sequence=sequence,
            limit_revision=self.limits,
            measured_at=max(member.measured_at for member in members),
            size=len(data.values),
            statistic=plotted.statistic,
            center=plotted.center,
            lcl=plotted.lcl,
            ucl=plotted.ucl,
            z=plotted.z,
            dispersion=plotted.dispersion,
            dispersion_center=plotted.dispersion_center,
            dispersion_lcl=plotted.dispersion_lcl,
            dispersion_ucl=plotted.dispersion_ucl,
        )
        self.stored.next_sequence = sequence + 1
        self.stored.watermark_at = point.measured_at
        self.points.append(point)
        self._signal(point, plotted)
        if self.limits is None or self.limits.kind == LimitRevision.Kind.PROVISIONAL:
            self._learn()

    def _signal(self, point: Point, plotted: PlottedPoint) -> None:
        assert self.limits is not None or not plotted.hits
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

    def _learn(self) -> None:
        """Provisional limits at 10, 20, 40 … points and when phase 1 is complete; they alert and never hold."""
        count = self.stored.next_sequence
        doubled = count >= FIRST_PROVISIONAL and (count // FIRST_PROVISIONAL).bit_count() == 1
        if not ((doubled and count % FIRST_PROVISIONAL == 0) or count == self.plan.phase1_subgroups):
            return
        self._write()
        points = Point.objects.filter(chart=self.chart, generation=self.chart.generation).order_by("sequence")
        data = [
            subgroup_values(self.family, point.subgroup.members.all())
            for point in points.select_related("subgroup").prefetch_related("subgroup__members")
        ]
        try:
            baseline = estimate_baseline(self.family, data)
        except TooFewReadingsError:
            return  # still learning: nothing to estimate from
        self.limits = new_limits(
            self.chart,
            baseline,
            kind=LimitRevision.Kind.PROVISIONAL,
            from_sequence=count,
            reason=f"provisional after {count} points",
            made_at=self.now,
        )
        self.state = start(baseline, chart_rules(self.plan.rules))

    def save(self) -> None:
        """Write points, signals and the state that the next evaluation continues from."""
        if not self.points:
            return
        self._write()
        self.stored.limit_revision = self.limits
        self.stored.state = self.state.to_dict() if self.state is not None else None
        self.stored.save(update_fields=["limit_revision", "state", "next_sequence", "watermark_at"])

    def _write(self) -> None:
        """Write what was plotted since the last time."""
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
        """The points at these sequences: those of this evaluation, and earlier ones from the database."""
        found = {point.sequence: point for point in self.points if point.sequence in sequences}
        earlier = sequences - found.keys()
        if earlier:
            stored = Point.objects.filter(
                chart=self.chart, generation=self.chart.generation, sequence__in=earlier
            )
            found |= {point.sequence: point for point in stored}
        return found


def chart_rules(names: str) -> tuple[Rule, ...]:
    """The rules that a chart plan names, separated by spaces. Raises ValueError for an unknown one."""
    return tuple(Rule(name) for name in names.split())


def new_limits(
    chart: Chart,
    baseline: Baseline,
    *,
    kind: LimitRevision.Kind,
    from_sequence: int,
    reason: str,
    made_at: datetime,
    made_by_id: int | None = None,
    signature_id: int | None = None,
) -> LimitRevision:
    """The chart's next limit revision; earlier ones stay as they were."""
    latest = chart.limit_revisions.order_by("-number").first()
    return LimitRevision.objects.create(
        chart=chart,
        number=latest.number + 1 if latest else 1,
        kind=kind,
        center=baseline.center,
        sigma=baseline.sigma,
        subgroup_size=baseline.subgroup_size,
        baseline=baseline.to_dict(),
        from_sequence=from_sequence,
        reason=reason,
        made_by_id=made_by_id,
        made_at=made_at,
        signature_id=signature_id,
    )


def _without_limits(family: Family, data: SubgroupData) -> PlottedPoint:
    """The point of a stream that has no limits yet: its statistic, and nothing that could signal."""
    summary = summarise(family, data)
    return PlottedPoint(
        statistic=None if summary.statistic != summary.statistic else summary.statistic,
        size=summary.size,
        center=None,
        lcl=None,
        ucl=None,
        z=None,
        dispersion=None if summary.dispersion != summary.dispersion else summary.dispersion,
        dispersion_center=None,
        dispersion_lcl=None,
        dispersion_ucl=None,
        hits=(),
    )
