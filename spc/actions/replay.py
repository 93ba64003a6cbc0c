"""Plot part of a chart again: readings came late, were corrected or withdrawn, or a point was excluded.

The replay starts from the checkpoint before the first point concerned and stops where the state is again what it was,
so its cost does not depend on the chart's history. Points are judged by the limits that judged them before; a point
measured before the limits in force began is plotted first under them. Replaced points stay, stamped.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from lots.failpoints import hit
from spc.actions.plotter import CHECKPOINT_EVERY, Plotter, plotted_at
from spc.engine import ChartState as EngineState
from spc.models import Chart, ChartCheckpoint, ChartState, LimitRevision, Point, Signal, Subgroup
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
        self.moving = sorted(moving, key=lambda entry: (entry.measured_at, entry.subgroup.pk))
        places = [
            *self.staying,
            *(entry.sequence for entry in moving if entry.old is not None),
            *(self._place(entry.measured_at) for entry in moving),
        ]
        self.first: int | None = min(places, default=None)
        self.changed = change.changed

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
        excluded = excluded_subgroups(self.chart.pk)
        replaced: list[Point] = []
        reached_end = True
        for entry in self._entries(self.first):
            if self._is_settled(plotter, entry):
                reached_end = False
                break
            if entry.limits_id != (plotter.limits.pk if plotter.limits else None):
                plotter.use(self.revisions[entry.limits_id])
            plotter.plot(
                entry.subgroup,
                subgroup_values(plotter.family, entry.subgroup.members.all()),
                measured_at=entry.measured_at,
                excluded=entry.subgroup.pk in excluded,
            )
            if entry.old is not None:
                replaced.append(entry.old)
        Point.objects.filter(pk__in=[point.pk for point in replaced]).update(replaced_at=now)
        hit("replay.replaced")
        carried = _earlier_signals(plotter.signals)
        fresh = _carry(plotter.signals, carried)
        plotter.write()
        LimitRevision.objects.filter(
            basis__point__subgroup__in=self.changed, basis__excluded=False, basis_changed_at__isnull=True
        ).update(basis_changed_at=now)
        if reached_end:
            self._keep_state(plotter)
        return Replayed(plotter.points, fresh)

    def _entries(self, first: int) -> Iterable[_Entry]:
        """What is plotted from `first` on, in order; read in pieces, unless something moves among the points."""
        if self.moving:
            yield from self._rearranged(first)
            return
        while rows := list(
            self._current().filter(sequence__gte=first).order_by("sequence")[:CHECKPOINT_EVERY]
        ):
            for point in rows:
                yield _Entry(point.subgroup, point.measured_at, point.limit_revision_id, point)
            first = rows[-1].sequence + 1

    def _rearranged(self, first: int) -> list[_Entry]:
        leaving = {entry.old.pk for entry in self.moving if entry.old is not None}
        rows = list(self._current().filter(sequence__gte=first).order_by("sequence"))
        fixed = [
            _Entry(p.subgroup, p.measured_at, p.limit_revision_id, p) for p in rows if p.pk not in leaving
        ]
        below = sum(entry.sequence < self.floor for entry in fixed)
        for entry in self.moving:
            place = bisect_right(fixed, entry.measured_at, lo=below, key=lambda other: other.measured_at)
            fixed.insert(place, entry)
        return fixed

    def _is_settled(self, plotter: Plotter, entry: _Entry) -> bool:
        """Whether every point from this one on would be plotted as it stands."""
        if self.moving or entry.sequence <= max(self.staying):
            return False
        if entry.limits_id != (plotter.limits.pk if plotter.limits else None) or plotter.state is None:
            return True  # other limits start anew, and without limits a point concerns no other
        if entry.sequence % CHECKPOINT_EVERY:
            return False
        known = self._checkpoint(entry.limits_id, at_most=entry.sequence)
        return (
            known is not None
            and known.sequence == entry.sequence
            and EngineState.from_dict(known.state) == plotter.state
        )

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
            plotter.state, since = EngineState.from_dict(known.state), known.sequence
        excluded = excluded_subgroups(self.chart.pk)
        for point in self._current().filter(sequence__gte=since, sequence__lt=first).order_by("sequence"):
            data = subgroup_values(plotter.family, point.subgroup.members.all())
            plotter.feed(data, excluded=point.subgroup_id in excluded)
        return plotter

    def _keep_state(self, plotter: Plotter) -> None:
        """The chart goes on from the replay's end; limits that have judged no point yet keep their fresh state."""
        self.stored.next_sequence = plotter.sequence
        self.stored.watermark_at = plotter.points[-1].measured_at
        if plotter.limits is None or plotter.limits.pk == self.stored.limit_revision_id:
            self.stored.state = plotter.state.to_dict() if plotter.state is not None else None
        self.stored.save(update_fields=["state", "next_sequence", "watermark_at"])


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
        signal.carried_from_id = before.carried_from_id or before.pk
        signal.reaction, signal.judged_at = before.reaction, before.judged_at
        signal.acknowledged_by_id, signal.acknowledged_at = before.acknowledged_by_id, before.acknowledged_at
        signal.cause = before.cause
    return fresh
