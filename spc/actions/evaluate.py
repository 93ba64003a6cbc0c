"""Evaluate a chart: drain its outbox, form subgroups, advance the streaming state, write points and signals.

Everything happens in the caller's transaction under the chart's row lock, so the same input has one effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lots.clock import site_time
from lots.failpoints import hit
from spc.actions.plotter import Plotter, state_at_start
from spc.actions.replay import Change, Replayed, replay
from spc.actions.subgroups import Formed, Forming, form
from spc.definition import estimate_limits
from spc.engine import TooFewReadingsError
from spc.engine.live import Fit, load_state
from spc.models import Chart, ChartState, LimitRevision, OutboxEntry, Point, Signal, SubgroupMember
from spc.queries import (
    current_members,
    phase1_data,
    subgroup_values,
)

FIRST_PROVISIONAL = 10


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation did; `chart` is None when another worker holds it, and then nothing was done.

    `arrived` are subgroups that came, moved or changed among points that had been judged before.
    """

    chart: Chart | None
    entries: int
    points: tuple[Point, ...]
    signals: tuple[Signal, ...]
    arrived: frozenset[int] = frozenset()


def evaluate(chart_id: int, *, now: datetime, at_most: int | None = None) -> Evaluation:
    """Drain the chart, or only its `at_most` oldest entries; with 0, close the oldest of the subgroups that are due.

    `now` is real time, for the stamps; subgroups time out by the clock of the chart's site. Readings that came late,
    were corrected or withdrawn are put in their place: the chart is replayed from there (`spc.actions.replay`).
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
    hit("evaluate.claimed")
    pending = OutboxEntry.objects.filter(chart=chart, processed_at__isnull=True, quarantined_at__isnull=True)
    entries = list(pending.order_by("id")[:at_most])
    forming = form(
        chart,
        entries,
        site_now=site_time(chart.stream.plan.site, now),
        due_at_most=1 if at_most == 0 else None,
    )
    in_time, late = _by_arrival(chart, forming)
    change = Change(forming.changed, tuple(formed.subgroup.pk for formed in late))
    replayed = replay(chart, change, now=now) if change else Replayed([], [])
    appender = Appender(chart, now=now)
    appender.learn(new=len(late))
    for formed in in_time:
        appender.append(formed)
    appender.save()
    hit("evaluate.plotted")
    OutboxEntry.objects.filter(pk__in=[entry.pk for entry in entries]).update(processed_at=now)
    return Evaluation(
        chart,
        len(entries),
        (*replayed.points, *appender.points),
        (*replayed.signals, *appender.signals),
        forming.changed.union(change.late),
    )


def _by_arrival(chart: Chart, forming: Forming) -> tuple[list[Formed], list[Formed]]:
    """The subgroups in the order of their readings, and apart those that belong before a point there is.

    A point whose reading was given another instant may go behind the last one: what was measured before that is late
    too. What was measured before the limits in force began is plotted first under them: nothing earlier is judged
    again.
    """
    ordered = sorted(forming.closed, key=lambda formed: (formed.measured_at, formed.subgroup.pk))
    if not ordered:
        return [], []
    state = ChartState.objects.select_related("limit_revision").get(chart=chart)
    since = 0 if state.limit_revision is None else state.limit_revision.from_sequence
    if state.watermark_at is None or since >= state.next_sequence:
        return ordered, []
    moved = current_members(SubgroupMember.objects.filter(subgroup__in=forming.changed))
    last = max([state.watermark_at, *moved.values_list("measured_at", flat=True)])
    late = sum(formed.measured_at < last for formed in ordered)
    return ordered[late:], ordered[:late]


class Appender(Plotter):
    """Plots behind a chart's last point and keeps its streaming state."""

    def __init__(self, chart: Chart, *, now: datetime) -> None:
        # A statement of its own: a row joined to the locked chart would be as old as the lock's snapshot.
        self.stored = ChartState.objects.select_related("limit_revision").get(chart=chart)
        state = load_state(self.stored.state) if self.stored.state else None
        super().__init__(
            chart, limits=self.stored.limit_revision, state=state, sequence=self.stored.next_sequence
        )
        self.now = now

    def append(self, formed: Formed) -> None:
        """Plot a closed subgroup; a stream that learns estimates its limits anew when it is time."""
        self.plot(formed.subgroup, subgroup_values(self.kind, formed.members), measured_at=formed.measured_at)
        self.learn(new=1)

    def learn(self, *, new: int) -> None:
        """Provisional limits at 10, 20, 40 … points and when phase 1 is complete; they alert and never hold.

        `new` is how many points came since this was asked last.
        """
        count = self.sequence
        if self.limits is not None and self.limits.kind == LimitRevision.Kind.FROZEN:
            return
        if self._milestone(count) <= self._milestone(count - new):
            return
        self.write()
        points, data = phase1_data(self.chart)
        try:
            fit = estimate_limits(self.plan, points, data, end=count)
        except TooFewReadingsError:
            return  # still learning: nothing to estimate from
        self.limits = new_limits(
            self.chart,
            fit,
            kind=LimitRevision.Kind.PROVISIONAL,
            from_sequence=count,
            reason=f"provisional after {count} points",
            made_at=self.now,
        )
        self.state = state_at_start(self.limits, self.plan.rules)

    def _milestone(self, count: int) -> int:
        """The last number of points up to `count` at which limits are estimated; 0 before the first."""
        doubled = FIRST_PROVISIONAL << max(0, (count // FIRST_PROVISIONAL).bit_length() - 1)
        return max(at for at in (0, doubled, self.plan.phase1_subgroups) if at <= count)

    def save(self) -> None:
        """Write points, signals and the state that the next evaluation continues from."""
        if not self.points and self.limits == self.stored.limit_revision:
            return
        self.write()
        self.stored.limit_revision = self.limits
        self.stored.state = self.state.to_dict() if self.state is not None else None
        self.stored.next_sequence = self.sequence
        if self.points:
            self.stored.watermark_at = self.points[-1].measured_at
        self.stored.save(update_fields=["limit_revision", "state", "next_sequence", "watermark_at"])


def new_limits(
    chart: Chart,
    fit: Fit,
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
        center=fit.center,
        sigma=fit.sigma,
        subgroup_size=fit.subgroup_size,
        baseline=fit.to_dict(),
        from_sequence=from_sequence,
        reason=reason,
        made_by_id=made_by_id,
        made_at=made_at,
        signature_id=signature_id,
    )
