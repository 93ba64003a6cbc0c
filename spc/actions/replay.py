"""Plot part of a chart again: readings came late, were corrected or withdrawn, or a point was excluded.

At each place that something changes, the replay takes up the state before it (`spc.actions.standing`) and plots until
the state is again what it was; up to the next such place points keep what they show, and where one came or went their
numbers are shifted (`spc.actions.shift`). So its cost does not depend on the chart's history, and readings scattered
over it cost no more than each by itself. Points are judged by the limits that judged them before; a point measured
before the limits in force began is plotted first under them. Replaced points stay, stamped.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lots.failpoints import hit
from spc.actions.plotter import CHECKPOINT_EVERY, Plotter, plotted_at
from spc.actions.shift import Kept, Shift, carry
from spc.actions.standing import Before, Standing
from spc.models import Chart, ChartState, LimitRevision, Point, Signal, Subgroup
from spc.queries import current_points, subgroup_values, with_current_members


@dataclass(frozen=True)
class Change:
    """Subgroups whose plotted points are no longer right, and closed ones to be put in their place among the points."""

    changed: frozenset[int] = frozenset()
    late: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.late)


@dataclass(frozen=True)
class Replayed:
    """The points written and the signals that nobody has judged yet; those found before carry their judgement on."""

    points: list[Point]
    signals: list[Signal]


@dataclass
class _Entry:
    """A point to be plotted: an old one again at its place, or one put among them (`sequence` is None)."""

    subgroup: Subgroup
    measured_at: datetime
    limits_id: int | None
    sequence: int | None = None


def replay(chart: Chart, change: Change, *, now: datetime) -> Replayed:
    """Plot again what the change concerns; the chart row must be locked by the caller's transaction."""
    stored = ChartState.objects.select_related("limit_revision").get(chart=chart)
    work = _Replay(chart, stored, change)
    if not work.places:
        return Replayed([], [])
    return work.run(now)


