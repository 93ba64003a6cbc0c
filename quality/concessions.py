"""Concessions bind in amount: no more is taken than was conceded. How they end: `quality.concession_ends`.

A concession is about all that is held, or about a part of one lot that has no metre axis; of a roll the hold is
narrowed to the metres. A later concession of the same takes its place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from lots.genealogy import reshapes_above
from lots.models import GenealogyLink, HoldLot, Lot
from quality.blockers import Blocker, Code, lot_blocker
from quality.concession_ends import concessions_that_ended
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
    reshapes = reshapes_above(lot.pk for lot in lots)
    decided = _decided(list(reshapes))
    found: dict[int, list[Blocker]] = {}
    for key, part in _parts(lots, decided).items():
        lot = next(lot for lot in lots if lot.pk == key)
        text = f"only {part.words} of it were conceded; take that out, or hold the rest and decide again"
        found[key] = [lot_blocker(Code.CONCEDED_IN_PART, text, lot)]
    if any(item.disposition.concession_expires_at is not None for item in decided):
        for key, text in concessions_that_ended(lots, reshapes, now=now).items():
            lot = next(lot for lot in lots if lot.pk == key)
            found[key] = [lot_blocker(Code.CONCESSION_EXPIRED, text, lot)]
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
