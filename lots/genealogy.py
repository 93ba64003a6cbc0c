"""Walks of the genealogy that keep their place on the rolls: which metres of which ancestor, which of which descendant.

A link says that the child's position is `child_offset_mm + scale * parent's position`, give or take `uncertainty_mm`,
for the parent's interval that was taken. A walk carries an interval through these maps, forward or backward, and widens
it by the uncertainty of every step. Where a link has no interval the whole lot counts: wider, never narrower.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import ceil, floor

from django.db import connection

from lots.models import GenealogyLink

DEEPEST = 64
# Millimetres of a roll, half open.
Stretch = tuple[int, int]


class NotOfIt(Exception):
    """Nothing of the one went into that stretch of the other."""


@dataclass(frozen=True)
class TraceNode:
    """A lot reached, with its shortest distance. `intervals_mm` are the stretches of it that count; none: all of it.

    `voided`: every way to it leads over a link that was voided.
    """

    lot_id: int
    depth: int
    intervals_mm: tuple[tuple[int, int], ...] = ()
    voided: bool = False


@dataclass(frozen=True)
class Trace:
    """Lots and links reached. `truncated` says that the walk stopped at its limit, so that more may exist."""

    nodes: tuple[TraceNode, ...]
    links: tuple[GenealogyLink, ...]
    truncated: bool


# One recursive query with a visited set (UNION) of (lot, interval, depth) and whether a link on the way was voided:
# each stretch of a lot counts once, however many ways lead to it. Voided links are walked and shown as voided.
FORWARD = """
WITH RECURSIVE walk (lot_id, from_mm, to_mm, depth, voided) AS (
    SELECT %(start)s::bigint, %(from_mm)s::bigint, %(to_mm)s::bigint, 0, false
    UNION
    SELECT l.child_id::bigint,
           CASE WHEN mapped.low < least(mapped.high, c.length_mm) THEN mapped.low END,
           CASE WHEN mapped.low < least(mapped.high, c.length_mm) THEN least(mapped.high, c.length_mm) END,
           w.depth + 1,
           w.voided OR l.voided_at IS NOT NULL
    FROM walk w
    JOIN lots_genealogylink l ON l.parent_id = w.lot_id
    JOIN lots_lot c ON c.id = l.child_id
    CROSS JOIN LATERAL (
        SELECT l.child_offset_mm + l.scale * greatest(coalesce(w.from_mm, l.parent_from_mm), l.parent_from_mm) AS one,
               l.child_offset_mm + l.scale * least(coalesce(w.to_mm, l.parent_to_mm), l.parent_to_mm) AS other
    ) ends
    LEFT JOIN LATERAL (
        SELECT greatest(0, floor(least(ends.one, ends.other)) - l.uncertainty_mm)::bigint AS low,
               (ceil(greatest(ends.one, ends.other)) + l.uncertainty_mm)::bigint AS high
    ) mapped ON c.length_mm IS NOT NULL AND w.from_mm IS NOT NULL AND l.parent_from_mm IS NOT NULL
    WHERE w.depth < %(depth)s
      AND (w.from_mm IS NULL OR l.parent_from_mm IS NULL
           OR int8range(w.from_mm, w.to_mm)
              && int8range(greatest(0, l.parent_from_mm - l.uncertainty_mm), l.parent_to_mm + l.uncertainty_mm))
)
"""
BACKWARD = """
WITH RECURSIVE walk (lot_id, from_mm, to_mm, depth, voided) AS (
    SELECT %(start)s::bigint, %(from_mm)s::bigint, %(to_mm)s::bigint, 0, false
    UNION
    SELECT l.parent_id::bigint, came.low, came.high, w.depth + 1,
           w.voided OR l.voided_at IS NOT NULL
    FROM walk w
    JOIN lots_genealogylink l ON l.child_id = w.lot_id
    JOIN lots_lot p ON p.id = l.parent_id
    CROSS JOIN LATERAL (
        SELECT (w.from_mm - l.child_offset_mm) / l.scale AS one, (w.to_mm - l.child_offset_mm) / l.scale AS other,
               ceil(l.uncertainty_mm / abs(l.scale)) AS give,
               greatest(0, l.parent_from_mm - l.uncertainty_mm) AS taken_from,
               least(l.parent_to_mm + l.uncertainty_mm, p.length_mm) AS taken_to
    ) place
    CROSS JOIN LATERAL (
        SELECT CASE WHEN l.parent_from_mm IS NULL THEN NULL
                    ELSE greatest(place.taken_from,
                                  coalesce(floor(least(place.one, place.other)) - place.give, 0))::bigint END AS low,
               CASE WHEN l.parent_from_mm IS NULL THEN NULL
                    ELSE least(place.taken_to, coalesce(ceil(greatest(place.one, place.other)) + place.give,
                                                        place.taken_to))::bigint END AS high
    ) came
    WHERE w.depth < %(depth)s AND (came.low IS NULL OR came.low < came.high)
)
"""
NODES = """
SELECT lot_id, min(depth), bool_or(from_mm IS NULL),
       coalesce(range_agg(int8range(from_mm, to_mm)) FILTER (WHERE from_mm IS NOT NULL), '{}'),
       bool_and(voided)
