"""Count again what a hold must reach: a second walk over the raw links, independent of the one that placed it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lots.models import GenealogyLink, Hold, Lot

# Links of so many parents are read at once.
PARENTS_AT_ONCE = 5_000


@dataclass(frozen=True)
class Extent:
    """A lot, or the half-open interval of its metre axis in millimetres."""

    lot_id: int
    from_mm: int | None
    to_mm: int | None


@dataclass(frozen=True)
class Recount:
    """Lots that the hold covers against those that the walk reaches.

    `missing`: reached and not held: containment is broken. `beyond`: held and no longer reached, because a link
    was voided after the hold; they stay held until somebody disposes of them.
    """

    held: frozenset[int]
    reached: frozenset[int]

    @property
    def missing(self) -> frozenset[int]:
        return self.reached - self.held

    @property
    def beyond(self) -> frozenset[int]:
        return self.held - self.reached

    @property
    def agrees(self) -> bool:
        return not self.missing


def recount(hold: Hold) -> Recount:
    """Walk forward from the lots held directly, level by level.

    A link made after its parent was released from this hold carries nothing.
    """
    released_at: dict[int, datetime] = {}
    held: set[int] = set()
    start: set[Extent] = set()
    still_open: set[int] = set()
    rows: Iterable[tuple[int, int | None, int | None, int | None, datetime | None]] = (
        hold.members.values_list("lot_id", "from_mm", "to_mm", "inherited_from_id", "closed_at")
    )
    for lot_id, from_mm, to_mm, inherited_from, closed_at in rows:
        held.add(lot_id)
        if inherited_from is None:
            start.add(Extent(lot_id, from_mm, to_mm))
        if closed_at is None:
            still_open.add(lot_id)
        else:
            released_at[lot_id] = max(closed_at, released_at.get(lot_id, closed_at))
    for lot_id in still_open:
        released_at.pop(lot_id, None)
    return Recount(frozenset(held), frozenset(extent.lot_id for extent in _walk(start, released_at)))


def _walk(start: set[Extent], released_at: dict[int, datetime]) -> set[Extent]:
    seen = set(start)
    level = start
    while level:
        by_parent: dict[int, list[Extent]] = defaultdict(list)
        for extent in level:
            by_parent[extent.lot_id].append(extent)
        level = set()
        for link, child_length in _links(by_parent):
            released = released_at.get(link.parent_id)
            if released is not None and link.linked_at > released:
                continue
            for extent in by_parent[link.parent_id]:
                child = _carried(extent, link, child_length)
                if child is not None and child not in seen:
                    seen.add(child)
                    level.add(child)
    return seen


def _links(parents: Iterable[int]) -> Iterable[tuple[GenealogyLink, int | None]]:
    keys = sorted(parents)
    for first in range(0, len(keys), PARENTS_AT_ONCE):
        links = list(
            GenealogyLink.objects.filter(
                parent__in=keys[first : first + PARENTS_AT_ONCE], voided_at__isnull=True
            )
        )
        children = {link.child_id for link in links}
        lengths = dict(Lot.objects.filter(pk__in=children).values_list("pk", "length_mm"))
        for link in links:
            yield link, lengths[link.child_id]


def _carried(extent: Extent, link: GenealogyLink, child_length: int | None) -> Extent | None:
    """What of the child the link touches; None where the consumed interval misses the held one."""
    if (
        extent.from_mm is None
        or extent.to_mm is None
        or link.parent_from_mm is None
        or link.parent_to_mm is None
    ):
        return Extent(link.child_id, None, None)
    reach_from = max(0, link.parent_from_mm - link.uncertainty_mm)
    reach_to = link.parent_to_mm + link.uncertainty_mm
    if not (extent.from_mm < reach_to and reach_from < extent.to_mm):
        return None
    if child_length is None:
        return Extent(link.child_id, None, None)
    ends = sorted(
        link.child_offset_mm + link.scale * Decimal(at)
        for at in (max(extent.from_mm, link.parent_from_mm), min(extent.to_mm, link.parent_to_mm))
    )
    low = max(0, int(ends[0].to_integral_value("ROUND_FLOOR")) - link.uncertainty_mm)
    high = int(ends[1].to_integral_value("ROUND_CEILING")) + link.uncertainty_mm
    if low >= min(high, child_length):
        return Extent(link.child_id, None, None)  # not on the roll: the map cannot be trusted
    return Extent(link.child_id, low, high)
