"""Give points between and behind what a replay plots new numbers: they show what they showed, some places further on.

Evidence is append-only, so each is written anew from its old row, which is stamped; signals carry their judgement on,
with the points of their patterns. A few statements, whatever the number of points and stretches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from spc.models import Chart, Point, Signal

STAMP = """
UPDATE spc_point p SET replaced_at = %(now)s
FROM unnest(%(since)s::bigint[], %(until)s::bigint[]) AS stretch (since, until)
WHERE p.chart_id = %(chart)s AND p.replaced_at IS NULL AND p.sequence >= stretch.since AND p.sequence < stretch.until
RETURNING p.id, p.sequence
"""
POINTS = """
INSERT INTO spc_point ({columns}, generation, sequence, created_at)
SELECT {columns}, %(generation)s, sequence + moved.by, %(now)s
FROM unnest(%(old)s::bigint[], %(by)s::bigint[]) AS moved (id, by) JOIN spc_point p ON p.id = moved.id
RETURNING id, sequence
"""
# What is joined below is joined by its key alone: a plan that suits an empty table must not be a bad one for a full.
SIGNALLED = "SELECT id, point_id FROM spc_signal WHERE point_id = ANY (%(old)s) ORDER BY id"
SIGNALS = """
INSERT INTO spc_signal (chart_id, point_id, rule, panel, provisional, created_at, reaction, judged_at,
                        acknowledged_by_id, acknowledged_at, cause, carried_from_id)
SELECT s.chart_id, moved.point, s.rule, s.panel, s.provisional, %(now)s, s.reaction, s.judged_at,
       s.acknowledged_by_id, s.acknowledged_at, s.cause,
       CASE WHEN s.judged_at IS NOT NULL THEN coalesce(s.carried_from_id, s.id) END
FROM unnest(%(old)s::bigint[], %(new)s::bigint[]) WITH ORDINALITY AS moved (id, point, place)
JOIN spc_signal s ON s.id = moved.id ORDER BY moved.place
RETURNING id, judged_at IS NULL
"""
MEMBERS = """
SELECT m.signal_id, p.sequence FROM spc_signalmember m JOIN spc_point p ON p.id = m.point_id
WHERE m.signal_id = ANY (%(old)s)
"""
SHOWN = """
SELECT sequence, id FROM spc_point WHERE chart_id = %(chart)s AND replaced_at IS NULL AND sequence = ANY (%(old)s)
"""
PATTERNS = """
INSERT INTO spc_signalmember (signal_id, point_id) SELECT * FROM unnest(%(old)s::bigint[], %(new)s::bigint[])
"""
# The state before a stretch is no other than that behind the points kept before it; both may have written it.
CHECKPOINTS = """
WITH gone AS (
    DELETE FROM spc_chartcheckpoint c USING unnest(%(since)s::bigint[], %(until)s::bigint[], %(by)s::bigint[])
        AS kept (since, until, by)
    WHERE c.chart_id = %(chart)s AND c.generation < %(generation)s
        AND c.sequence >= kept.since AND c.sequence <= kept.until
    RETURNING c.chart_id, c.generation, c.sequence, c.limit_revision_id, c.state, kept.by
)
INSERT INTO spc_chartcheckpoint (chart_id, generation, sequence, limit_revision_id, state)
SELECT DISTINCT ON (sequence) chart_id, %(generation)s, sequence + by, limit_revision_id,
    state || jsonb_build_object('n', (state ->> 'n')::bigint + by)