FROM walk GROUP BY lot_id ORDER BY min(depth), lot_id LIMIT %(limit)s
"""
COUNT = """
SELECT count(DISTINCT lot_id) - 1 FROM walk
"""


def trace(
    lot_id: int,
    *,
    forward: bool,
    from_mm: int | None = None,
    to_mm: int | None = None,
    limit: int = 2_000,
) -> Trace:
    """Everything made from the lot (`forward`), or everything it was made from, at most `limit` lots.

    `from_mm..to_mm` (half open) narrows the start to an interval of a roll.
    """
    walk = FORWARD if forward else BACKWARD
    with connection.cursor() as cursor:
        cursor.execute(
            walk + NODES,
            {"start": lot_id, "depth": DEEPEST, "from_mm": from_mm, "to_mm": to_mm, "limit": limit + 1},
        )
        rows = cursor.fetchall()
    truncated = len(rows) > limit or any(row[1] >= DEEPEST for row in rows)
    nodes = tuple(
        TraceNode(key, depth, () if whole else tuple((part.lower, part.upper) for part in parts), voided)
        for key, depth, whole, parts, voided in rows[:limit]
    )
    keys = [node.lot_id for node in nodes]
    links = GenealogyLink.objects.filter(parent_id__in=keys, child_id__in=keys).order_by("id")
    return Trace(nodes=nodes, links=tuple(links), truncated=truncated)


def count_reached(lot_id: int, *, forward: bool, from_mm: int | None = None, to_mm: int | None = None) -> int:
    """How many other lots a whole walk reaches, however many there are."""
    walk = FORWARD if forward else BACKWARD
    with connection.cursor() as cursor:
        cursor.execute(walk + COUNT, {"start": lot_id, "depth": DEEPEST, "from_mm": from_mm, "to_mm": to_mm})
        return int(cursor.fetchone()[0])


def ancestors_of(keys: Sequence[int]) -> dict[int, set[int]]:
    """Lot → everything it was made from, one query a generation for all lots together."""
    parents: dict[int, set[int]] = defaultdict(set)
    frontier = set(keys)
    for _ in range(DEEPEST):
        links = GenealogyLink.objects.filter(child_id__in=frontier, voided_at__isnull=True).exclude(
            kind=GenealogyLink.Kind.MEMBER
        )
        found: set[int] = set()
        for child, parent in links.values_list("child_id", "parent_id"):
            parents[child].add(parent)
            found.add(parent)
        frontier = found - parents.keys()
        if not frontier:
            break
    return {key: _reached(key, parents) for key in keys}


@dataclass(frozen=True)
class Reshape:
    """One lot cut, wound or joined from another."""

    link: GenealogyLink

    @property
    def parent_id(self) -> int:
        return self.link.parent_id

    @property
    def taken_at(self) -> datetime:
        """Site clock. What is told late was taken when it was told."""
        movement = self.link.movement
        told = movement.gate_decision if movement is not None else None
        return told.decided_at if told is not None else self.link.linked_at

    def on_parent(self, stretch: Stretch | None) -> Stretch | None:
        """What of the parent a stretch of the child is of, give or take the map's uncertainty; None: all of it.

        Raises:
            NotOfIt: the parent gave nothing to that stretch.
        """
        link = self.link
        if link.parent_from_mm is None or link.parent_to_mm is None:
            return None
        taken = (max(0, link.parent_from_mm - link.uncertainty_mm), link.parent_to_mm + link.uncertainty_mm)
        if stretch is None or not self._is_on_child():
            return taken
        one, other = sorted((Decimal(end) - link.child_offset_mm) / link.scale for end in stretch)
        give = ceil(link.uncertainty_mm / abs(link.scale))
        low, high = max(taken[0], floor(one) - give), min(taken[1], ceil(other) + give)
        if low >= high:
            raise NotOfIt
        return low, high

    def _is_on_child(self) -> bool:
        """Whether the map puts what was taken on the child: another map cannot be trusted."""
        link, length = self.link, self.link.child.length_mm
        ends = sorted(
            link.child_offset_mm + link.scale * Decimal(end or 0)
            for end in (link.parent_from_mm, link.parent_to_mm)
        )
        return (
            length is not None and -link.uncertainty_mm <= ends[0] and ends[1] <= length + link.uncertainty_mm
        )


def reshapes_above(keys: Iterable[int]) -> dict[int, list[Reshape]]:
    """Lot → how it was cut, wound or joined from others, and so on upward; one query a generation for all together."""
    found: dict[int, list[Reshape]] = {}
    unknown = set(keys)
    while unknown:
        links = (
            GenealogyLink.objects.filter(
                child__in=unknown,
                kind__in=(GenealogyLink.Kind.SPLIT, GenealogyLink.Kind.MERGE),
                voided_at__isnull=True,
            )
            .select_related("child", "movement__gate_decision")
            .order_by("pk")
        )
        found |= {key: [] for key in unknown}
        for link in links:
            found[link.child_id].append(Reshape(link))
        unknown = {one.parent_id for key in unknown for one in found[key]} - found.keys()
    return found


def _reached(start: int, parents: Mapping[int, set[int]]) -> set[int]:
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return seen
