"""Place a hold on lots and on everything made from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from lots.failpoints import hit
from lots.models import Hold, Lot, Site, User


@dataclass(frozen=True)
class HeldExtent:
    """What is held: a whole lot, or `from_mm..to_mm` of its metre axis (half open)."""

    lot_id: int
    from_mm: int | None = None
    to_mm: int | None = None


def off_the_lot(extents: Iterable[HeldExtent]) -> str:
    """In words, the first interval that does not lie on its lot: holding it would hold nothing. Empty where all do."""
    for extent in (one for one in extents if one.to_mm is not None):
        lot = Lot.objects.only("code", "length_mm").get(pk=extent.lot_id)
        if lot.length_mm is None:
            return f"{lot.code} has no length; hold the whole lot"
        if not 0 <= (extent.from_mm or 0) < (extent.to_mm or 0) <= lot.length_mm:
            return f"the interval must lie on the roll: {lot.code} is {lot.length_mm / 1000:g} m long"
    return ""


# Forward walk with a visited set (UNION). An interval reaches the children whose consumed interval, widened by
# its uncertainty, overlaps it; a child roll inherits the mapped interval (a negative scale flips it), any other
# child is held whole. So is a roll on which the mapped interval does not lie: its map cannot be trusted.
DESCENDANTS = """
WITH RECURSIVE reach (lot_id, from_mm, to_mm, parent_id) AS (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    UNION
    SELECT l.child_id::bigint,
           CASE WHEN mapped.low < least(mapped.high, c.length_mm) THEN mapped.low END,
           CASE WHEN mapped.low < least(mapped.high, c.length_mm) THEN mapped.high END,
           l.parent_id::bigint
    FROM reach r
    JOIN lots_genealogylink l ON l.parent_id = r.lot_id AND l.voided_at IS NULL
    JOIN lots_lot c ON c.id = l.child_id
    CROSS JOIN LATERAL (
        SELECT l.child_offset_mm + l.scale * greatest(r.from_mm, l.parent_from_mm) AS one,
               l.child_offset_mm + l.scale * least(r.to_mm, l.parent_to_mm) AS other
    ) ends
    LEFT JOIN LATERAL (
        SELECT greatest(0, floor(least(ends.one, ends.other)) - l.uncertainty_mm)::bigint AS low,
               (ceil(greatest(ends.one, ends.other)) + l.uncertainty_mm)::bigint AS high
    ) mapped ON c.length_mm IS NOT NULL AND r.from_mm IS NOT NULL AND l.parent_from_mm IS NOT NULL
    WHERE r.from_mm IS NULL OR l.parent_from_mm IS NULL
       OR int8range(r.from_mm, r.to_mm)
          && int8range(greatest(0, l.parent_from_mm - l.uncertainty_mm), l.parent_to_mm + l.uncertainty_mm)
)
-- What is named directly stays so, although it is also reached from above.
SELECT lot_id, from_mm, to_mm, CASE WHEN bool_and(parent_id IS NOT NULL) THEN min(parent_id) END
FROM reach GROUP BY lot_id, from_mm, to_mm
ORDER BY lot_id, from_mm NULLS FIRST
"""


LOCK = (
    "SELECT count(*) FROM (SELECT id FROM lots_lot WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE) locked"
)
MEMBERS = """
INSERT INTO lots_holdlot (hold_id, lot_id, from_mm, to_mm, inherited_from_id, created_at)
SELECT %s, *, now() FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
"""


# Lot, held interval, and the parent it was inherited from (None: held directly).
Member = tuple[int, int | None, int | None, int | None]


def _reach(extents: list[HeldExtent]) -> list[Member]:
    with connection.cursor() as cursor:
        cursor.execute(
            DESCENDANTS,
            [
                [extent.lot_id for extent in extents],
                [extent.from_mm for extent in extents],
                [extent.to_mm for extent in extents],
                [None for _ in extents],
            ],
        )
        return [(lot_id, from_mm, to_mm, parent) for lot_id, from_mm, to_mm, parent in cursor.fetchall()]


@transaction.atomic
def place_hold(
    *,
    site: Site,
    source: Hold.Source,
    reason: str,
    extents: Iterable[HeldExtent],
    placed_at: datetime,
    source_id: int | None = None,
    placed_by: User | None = None,
) -> Hold:
    """One hold, one row per affected lot, descendants included.

    The walk is repeated under lock until it finds nothing new, so that a child made meanwhile is held too: who
    would make one needs the parent's row lock. Raises ValueError when `extents` is empty.
    """
    roots = list(dict.fromkeys(extents))
    if not roots:
        raise ValueError("a hold needs at least one lot")
    reached = reach_locked(roots)
    hit("hold.reached")
    hold = Hold.objects.create(
        site=site,
        source=source,
        source_id=source_id,
        reason=reason[:500],
        placed_by=placed_by,
        placed_at=placed_at,
    )
    _add_members(hold, reached)
    hit("hold.placed")
    return hold


def reach_locked(roots: list[HeldExtent]) -> list[Member]:
    """What a hold on the roots must cover. Every lot is locked: nothing can be made from them meanwhile."""
    locked: set[int] = set()
    reached = _reach(roots)
    while new := {row[0] for row in reached} - locked:
        _lock(new)
        locked |= new
        reached = _reach(roots)
    return reached


@transaction.atomic
def extend_hold(hold: Hold, reached: Iterable[Member]) -> int:
    """Add to a hold what of `reached` it does not cover yet; returns how many members were new.

    Raises ValueError, naming a lot, where a member was closed before: a closed hold is not opened again.
    """
    known = {
        (lot_id, from_mm, to_mm): closed_at
        for lot_id, from_mm, to_mm, closed_at in hold.members.values_list(
            "lot_id", "from_mm", "to_mm", "closed_at"
        )
    }
    reached = list(reached)
    closed = [row[0] for row in reached if known.get(row[:3]) is not None]
    if closed:
        code = Lot.objects.values_list("code", flat=True).get(pk=closed[0])
        raise ValueError(f"this hold was closed on {code} before; place a new hold")
    new = [row for row in reached if row[:3] not in known]
    if new:
        _add_members(hold, new)
    return len(new)


def _add_members(hold: Hold, rows: list[Member]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MEMBERS, [hold.pk, *(list(column) for column in zip(*rows, strict=True))])


def _lock(keys: set[int]) -> None:
    """Lock the lots in key order, as `lock_lots` does, without reading them: there may be 100,000."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [list(keys)])