class _Replay:
    def __init__(self, chart: Chart, stored: ChartState, change: Change) -> None:
        self.chart, self.stored, self.changed = chart, stored, change.changed
        self.standing = Standing(chart, end=stored.next_sequence)
        self.floor = stored.limit_revision.from_sequence if stored.limit_revision else 0
        points = current_points(chart.pk).filter(subgroup__in=change.changed)
        self.staying: set[int] = set()
        self.leaving: set[int] = set()
        moving: list[_Entry] = []
        for point in with_current_members(points):
            at = _instant(point)
            if point.sequence < self.floor or at == point.measured_at:
                self.staying.add(point.sequence)
            else:
                self.leaving.add(point.sequence)
                moving.append(_Entry(point.subgroup, at, point.limit_revision_id))
        current = stored.limit_revision_id
        subgroups = Subgroup.objects.filter(pk__in=change.late).prefetch_related("members")
        for subgroup in subgroups:
            at = plotted_at((m.measured_at for m in subgroup.members.all()), otherwise=subgroup.opened_at)
            moving.append(_Entry(subgroup, at, current))
        moving.sort(key=lambda entry: (entry.measured_at, entry.subgroup.pk))
        self.waiting = deque(moving)
        # Where the chart is going to differ, in the numbers that its points have now.
        self.places = sorted({*self.staying, *self.leaving, *self._places(moving)})
        self.standing.expect(self.places, current)
        self.plotted: list[tuple[int, int]] = []
        self.kept: list[Kept] = []
        self.alike = 0

    def _places(self, moving: list[_Entry]) -> list[int]:
        """Of each the sequence behind the last point not measured after it; cost grows with the lateness only."""
        if not moving:
            return []
        points = current_points(self.chart.pk).filter(sequence__gte=self.floor)
        numbers = points.order_by("-sequence").values_list("sequence", flat=True)
        before = numbers.filter(measured_at__lte=moving[0].measured_at).first()
        first = self.floor if before is None else before + 1
        if len(moving) == 1:
            return [first]
        behind = points.filter(sequence__gte=first, measured_at__lte=moving[-1].measured_at)
        instants = list(behind.order_by("sequence").values_list("measured_at", flat=True))
        return [first + bisect_right(instants, entry.measured_at) for entry in moving]

    def run(self, now: datetime) -> Replayed:
        self.chart.generation += 1
        self.chart.save(update_fields=["generation"])
        plotter = Plotter(self.chart, limits=None, state=None, sequence=self.places[0])
        before: Before | None = self._before(self.places[0])
        while before is not None:
            before = self._plot_from(before, plotter)
        signals = self._store(plotter, now)
        LimitRevision.objects.filter(
            basis__point__subgroup__in=self.changed, basis__excluded=False, basis_changed_at__isnull=True
        ).update(basis_changed_at=now)
        return Replayed(plotter.points, signals)

    def _plot_from(self, before: Before, plotter: Plotter) -> Before | None:
        """Plot from a place on until the points show what they showed; returns the next place, None behind the last."""
        self.standing.bring(plotter, before, by=self.kept[-1].by if self.kept else 0)
        self.alike = 0
        for entry in self._entries(before.place):
            if entry.sequence is not None and self._is_settled(plotter, entry):
                following = self._following(entry.sequence)
                # What the next state is made from may lie before this point: then plotting goes on.
                if following is None or following.since >= entry.sequence:
                    until = self.standing.end if following is None else following.place
                    plotter.forget_checkpoints(since=plotter.sequence - CHECKPOINT_EVERY // 2)
                    self.plotted.append((before.place, entry.sequence))
                    self.kept.append(Kept(entry.sequence, until, plotter.sequence - entry.sequence))
                    return following
            if entry.limits_id != (plotter.limits.pk if plotter.limits else None):
                plotter.use(self.standing.revisions[entry.limits_id])
            plotter.plot(
                entry.subgroup,
                subgroup_values(plotter.kind, entry.subgroup.members.all()),
                measured_at=entry.measured_at,
                excluded=entry.subgroup.pk in self.standing.excluded,
            )
            self.alike = 0 if entry.sequence is None or entry.sequence in self.staying else self.alike + 1
        self.plotted.append((before.place, self.standing.end))
        return None

    def _before(self, place: int) -> Before:
        if place >= self.floor:
            return self.standing.before(place, self.stored.limit_revision_id)
        return self.standing.before(place, self.standing.point(place).limit_revision_id)

    def _following(self, sequence: int) -> Before | None:
        at = bisect_right(self.places, sequence)
        return self._before(self.places[at]) if at < len(self.places) else None

    def _entries(self, first: int) -> Iterator[_Entry]:
        """What is plotted from `first` on, in order: points as they stand, and what moves put among them by time."""
        for sequence in range(first, self.standing.end):
            if sequence in self.leaving:
                self.alike = 0
                continue
            point = self.standing.point(sequence)
            while self.waiting and sequence >= self.floor and self.waiting[0].measured_at < point.measured_at:
                yield self.waiting.popleft()
            yield _Entry(point.subgroup, point.measured_at, point.limit_revision_id, sequence)
        while self.waiting:
            yield self.waiting.popleft()

    def _is_settled(self, plotter: Plotter, entry: _Entry) -> bool:
        """Whether every point from this one to the next place would show what it shows, its number apart."""
        assert entry.sequence is not None
        if entry.sequence in self.staying:
            return False
        if entry.limits_id != (plotter.limits.pk if plotter.limits else None):
            return True  # other limits start anew
        return self.standing.goes_on_alike(plotter, entry.sequence, entry.limits_id, alike=self.alike)

    def _store(self, plotter: Plotter, now: datetime) -> list[Signal]:
        """Write what was plotted in place of what it replaces, and the points between under new numbers."""
        shift = Shift(self.chart, self.plotted, self.kept, now)
        shift.stamp()
        hit("replay.replaced")
        fresh = _carry(plotter.signals, _earlier_signals(plotter.signals))
        shift.write_points()
        plotter.write()
        fresh += shift.write_rest()
        if not self.kept or self.plotted[-1][1] == self.standing.end:
            self._keep_state(plotter)
        elif self.kept[-1].by:
            self._shift_state(self.kept[-1].by)
        return fresh

    def _keep_state(self, plotter: Plotter) -> None:
        """The chart goes on from the replay's end; limits that have judged no point yet keep their fresh state."""
        self.stored.next_sequence = plotter.sequence
        self.stored.watermark_at = self._last_instant(plotter)
        if (plotter.limits.pk if plotter.limits else None) == self.stored.limit_revision_id:
            self.stored.state = plotter.state.to_dict() if plotter.state is not None else None
        self.stored.save(update_fields=["state", "next_sequence", "watermark_at"])

    def _last_instant(self, plotter: Plotter) -> datetime:
        """Of the chart's last point; nothing was plotted at the end when all that stood there has moved away."""
        last = plotter.sequence - 1
        if plotter.points[-1].sequence == last:
            return plotter.points[-1].measured_at
        return current_points(self.chart.pk).get(sequence=last).measured_at

    def _shift_state(self, by: int) -> None:
        """The chart goes on from the last point as it was, `by` numbers further on."""
        self.stored.next_sequence += by
        if self.stored.state is not None:
            self.stored.state["n"] += by
        self.stored.save(update_fields=["state", "next_sequence"])


def _instant(point: Point) -> datetime:
    return plotted_at((m.measured_at for m in point.subgroup.members.all()), otherwise=point.measured_at)


def _earlier_signals(signals: Sequence[Signal]) -> dict[tuple[int, str, str], Signal]:
    """The latest judged signal of each subgroup, rule and panel, from before the replay."""
    subgroups = {signal.point.subgroup_id for signal in signals}
    rows = Signal.objects.filter(point__subgroup__in=subgroups, judged_at__isnull=False).select_related(
        "point"
    )
    return {(row.point.subgroup_id, row.rule, row.panel): row for row in rows.order_by("id")}


def _carry(signals: Sequence[Signal], earlier: dict[tuple[int, str, str], Signal]) -> list[Signal]:
    """Let signals found again carry their judgement on; returns the others."""
    fresh = []
    for signal in signals:
        before = earlier.get((signal.point.subgroup_id, signal.rule, signal.panel))
        if before is None:
            fresh.append(signal)
            continue
        carry(before, signal)
    return fresh