FROM gone ORDER BY sequence, generation DESC
ON CONFLICT DO NOTHING
"""
STALE = """
DELETE FROM spc_chartcheckpoint c USING unnest(%(since)s::bigint[], %(until)s::bigint[]) AS stretch (since, until)
WHERE c.chart_id = %(chart)s AND c.sequence > stretch.since AND c.sequence < stretch.until
"""
COPIED = ", ".join(
    f'"{field.column}"'
    for field in Point._meta.concrete_fields
    if field.name not in {"id", "generation", "sequence", "created_at", "replaced_at"}
)


@dataclass(frozen=True)
class Kept:
    """Points from sequence `since` to before `until` that show what they showed, `by` places further on."""

    since: int
    until: int
    by: int


@dataclass
class Shift:
    """What a replay does to the chart's points as they stand: `plotted` again, or `kept`, in their order."""

    chart: Chart
    plotted: Sequence[tuple[int, int]]
    kept: Sequence[Kept]
    now: datetime

    def __post_init__(self) -> None:
        self.moved = [kept for kept in self.kept if kept.by]
        # Of the points with new numbers: key → how many places further on, and the key of the point written anew.
        self._by: dict[int, int] = {}
        self._anew: dict[int, int] = {}
        self._sequences: dict[int, int] = {}

    def stamp(self) -> None:
        """Take off the chart what is plotted again and what gets new numbers, and what states it has outdated."""
        stretches = [*self.plotted, *((kept.since, kept.until) for kept in self.moved)]
        starts = [kept.since for kept in self.moved]
        for key, sequence in self._run(STAMP, **_columns(stretches, "since", "until")):
            at = bisect_right(starts, sequence) - 1
            if at >= 0 and sequence < self.moved[at].until:
                self._by[key] = self.moved[at].by
                self._sequences[key] = sequence
        self._run(STALE, **_columns(self.plotted, "since", "until"))

    def write_points(self) -> None:
        """Write the points under their new numbers, in the chart's generation."""
        if self._by:
            written = self._run(POINTS.format(columns=COPIED), old=list(self._by), by=list(self._by.values()))
            places = {sequence: key for key, sequence in written}
            self._anew = {key: places[sequence + self._by[key]] for key, sequence in self._sequences.items()}

    def write_rest(self) -> list[Signal]:
        """Write their signals and states, once all points are there; returns unjudged signals."""
        if not self._by:
            return []
        rows = [(kept.since, kept.until, kept.by) for kept in self.moved]
        self._run(CHECKPOINTS, **_columns(rows, "since", "until", "by"))
        found = self._run(SIGNALLED, old=list(self._by))
        if not found:
            return []
        written = self._run(
            SIGNALS, old=[key for key, _ in found], new=[self._anew[point] for _, point in found]
        )
        self._write_patterns(
            {key: (again, self._by[point]) for (key, point), (again, _) in zip(found, written, strict=True)}
        )
        unjudged = [key for key, is_unjudged in written if is_unjudged]
        return list(Signal.objects.filter(pk__in=unjudged).select_related("point").order_by("pk"))

    def _write_patterns(self, signals: dict[int, tuple[int, int]]) -> None:
        """By place: members before the stretch may have been plotted anew too. Signal → the one anew, and how far."""
        members = [
            (again, sequence + by)
            for key, sequence in self._run(MEMBERS, old=list(signals))
            for again, by in (signals[key],)
        ]
        shown = dict(self._run(SHOWN, old=sorted({sequence for _, sequence in members})))
        self._run(
            PATTERNS, old=[again for again, _ in members], new=[shown[sequence] for _, sequence in members]
        )

    def _run(self, statement: str, **given: list[int]) -> list[tuple[Any, ...]]:
        named: dict[str, int | datetime | list[int]] = {
            "chart": self.chart.pk,
            "generation": self.chart.generation,
            "now": self.now,
        }
        with connection.cursor() as cursor:
            cursor.execute(statement, {**named, **given})
            return list(cursor.fetchall()) if cursor.description else []


def _columns(rows: Sequence[tuple[int, ...]], *names: str) -> dict[str, list[int]]:
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}


def carry(before: Signal, signal: Signal) -> None:
    """Let a signal that was found again go on from its judgement: nothing is held a second time."""
    signal.carried_from_id = before.carried_from_id or before.pk
    signal.reaction, signal.judged_at = before.reaction, before.judged_at
    signal.acknowledged_by_id, signal.acknowledged_at = before.acknowledged_by_id, before.acknowledged_at
    signal.cause = before.cause
