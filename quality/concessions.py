"""Concessions bind in time and in amount.

A concession is about all that is held, or about a part of one lot that has no metre axis; of a roll the hold is
narrowed to the metres. It ends by another decision after its expiry, and by nothing else: a release of some other hold
meanwhile neither prolongs nor enlarges it. A later concession of the same takes its place. What is cut, joined or wound
from a conceded roll is bound like the roll.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from lots.clock import site_time
from lots.genealogy import Origin, reshaped_from
from lots.models import GenealogyLink, HoldLot, Lot
from quality.blockers import Blocker, Code, lot_blocker
from quality.models import Disposition, DispositionItem

Decision = Disposition.Decision


@dataclass
class Part:
    """What was conceded of one lot, and what was taken of it since; in the lot's unit."""

    quantity: Decimal
    taken: Decimal
    unit: str

    @property
    def left(self) -> Decimal:
        return self.quantity - self.taken

    @property
    def words(self) -> str:
        """What was conceded, with its unit."""
        return f"{self.quantity.normalize():f} {self.unit}"


def too_little(members: Sequence[HoldLot], lots: Mapping[int, Lot], quantity: Decimal) -> str:
    """In words, why a concession of so much of what is held cannot be; empty where it can.

    Members of a lot that is named as well are counted with it.
    """
    inside = set(
        GenealogyLink.objects.filter(
            kind=GenealogyLink.Kind.MEMBER, parent__in=lots, child__in=lots, voided_at__isnull=True
        ).values_list("child_id", flat=True)
    )
    held: dict[str, Decimal] = defaultdict(Decimal)
    named = {key: lot for key, lot in lots.items() if key not in inside}
    for member in members:
        if member.lot_id in named:
            held[named[member.lot_id].material.unit] += _held(member, named[member.lot_id])
    most = max(held, key=lambda unit: held[unit])
    if quantity >= held[most] or (len(lots) == 1 and next(iter(lots.values())).length_mm is None):
        return ""
    words = f"{held[most].normalize():f} {most} are held; concede all of it"
    return f"{words}, or decide on one lot alone" if len(lots) > 1 else f"{words}, or narrow the hold first"


def parts_conceded(lots: Iterable[Lot]) -> dict[int, Part]:
    """Lot → the part of it that was conceded, where that is less than what lay in it."""
    lots = list(lots)
    return _parts(lots, _decided([lot.pk for lot in lots if lot.length_mm is None]))


def _decided(keys: Sequence[int]) -> list[DispositionItem]:
    """Concessions and reworks of the lots, in the order in which they were decided."""
    if not keys:
        return []
    items = DispositionItem.objects.filter(
        lot__in=keys, disposition__decision__in=(Decision.CONCESSION, Decision.REWORK)
    )
    return list(items.select_related("disposition").order_by("disposition__decided_at", "disposition", "pk"))


def _parts(lots: Iterable[Lot], decided: Iterable[DispositionItem]) -> dict[int, Part]:
    bulk = {lot.pk: lot for lot in lots if lot.length_mm is None}
    # What is worked again is bound no longer.
    found = {item.lot_id: (bulk[item.lot_id], item) for item in decided if item.lot_id in bulk}
    less = {
        key: item.disposition
        for key, (lot, item) in found.items()
        if item.disposition.concession_quantity is not None
        and item.disposition.concession_quantity < lot.quantity
    }
    taken = _taken_since({key: disposition.decided_at for key, disposition in less.items()})
    parts = {
        key: Part(
            disposition.concession_quantity or Decimal(0), taken.get(key, Decimal(0)), bulk[key].material.unit
        )
        for key, disposition in less.items()
    }
    return {key: part for key, part in parts.items() if bulk[key].quantity - bulk[key].taken > part.left}


def concession_blockers(lots: Sequence[Lot], *, now: datetime) -> dict[int, list[Blocker]]:
    """Lots whose concession has run out, and those of which less was conceded than there is, by lot.

    Of the latter an amount may still be taken: `Code.CONCEDED_IN_PART` says so.
    """
    keys = [lot.pk for lot in lots]
    origins = reshaped_from([lot.pk for lot in lots if lot.length_mm is not None])
    sources = {origin.lot_id for way in origins.values() for origin in way}
    decided = _decided([*keys, *(sources - set(keys))])
    found: dict[int, list[Blocker]] = {}
    for key, part in _parts(lots, decided).items():
        lot = next(lot for lot in lots if lot.pk == key)
        text = f"only {part.words} of it were conceded; take that out, or hold the rest and decide again"
        found[key] = [lot_blocker(Code.CONCEDED_IN_PART, text, lot)]
    ends = any(item.disposition.concession_expires_at is not None for item in decided)
    for lot, item in _expired(lots, origins, now) if ends else ():
        whose = "its concession" if item.lot_id == lot.pk else f"the concession of {item.lot.code}"
        text = f"{whose} has expired; hold it and decide again"
        found[lot.pk] = [lot_blocker(Code.CONCESSION_EXPIRED, text, lot)]
    return found


