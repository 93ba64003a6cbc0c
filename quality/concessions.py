"""Concessions bind in time and in amount: what a decision concedes is for all its lots together, in each unit.

The latest one on a lot counts. It ends by another decision after its expiry, and by nothing else: a release of some
other hold meanwhile neither prolongs nor enlarges it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db.models import Exists, OuterRef

from lots.actions.lock import lock_name
from lots.clock import site_time
from lots.models import GenealogyLink, Lot
from quality.blockers import Blocker, Code, lot_blocker
from quality.models import Disposition, DispositionItem

Intervals = list[tuple[int, int]]
WHOLE = Decimal(1)
DECIMALS = Decimal("0.001")  # that quantities have


@dataclass
class Concession:
    """What one decision concedes of its lots in one unit: `quantity`, of the `covered` that lay in them then, of which
    `taken` was taken since. `conceded` are the intervals of each lot that it is about; None: all of it."""

    disposition: Disposition
    quantity: Decimal
    unit: str
    covered: Decimal = Decimal(0)
    taken: Decimal = Decimal(0)
    conceded: dict[int, Intervals | None] = field(default_factory=dict)

    def amount(self, lot_id: int, quantity: Decimal, from_mm: int | None, to_mm: int | None) -> Decimal:
        """How much of a quantity that is taken from an interval of the lot is conceded material."""
        share = _share(self.conceded[lot_id], from_mm, to_mm)
        return (quantity * share).quantize(DECIMALS)

    @property
    def words(self) -> str:
        """What was conceded, with its unit."""
        return f"{self.quantity.normalize():f} {self.unit}"


def concessions_on(lots: Iterable[Lot], *, lock: bool = False) -> dict[int, Concession]:
    """Lot → the concession that binds it, where there is one.

    `lock`: nobody else takes from the lots of these decisions until the transaction ends.
    """
    items = _binding(lot.pk for lot in lots)
    return _with_amounts(items, lock=lock) if items else {}


def concession_blockers(lots: Sequence[Lot], *, now: datetime) -> dict[int, list[Blocker]]:
    """Lots whose concession has run out, and those of which less was conceded than there is, by lot.

    Of the latter an amount may still be taken: `Code.CONCEDED_IN_PART` says so.
    """
    items = _binding(lot.pk for lot in lots)
    if not items:
        return {}
    found: dict[int, list[Blocker]] = {}
    amounts = _with_amounts(items)
    for lot in lots:
        ends = [item.disposition.concession_expires_at for item in items if item.lot_id == lot.pk]
        here, concession = site_time(lot.site, now), amounts.get(lot.pk)
        if any(end is not None and end <= here for end in ends):
            text = "its concession has expired; hold it and decide again"
            found[lot.pk] = [lot_blocker(Code.CONCESSION_EXPIRED, text, lot)]
        elif concession is not None and concession.covered > concession.quantity:
            others = len(concession.conceded) - 1
            among = f" of it and {others} other lot{'' if others == 1 else 's'} together" if others else ""
            text = (
                f"only {concession.words}{among} were conceded, of {concession.covered.normalize():f}; "
                "split that off first, or have more conceded"
            )
            found[lot.pk] = [lot_blocker(Code.CONCEDED_IN_PART, text, lot)]
    return found


def _binding(lot_ids: Iterable[int]) -> list[DispositionItem]:
    """What was conceded of the lots and not decided again after its expiry, the latest last."""
    decided_again = DispositionItem.objects.filter(
        lot=OuterRef("lot"), disposition__decided_at__gte=OuterRef("disposition__concession_expires_at")
    )
    rows = DispositionItem.objects.filter(
        ~Exists(decided_again),
        lot__in=list(lot_ids),
        disposition__decision=Disposition.Decision.CONCESSION,
        disposition__concession_expires_at__isnull=False,
    )
    return list(rows.select_related("disposition").order_by("disposition__decided_at", "disposition", "pk"))


def _with_amounts(items: list[DispositionItem], *, lock: bool = False) -> dict[int, Concession]:
    """The latest concession of each lot of `items`, with what lay in its lots and what was taken since."""
    latest = {item.lot_id: item.disposition_id for item in items}
    if lock:
        for key in sorted(set(latest.values())):
            lock_name(f"concession {key}")
    beside = DispositionItem.objects.filter(disposition__in=set(latest.values())).values("lot")
    members = (
        DispositionItem.objects.filter(lot__in=beside, disposition__decision=Disposition.Decision.CONCESSION)
        .select_related("disposition", "hold_lot", "lot__material")
        .order_by("disposition__decided_at", "disposition", "pk")
    )
    last = {item.lot_id: item.disposition_id for item in members}
    found: dict[tuple[int, str], Concession] = {}
    lots: dict[int, tuple[Lot, Concession]] = {}
    for item in members:
        lot, quantity = item.lot, item.disposition.concession_quantity
        if last[lot.pk] != item.disposition_id or quantity is None:
            continue
        unit = lot.material.unit
        one = found.setdefault((item.disposition_id, unit), Concession(item.disposition, quantity, unit))
        lots[lot.pk] = lot, one
        extent = (item.hold_lot.from_mm, item.hold_lot.to_mm)
        intervals = one.conceded.setdefault(lot.pk, [])
        if extent[0] is None or extent[1] is None:
            one.conceded[lot.pk] = None
        elif intervals is not None:
            intervals.append((extent[0], extent[1]))
    _count(lots)
    return {key: one for key, (_, one) in lots.items() if key in latest}


def _count(lots: dict[int, tuple[Lot, Concession]]) -> None:
    for key, (lot, one) in lots.items():
        if lot.state != Lot.State.SCRAPPED:
            one.covered += one.amount(key, lot.quantity, 0, lot.length_mm)
    links = GenealogyLink.objects.filter(parent__in=lots, voided_at__isnull=True).exclude(
        kind=GenealogyLink.Kind.MEMBER
    )
    for link in links.select_related("movement__gate_decision"):
        lot, one = lots[link.parent_id]
        amount = one.amount(lot.pk, link.quantity, link.parent_from_mm, link.parent_to_mm)
        ticket = link.movement.gate_decision if link.movement is not None else None
        # When it was recorded, where that is known: what is told late was taken since all the same.
        if (link.linked_at if ticket is None else ticket.decided_at) >= one.disposition.decided_at:
            one.taken += amount
        elif lot.state != Lot.State.SCRAPPED:
            one.covered -= amount


def _share(intervals: Intervals | None, from_mm: int | None, to_mm: int | None) -> Decimal:
    """Which share of an interval lies in the union of others; all of it where places are not known."""
    if intervals is None or from_mm is None or to_mm is None or to_mm <= from_mm:
        return WHOLE
    inside, reached = 0, from_mm
    for start, end in sorted(intervals):
        start, end = max(start, reached), min(end, to_mm)
        if start < end:
            inside, reached = inside + end - start, end
    return Decimal(inside) / Decimal(to_mm - from_mm)
