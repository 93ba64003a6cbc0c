"""The containment sheet: what a hold reaches, what had moved before, how precisely it is known, and who decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from lots.models import GenealogyLink, Hold, HoldLot, Lot, Movement
from quality.containment import Recount, recount
from quality.models import ContainmentChange, ReactionFiring

NAMED = 500
LEFT = (Lot.State.CONSUMED, Lot.State.PACKED, Lot.State.SHIPPED, Lot.State.SCRAPPED)


@dataclass(frozen=True)
class MovedBefore:
    """A lot of the hold that had been consumed, packed, shipped or scrapped when it was held, and when."""

    code: str
    material: str
    state: str
    at: datetime | None
    made_into: int


@dataclass(frozen=True)
class Precision:
    """How many lots are known by their metres, by their lot only, or only by the time at which they lay open."""

    position: int
    lot: int
    time: int


@dataclass(frozen=True)
class ContainmentSheet:
    """`recount` is the independent walk; `moved` are named, at most NAMED of them (`moved_count` says how many).

    A hold covers what it ever held; `still_held` are the lots that no disposition has let go. `by_material` counts
    both: (material, covered, still held).
    """

    hold: Hold
    recount: Recount
    by_state: tuple[tuple[str, int], ...]
    still_held: int
    by_material: tuple[tuple[str, int, int], ...]
    moved: tuple[MovedBefore, ...]
    moved_count: int
    precision: Precision
    firing: ReactionFiring | None
    changes: tuple[ContainmentChange, ...]


def containment_sheet(hold: Hold) -> ContainmentSheet:
    """Everything is read now; the recount walks all links below the hold."""
    members = HoldLot.objects.filter(hold=hold)
    lots = Lot.objects.filter(Exists(members.filter(lot=OuterRef("pk"))))
    states = Counter(lots.values_list("state", flat=True))
    held_now = lots.filter(Exists(members.filter(lot=OuterRef("pk"), disposition_id__isnull=True)))
    materials = Counter(lots.values_list("material__code", flat=True))
    still = Counter(held_now.values_list("material__code", flat=True))
    firing = ReactionFiring.objects.filter(hold=hold).select_related("signal__chart__stream").first()
    gone = _gone_before_let_go(hold, lots)
    return ContainmentSheet(
        hold=hold,
        recount=recount(hold),
        by_state=tuple((str(Lot.State(code).label), count) for code, count in sorted(states.items())),
        still_held=still.total(),
        by_material=tuple((code, count, still[code]) for code, count in sorted(materials.items())),
        moved=_moved(gone),
        moved_count=gone.count(),
        precision=_precision(hold, firing),
        firing=firing,
        changes=tuple(
            ContainmentChange.objects.filter(hold=hold)
            .select_related("decided_by", "disposition__signature")
            .order_by("id")
        ),
    )


def _last_move() -> Subquery:
    """When the lot of the outer query last left its place."""
    last = Movement.objects.filter(lot=OuterRef("pk")).exclude(kind=Movement.Kind.START_STEP).order_by("-id")
    return Subquery(last.values("moved_at")[:1])


def _gone_before_let_go(hold: Hold, lots: QuerySet[Lot]) -> QuerySet[Lot]:
    """Lots that left; without those that left by or after the disposition that let them go."""
    members = HoldLot.objects.filter(hold=hold, lot=OuterRef("pk"))
    latest = members.order_by(F("closed_at").desc(nulls_first=True))
    gone = lots.filter(state__in=LEFT).annotate(
        left_at=_last_move(), let_go_at=Subquery(latest.values("closed_at")[:1])
    )
    return gone.filter(Q(let_go_at__isnull=True) | Q(left_at__isnull=True) | Q(left_at__lt=F("let_go_at")))


def _moved(gone: QuerySet[Lot]) -> tuple[MovedBefore, ...]:
    rows = list(gone.select_related("material").annotate(at=_last_move()).order_by("pk")[:NAMED])
    keys = [lot.pk for lot in rows]
    made = Counter(
        GenealogyLink.objects.filter(parent__in=keys, voided_at__isnull=True)
        .exclude(kind=GenealogyLink.Kind.MEMBER)
        .values_list("parent_id", flat=True)
    )
    return tuple(
        MovedBefore(lot.code, lot.material.code, lot.get_state_display(), lot.at, made[lot.pk])
        for lot in rows
    )


def _precision(hold: Hold, firing: ReactionFiring | None) -> Precision:
    """A member is known by position where it is an interval, or was made from a named interval of its parent."""
    located = GenealogyLink.objects.filter(
        parent=OuterRef("inherited_from"),
        child=OuterRef("lot"),
        voided_at__isnull=True,
        parent_from_mm__isnull=False,
    )
    rows: Iterable[tuple[int, int | None, int | None, bool]] = (
        HoldLot.objects.filter(hold=hold)
        .annotate(located=Exists(located))
        .values_list("lot_id", "from_mm", "inherited_from_id", "located")
    )
    by_time = firing is not None and firing.signal.chart.stream.zone_id is not None
    best: dict[int, str] = {}
    order = ("time", "lot", "position")
    for lot_id, from_mm, parent_id, is_located in rows:
        if from_mm is not None or (parent_id is not None and is_located):
            kind = "position"
        elif parent_id is None and by_time:
            kind = "time"
        else:
            kind = "lot"
        best[lot_id] = max(best.get(lot_id, kind), kind, key=order.index)
    counts = Counter(best.values())
    return Precision(counts["position"], counts["lot"], counts["time"])
