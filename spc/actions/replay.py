"""Plot part of a chart again: readings came late, were corrected or withdrawn, or a point was excluded.

The replay starts from the checkpoint before the first point concerned and stops where the state is again what it was;
from there on points keep what they show, and where one came or went their numbers are shifted (`spc.actions.shift`).
So its cost does not depend on the chart's history. Points are judged by the limits that judged them before; a point
measured before the limits in force began is plotted first under them. Replaced points stay, stamped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db.models import QuerySet

from lots.failpoints import hit
from spc.actions.plotter import CHECKPOINT_EVERY, Plotter, plotted_at
from spc.actions.shift import Tail, carry, drop_checkpoints
from spc.engine.live import State, continues_alike, load_state
from spc.models import (
    Chart,
    ChartCheckpoint,
    ChartState,
    LimitRevision,
    Point,
    PointExclusion,
    Signal,
    Subgroup,
)
from spc.queries import current_points, excluded_subgroups, subgroup_values, with_current_members


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
    """A point to be plotted: an old one again, or one that came late (`old` is None)."""

    subgroup: Subgroup
    measured_at: datetime
    limits_id: int | None
    old: Point | None

    @property
    def sequence(self) -> int:
        assert self.old is not None
        return self.old.sequence


def replay(chart: Chart, change: Change, *, now: datetime) -> Replayed:
    """Plot again what the change concerns; the chart row must be locked by the caller's transaction."""
    stored = ChartState.objects.select_related("limit_revision").get(chart=chart)
    work = _Replay(chart, stored, change)
    if work.first is None:
        return Replayed([], [])
    return work.run(now)