def _held(member: HoldLot, lot: Lot) -> Decimal:
    if member.from_mm is None or member.to_mm is None or not lot.length_mm:
        return lot.quantity - lot.taken
    return (lot.quantity * (member.to_mm - member.from_mm) / lot.length_mm).quantize(Decimal("0.001"))


def _taken_since(decided: Mapping[int, datetime]) -> dict[int, Decimal]:
    """Lot → what was taken of it since. What is told late was taken when it was told."""
    if not decided:
        return {}
    since = Q()
    for key, at in decided.items():
        since |= Q(parent=key, told_at__gte=at)
    links = GenealogyLink.objects.filter(parent__in=decided, voided_at__isnull=True).exclude(
        kind=GenealogyLink.Kind.MEMBER
    )
    told = links.annotate(told_at=Coalesce("movement__gate_decision__decided_at", "linked_at"))
    return dict(told.filter(since).values_list("parent").annotate(sum=Sum("quantity")).order_by())


def _expired(
    lots: Sequence[Lot], origins: Mapping[int, Sequence[Origin]], now: datetime
) -> list[tuple[Lot, DispositionItem]]:
    """Lots with a concession, their own or of what they were made of, that ran out."""
    concerned = {lot.pk for lot in lots}
    concerned |= {key for way in origins.values() for one in way for key in (one.lot_id, *one.below)}
    items: dict[int, list[DispositionItem]] = defaultdict(list)
    rows = DispositionItem.objects.filter(lot__in=concerned).select_related("disposition", "hold_lot", "lot")
    for item in rows.order_by("disposition__decided_at", "disposition", "pk"):
        items[item.lot_id].append(item)
    ended = []
    for lot in lots:
        standing = _standing(items.get(lot.pk, ()))
        for origin in origins.get(lot.pk, ()):
            standing += _inherited(origin, items)
        here = site_time(lot.site, now)
        ended += [(lot, item) for item in standing if _end(item) <= here][:1]
    return ended


def _standing(items: Sequence[DispositionItem]) -> list[DispositionItem]:
    """Concessions of one lot whose place no later decision on it took."""
    return [
        item
        for at, item in enumerate(items)
        if item.disposition.decision == Decision.CONCESSION
        and not any(
            _replaces(later, item, covers=_covers(later.hold_lot, item.hold_lot)) for later in items[at + 1 :]
        )
    ]


def _inherited(origin: Origin, items: Mapping[int, Sequence[DispositionItem]]) -> list[DispositionItem]:
    """Concessions under which a stretch was taken from another lot, and that no decision on what was taken replaced."""
    since = [later for key in origin.below for later in items.get(key, ())]
    return [
        item
        for item in _standing(items.get(origin.lot_id, ()))
        if item.disposition.decided_at <= origin.taken_at
        and _meet(item.hold_lot, origin)
        and not any(_replaces(later, item, covers=_is_whole(later)) for later in since)
    ]


def _end(item: DispositionItem) -> datetime:
    end = item.disposition.concession_expires_at
    assert end is not None  # a concession says until when: `dispose` asks for it
    return end


def _replaces(later: DispositionItem, item: DispositionItem, *, covers: bool) -> bool:
    """Any decision after the end of a concession takes its place, and so does another concession of all of it."""
    if later.disposition_id == item.disposition_id:
        return False
    conceded = later.disposition.decision == Decision.CONCESSION
    return later.disposition.decided_at >= _end(item) or (conceded and covers)


def _is_whole(item: DispositionItem) -> bool:
    held, length = item.hold_lot, item.lot.length_mm
    if held.from_mm is None or held.to_mm is None or length is None:
        return True
    return held.from_mm <= 0 and length <= held.to_mm


def _meet(held: HoldLot, origin: Origin) -> bool:
    """Whether metres that were conceded were taken."""
    if held.from_mm is None or held.to_mm is None or origin.from_mm is None or origin.to_mm is None:
        return True
    return held.from_mm < origin.to_mm and origin.from_mm < held.to_mm


def _covers(later: HoldLot, earlier: HoldLot) -> bool:
    """Whether a later concession is about all that the earlier one was about."""
    if later.from_mm is None or later.to_mm is None:
        return True
    return (
        earlier.from_mm is not None
        and earlier.to_mm is not None
        and later.from_mm <= earlier.from_mm
        and earlier.to_mm <= later.to_mm
    )
