"""Give the points behind a replay new numbers: they show what they showed, some places further on.

Evidence is append-only, so each is written anew from its old row, which is stamped; signals carry their judgement on,
with the points of their patterns. A few statements, whatever the number of points.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from spc.models import Chart, ChartCheckpoint, Point, Signal, SignalMember
from spc.queries import current_points

STAMP = """
UPDATE spc_point SET replaced_at = %(now)s
WHERE chart_id = %(chart)s AND replaced_at IS NULL AND sequence >= %(since)s RETURNING id
"""
POINTS = """
INSERT INTO spc_point ({columns}, generation, sequence, created_at)
SELECT {columns}, %(generation)s, sequence + %(by)s, %(now)s FROM spc_point WHERE id = ANY (%(old)s)
"""
SIGNALLED = "SELECT id FROM spc_signal WHERE point_id = ANY (%s)"
CHECKPOINTS = """
WITH gone AS (
    DELETE FROM spc_chartcheckpoint WHERE chart_id = %(chart)s AND sequence >= %(since)s AND generation < %(generation)s
    RETURNING *
)
INSERT INTO spc_chartcheckpoint (chart_id, generation, sequence, limit_revision_id, state)
SELECT DISTINCT ON (sequence) chart_id, %(generation)s, sequence + %(by)s, limit_revision_id,
    state || jsonb_build_object('n', (state ->> 'n')::bigint + %(by)s)
FROM gone ORDER BY sequence, generation DESC
"""
COPIED = ", ".join(
    f'"{field.column}"'
    for field in Point._meta.concrete_fields
    if field.name not in {"id", "generation", "sequence", "created_at", "replaced_at"}
)


@dataclass(frozen=True)
class Tail:
    """The points from sequence `since` on, taken off the chart and not yet written anew `by` places further on."""

    chart: Chart
    since: int
    by: int
    now: datetime
    old: tuple[int, ...]

    @classmethod
    def stamp(cls, chart: Chart, since: int, *, by: int, now: datetime) -> Tail:
        """Take the tail off the chart, so that its numbers are free."""
        with connection.cursor() as cursor:
            cursor.execute(STAMP, {"chart": chart.pk, "since": since, "now": now})
            return cls(chart, since, by, now, tuple(key for (key,) in cursor.fetchall()))

    def write(self) -> list[Signal]:
        """Write it anew in the chart's generation, behind what the replay has plotted; returns unjudged signals."""
        given: dict[str, int | datetime | list[int]] = {
            "chart": self.chart.pk,
            "generation": self.chart.generation,
            "since": self.since,
            "by": self.by,
            "now": self.now,
            "old": list(self.old),
        }
        with connection.cursor() as cursor:
            cursor.execute(POINTS.format(columns=COPIED), given)
            cursor.execute(CHECKPOINTS, given)
            cursor.execute(SIGNALLED, [list(self.old)])
            keys = [key for (key,) in cursor.fetchall()]
        return self._carry(keys) if keys else []

    def _carry(self, keys: list[int]) -> list[Signal]:
        """Write the signals anew with their patterns, by place: members before the tail may have new points too."""
        signals = Signal.objects.filter(pk__in=keys).select_related("point").order_by("pk")
        members = SignalMember.objects.filter(signal__in=keys).values_list("signal_id", "point__sequence")
        patterns = [(signal, sequence + self.by) for signal, sequence in members]
        places = {signal.pk: signal.point.sequence + self.by for signal in signals}
        wanted = {*places.values(), *(sequence for _, sequence in patterns)}
        points = {p.sequence: p for p in current_points(self.chart.pk).filter(sequence__in=wanted)}
        anew = {signal.pk: carried(signal, points[places[signal.pk]]) for signal in signals}
        Signal.objects.bulk_create(anew.values())
        SignalMember.objects.bulk_create(
            SignalMember(signal=anew[signal], point=points[sequence]) for signal, sequence in patterns
        )
        return [signal for signal in anew.values() if signal.judged_at is None]


def carried(before: Signal, point: Point) -> Signal:
    """The signal at the point that takes the place of its own; once judged, it carries its judgement on."""
    signal = Signal(
        chart_id=before.chart_id,
        point=point,
        rule=before.rule,
        panel=before.panel,
        provisional=before.provisional,
    )
    if before.judged_at is not None:
        carry(before, signal)
    return signal


def carry(before: Signal, signal: Signal) -> None:
    """Let a signal that was found again go on from its judgement: nothing is held a second time."""
    signal.carried_from_id = before.carried_from_id or before.pk
    signal.reaction, signal.judged_at = before.reaction, before.judged_at
    signal.acknowledged_by_id, signal.acknowledged_at = before.acknowledged_by_id, before.acknowledged_at
    signal.cause = before.cause


def drop_checkpoints(chart: Chart, *, after: int, before: int | None) -> None:
    """Delete states that a replay of the points from `after` to `before` (None: to the end) has outdated."""
    stale = ChartCheckpoint.objects.filter(chart=chart, sequence__gt=after)
    if before is not None:
        stale = stale.filter(sequence__lt=before)
    stale.delete()