class _Replay:
    def __init__(self, chart: Chart, stored: ChartState, change: Change) -> None:
        self.chart, self.stored = chart, stored
        self.floor = stored.limit_revision.from_sequence if stored.limit_revision else 0
        self.revisions: dict[int | None, LimitRevision | None] = {
            revision.pk: revision for revision in chart.limit_revisions.all()
        } | {None: None}
        touched = list(self._current().filter(subgroup__in=change.changed).order_by("sequence"))
        self.staying: set[int] = set()
        moving: list[_Entry] = []
        for point in touched:
            at = _instant(point)
            if point.sequence < self.floor or at == point.measured_at:
                self.staying.add(point.sequence)
            else:
                moving.append(_Entry(point.subgroup, at, point.limit_revision_id, point))
        current = stored.limit_revision_id
        subgroups = Subgroup.objects.filter(pk__in=change.late).prefetch_related("members")
        for subgroup in subgroups:
            at = plotted_at((m.measured_at for m in subgroup.members.all()), otherwise=subgroup.opened_at)
            moving.append(_Entry(subgroup, at, current, None))
        moving.sort(key=lambda entry: (entry.measured_at, entry.subgroup.pk))
        leaving = [entry.sequence for entry in moving if entry.old is not None]
        places = [*self.staying, *leaving, *(self._place(entry.measured_at) for entry in moving)]
        self.first: int | None = min(places, default=None)
        self.last_changed = max([*self.staying, *leaving], default=-1)
        self.leaving = frozenset(leaving)
        self.waiting = deque(moving)
        self.changed = change.changed
        # Sequence and limits → the state before that point, for the points just read; the latest generation's.
        self.known: dict[tuple[int, int | None], State] = {}

    @cached_property
    def excluded(self) -> dict[int, PointExclusion]:
        return excluded_subgroups(self.chart.pk)

    def _current(self) -> QuerySet[Point]:
        return with_current_members(current_points(self.chart.pk))

    def _place(self, at: datetime) -> int:
        """Sequence behind the last point that was not measured after `at`; cost grows with the lateness only."""
        before = (
            current_points(self.chart.pk)
            .filter(sequence__gte=self.floor, measured_at__lte=at)
            .order_by("-sequence")
            .values_list("sequence", flat=True)
            .first()
        )
        return self.floor if before is None else before + 1

    def run(self, now: datetime) -> Replayed:
        assert self.first is not None
        self.chart.generation += 1
        self.chart.save(update_fields=["generation"])
        plotter = self._plotter_at(self.first)
        settled: int | None = None
        for entry in self._entries(self.first):
            if self._is_settled(plotter, entry):
                settled = entry.sequence
                break
            if entry.limits_id != (plotter.limits.pk if plotter.limits else None):
                plotter.use(self.revisions[entry.limits_id])
            plotter.plot(
                entry.subgroup,
                subgroup_values(plotter.kind, entry.subgroup.members.all()),
                measured_at=entry.measured_at,
                excluded=entry.subgroup.pk in self.excluded,
            )
        signals = self._store(plotter, settled, now)
        LimitRevision.objects.filter(
            basis__point__subgroup__in=self.changed, basis__excluded=False, basis_changed_at__isnull=True
        ).update(basis_changed_at=now)
        return Replayed(plotter.points, signals)

    def _store(self, plotter: Plotter, settled: int | None, now: datetime) -> list[Signal]:
        """Write what was plotted in place of what it replaces, and the points from `settled` on under new numbers."""
        assert self.first is not None
        replaced = current_points(self.chart.pk).filter(sequence__gte=self.first)
        shift = 0 if settled is None else plotter.sequence - settled
        tail = Tail.stamp(self.chart, settled, by=shift, now=now) if settled is not None and shift else None
        if settled is not None:
            plotter.forget_checkpoints(since=plotter.sequence - CHECKPOINT_EVERY // 2)
            replaced = replaced.filter(sequence__lt=settled)
        replaced.update(replaced_at=now)
        hit("replay.replaced")
        drop_checkpoints(self.chart, after=self.first, before=settled)
        fresh = _carry(plotter.signals, _earlier_signals(plotter.signals))
        plotter.write()
        if tail is not None:
            fresh += tail.write()
            self._shift_state(shift)
        elif settled is None:
            self._keep_state(plotter)
        return fresh

    def _entries(self, first: int) -> Iterator[_Entry]:
        """What is plotted from `first` on, in order: points as they stand, and what moves put among them by time."""
        for point in self._pieces(first):
            if point.sequence in self.leaving:
                continue
            while (
                self.waiting
                and point.sequence >= self.floor
                and self.waiting[0].measured_at < point.measured_at
            ):
                yield self.waiting.popleft()
            yield _Entry(point.subgroup, point.measured_at, point.limit_revision_id, point)
        while self.waiting:
            yield self.waiting.popleft()

    def _pieces(self, first: int) -> Iterator[Point]:
        """The current points from `first` on, read a few at a time, so that the cost ends where the replay ends."""
        while rows := list(
            self._current().filter(sequence__gte=first).order_by("sequence")[:CHECKPOINT_EVERY]
        ):
            checkpoints = ChartCheckpoint.objects.filter(
                chart=self.chart, sequence__gte=first, sequence__lte=rows[-1].sequence
            )
            self.known = {
                (row.sequence, row.limit_revision_id): load_state(row.state)
                for row in checkpoints.order_by("generation")
            }
            yield from rows
            first = rows[-1].sequence + 1

    def _is_settled(self, plotter: Plotter, entry: _Entry) -> bool:
        """Whether every point from this one on would show what it shows, its number apart."""
        if self.waiting or entry.old is None or entry.sequence <= self.last_changed:
            return False
        if entry.limits_id != (plotter.limits.pk if plotter.limits else None) or plotter.state is None:
            return True  # other limits start anew, and without limits a point concerns no other
        known = self.known.get((entry.sequence, entry.limits_id))
        return known is not None and continues_alike(known, plotter.state)

    def _checkpoint(self, limits_id: int | None, *, at_most: int) -> ChartCheckpoint | None:
        limits = self.revisions[limits_id]
        since = limits.from_sequence if limits else 0
        return (
            ChartCheckpoint.objects.filter(
                chart=self.chart, limit_revision=limits, sequence__lte=at_most, sequence__gte=since
            )
            .order_by("-sequence", "-generation")
            .first()
        )

    def _plotter_at(self, first: int) -> Plotter:
        """A plotter in the state before point `first`, warmed up from the checkpoint before it."""
        limits_id = self.stored.limit_revision_id
        if first < self.floor:
            limits_id = current_points(self.chart.pk).get(sequence=first).limit_revision_id
        limits = self.revisions[limits_id]
        plotter = Plotter(self.chart, limits=None, state=None, sequence=first)
        plotter.use(limits)
        if limits is None:
            return plotter
        since = limits.from_sequence
        known = self._checkpoint(limits_id, at_most=first)
        if known is not None:
            plotter.state, since = load_state(known.state), known.sequence
        for point in self._current().filter(sequence__gte=since, sequence__lt=first).order_by("sequence"):
            data = subgroup_values(plotter.kind, point.subgroup.members.all())
            plotter.feed(data, excluded=point.subgroup_id in self.excluded)
        return plotter

    def _keep_state(self, plotter: Plotter) -> None:
        """The chart goes on from the replay's end; limits that have judged no point yet keep their fresh state."""
        self.stored.next_sequence = plotter.sequence
        self.stored.watermark_at = plotter.points[-1].measured_at
        if plotter.limits is None or plotter.limits.pk == self.stored.limit_revision_id:
            self.stored.state = plotter.state.to_dict() if plotter.state is not None else None
        self.stored.save(update_fields=["state", "next_sequence", "watermark_at"])

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
