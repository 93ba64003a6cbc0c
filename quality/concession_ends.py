"""Concessions bind until they end, what was conceded and whatever it was cut, wound or joined into under them.

One ends by another decision on the same after its expiry, and by nothing else: a release of some other hold meanwhile
does not prolong it, and neither does a decision on other metres. A later concession of the same takes its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from lots.clock import site_time
from lots.genealogy import NotOfIt, Reshape, Stretch
from lots.models import HoldLot, Lot
from quality.models import Disposition, DispositionItem


def concessions_that_ended(
    lots: Sequence[Lot], reshapes: Mapping[int, Sequence[Reshape]], *, now: datetime
) -> dict[int, str]:
    """Lot → in words, whose concession on it ran out and was not decided on again.

    `reshapes` are those of the lots and of everything that they were cut, wound or joined from.
    """
    items: dict[int, list[DispositionItem]] = defaultdict(list)
    rows = DispositionItem.objects.filter(lot__in=reshapes).select_related("disposition", "hold_lot", "lot")
    for row in rows.order_by("disposition__decided_at", "disposition", "pk"):
        items[row.lot_id].append(row)

    @cache
    def binding(key: int, stretch: Stretch | None, at: datetime | None) -> frozenset[DispositionItem]:
        """Concessions that bound a stretch of a lot (None: all of it) at a time (None: now)."""
        own = [row for row in items.get(key, ()) if at is None or row.disposition.decided_at <= at]
        found = {
            row
            for row in own
            if row.disposition.decision == Disposition.Decision.CONCESSION and _meets(row, stretch)
        }
        for reshape in reshapes.get(key, ()):
            try:
                found |= binding(reshape.parent_id, reshape.on_parent(stretch), reshape.taken_at)
            except NotOfIt:
                continue
        return frozenset(
            row for row in found if not any(_replaces(later, row, key, stretch) for later in own)
        )

    ended = {}
    for lot in lots:
        here = site_time(lot.site, now)
        over = (row for row in binding(lot.pk, None, None) if _end(row) <= here)
        first = min(over, key=lambda row: (row.lot_id != lot.pk, row.pk), default=None)
        if first is not None:
            whose = "its concession" if first.lot_id == lot.pk else f"the concession of {first.lot.code}"
            ended[lot.pk] = f"{whose} has expired; hold it and decide again"
    return ended


def _replaces(later: DispositionItem, row: DispositionItem, key: int, stretch: Stretch | None) -> bool:
    """Whether a decision on a lot took the place of a concession that bound a stretch of the lot."""
    one, other = row.disposition, later.disposition
    if (other.decided_at, other.pk) <= (one.decided_at, one.pk):
        return False
    conceded = other.decision == Disposition.Decision.CONCESSION
    if not conceded and other.decided_at < _end(row):
        return False
    # What was inherited binds the stretch that is asked about; the lot's own, the metres that were held.
    bound = stretch if row.lot_id != key else _metres(row.hold_lot)
    return _covers(later, bound)


def _covers(later: DispositionItem, bound: Stretch | None) -> bool:
    metres, length = _metres(later.hold_lot), later.lot.length_mm
    if metres is None:
        return True
    low, high = bound or (0, length or 0)
    return metres[0] <= low and high <= metres[1]


def _meets(row: DispositionItem, stretch: Stretch | None) -> bool:
    metres = _metres(row.hold_lot)
    return metres is None or stretch is None or (metres[0] < stretch[1] and stretch[0] < metres[1])


def _metres(held: HoldLot) -> Stretch | None:
    return None if held.from_mm is None or held.to_mm is None else (held.from_mm, held.to_mm)


def _end(row: DispositionItem) -> datetime:
    end = row.disposition.concession_expires_at
    assert end is not None  # the table asks every concession for it (`disposition_concession_bounded`)
    return end
