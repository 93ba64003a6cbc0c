"""A chart as it stands before a replay: its points in their order, and the state before any of them.

Points are read a few at a time, so that the cost ends where the replay ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from spc.actions.plotter import Plotter, state_at_start
from spc.engine.live import State, continues_alike, load_state, reach
from spc.models import Chart, ChartCheckpoint, LimitRevision, Point, PointExclusion
from spc.queries import current_points, excluded_subgroups, subgroup_values, with_current_members

PIECE = 256


@dataclass(frozen=True)
class Before:
    """How to come to the state before point `place`: from `state`, which is that before point `since`."""

    place: int
    limits_id: int | None
    since: int
    state: State | None


class Standing:
    """The points from sequence 0 to `end`; `places` are those that a replay is going to look at."""

    def __init__(self, chart: Chart, *, end: int) -> None:
        self.chart, self.end = chart, end
        self.revisions: dict[int | None, LimitRevision | None] = {
            revision.pk: revision for revision in chart.limit_revisions.all()
        } | {None: None}
        self._starts: dict[int, State] = {}
        self._expected: list[int] = []
        self._rows: dict[int, Point] = {}
        # Sequence and limits → the state before that point, for the points just read; the latest generation's.
        self._known: dict[tuple[int, int | None], State] = {}

    @cached_property
    def excluded(self) -> dict[int, PointExclusion]:
        return excluded_subgroups(self.chart.pk)

    def expect(self, places: Iterable[int], limits_id: int | None) -> None:
        """Read together what lies around these places, where states forget and nothing else will be asked for."""
        back = self._reach(limits_id)
        if back is not None:
            around = {n for place in places for n in range(place - back, place + back + 1)}
            self._expected = sorted(n for n in around if 0 <= n < self.end)

    def point(self, sequence: int) -> Point:
        """The point, with `subgroup.members` as they stand."""
        if sequence not in self._rows:
            self._read(sequence)
        return self._rows[sequence]

    def before(self, place: int, limits_id: int | None) -> Before:
        """The nearest known state from which that before `place` can be made, under these limits."""
        limits = self.revisions[limits_id]
        if limits is None:
            return Before(place, None, place, None)
        back = self._reach(limits_id)
        if back is not None:
            return Before(place, limits_id, max(limits.from_sequence, place - back), self._start(limits))
        known = (
            ChartCheckpoint.objects.filter(
                chart=self.chart,
                limit_revision=limits,
                sequence__lte=place,
                sequence__gte=limits.from_sequence,
            )
            .order_by("-sequence", "-generation")
            .first()
        )
        if known is None:
            return Before(place, limits_id, limits.from_sequence, self._start(limits))
        return Before(place, limits_id, known.sequence, load_state(known.state))

    def bring(self, plotter: Plotter, before: Before, *, by: int) -> None:
        """Bring the plotter to a place, whose point is going to have a number `by` higher."""
        plotter.go_on(self.revisions[before.limits_id], before.state, before.place + by)
        for sequence in range(before.since, before.place):
            point = self.point(sequence)
            data = subgroup_values(plotter.kind, point.subgroup.members.all())
            plotter.feed(data, excluded=point.subgroup_id in self.excluded)
        plotter.count_points()

    def goes_on_alike(self, plotter: Plotter, sequence: int, limits_id: int | None, *, alike: int) -> bool:
        """Whether the points from this one on show what they showed, under limits that the plotter has too.

        `alike` is how many points before it, in a row, were plotted from what they had been plotted from before.
        """
        if plotter.state is None:
            return True  # without limits a point concerns no other
        back = self._reach(limits_id)
        if back is not None:
            return alike >= back
        known = self._known.get((sequence, limits_id))
        return known is not None and continues_alike(known, plotter.state)

    def _start(self, limits: LimitRevision) -> State:
        if limits.pk not in self._starts:
            self._starts[limits.pk] = state_at_start(limits, self.chart.stream.plan.rules)
        return self._starts[limits.pk]

    def _reach(self, limits_id: int | None) -> int | None:
        limits = self.revisions[limits_id]
        return 0 if limits is None else reach(self._start(limits))

    def _read(self, sequence: int) -> None:
        at = bisect_left(self._expected, sequence)
        wanted = self._expected[at : at + PIECE]
        if not wanted or wanted[0] != sequence:
            wanted = list(range(sequence, min(sequence + PIECE, self.end)))
        points = current_points(self.chart.pk).filter(sequence__in=wanted)
        self._rows = {point.sequence: point for point in with_current_members(points)}
        checkpoints = ChartCheckpoint.objects.filter(chart=self.chart, sequence__in=wanted)
        self._known = {
            (row.sequence, row.limit_revision_id): load_state(row.state)
            for row in checkpoints.order_by("generation")
        }
