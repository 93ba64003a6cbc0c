"""Take from parents: intervals once, quantities conserved, each with its movement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Sum

from lots.models import GateDecision, GenealogyLink, HoldLot, Lot, Movement, User
from lots.queries import active_holds
from quality.actions.gate import GateRefused, pass_gates
from quality.blockers import Blocker, Code, lot_blocker
from quality.concessions import parts_conceded
from quality.gates import holds_on

Kind = GenealogyLink.Kind
CYCLE = "HL005"  # SQLSTATE of the link's guard
WHOLE = 2**62  # longer than any roll


class ProductionRefused(Exception):
    """The lot cannot be made so; the message names the field and the fix."""


@dataclass(frozen=True)
class Input:
    """What is taken from a parent: `quantity` in the parent's unit, on a roll from an interval and lanes."""

    parent: str
    quantity: Decimal
    kind: GenealogyLink.Kind = Kind.CONSUME
    from_mm: int | None = None
    to_mm: int | None = None
    lane_from: int | None = None
    lane_to: int | None = None
    child_offset_mm: int = 0
    scale: Decimal = Decimal(1)
    uncertainty_mm: int = 0


def parent_of(parents: dict[str, Lot], code: str) -> Lot:
    """The parent with this code. Raises ProductionRefused."""
    try:
        return parents[code]
    except KeyError:
        raise ProductionRefused(f"inputs: lot {code!r} is not known at this site") from None


class Taking:
    """What is taken from locked parents in one action: checked one by one, stored together.

    `reported` says why a movement is recorded that happened without permission: then no gate is asked, and the
    database lets the children be born held.
    """

    def __init__(
        self,
        parents: dict[str, Lot],
        *,
        user: User,
        now: datetime,
        at: datetime,
        reported: str = "",
        on_route: bool = False,
    ) -> None:
        self.parents, self.user, self.now, self.at = parents, user, now, at
        self.reported, self.on_route = reported, on_route
        self.holds: dict[int, list[HoldLot]] = defaultdict(list)
        for member in active_holds([lot.pk for lot in parents.values()]):
            self.holds[member.lot_id].append(member)
        self.used = self._taken_before()
        self.conceded = {} if reported else parts_conceded(self.parents.values())
        self.decisions: dict[tuple[int, str], GateDecision | None] = {}
        self.links: list[GenealogyLink] = []

    def _taken_before(self) -> dict[int, Decimal]:
        earlier = GenealogyLink.objects.filter(
            parent__in=[lot.pk for lot in self.parents.values()], voided_at__isnull=True
        ).exclude(kind=Kind.MEMBER)
        totals = earlier.values_list("parent_id").annotate(total=Sum("quantity")).order_by()
        return defaultdict(Decimal, totals)

    def take(self, item: Input, child: Lot) -> None:
        """Note the link. Raises ProductionRefused, or GateRefused when the parent must not move."""
        parent = parent_of(self.parents, item.parent)
        _check_interval(parent, item)
        if item.quantity <= 0 or item.quantity != round(item.quantity, 3):
            raise ProductionRefused(
                f"inputs: quantity of {item.parent} must be positive, with at most 3 decimals"
            )
        used = self.used[parent.pk]
        if used + item.quantity > parent.quantity:
            left = (parent.quantity - used).normalize()
            raise ProductionRefused(
                f"inputs: {item.quantity} {parent.material.unit} of {parent.code} wanted, {left:f} left"
            )
        self.used[parent.pk] = used + item.quantity
        kind = item.kind.value
        if (parent.pk, kind) not in self.decisions:
            # The parent is locked: what let the first part go lets the others go, too, but for holds on their metres.
            self.decisions[parent.pk, kind] = None if self.reported else self._pass(parent, item)
        self._check_conceded(parent, item)
        if not self.reported and (blockers := self._held_part(parent, item)):
            raise GateRefused(parent, blockers)
        movement = Movement(
            lot=parent,
            kind=kind,
            gate_decision=self.decisions[parent.pk, kind],
            moved_by=self.user,
            moved_at=self.at,
            reported=bool(self.reported),
            reason=self.reported[:300],
        )
        self.links.append(
            GenealogyLink(
                parent=parent,
                child=child,
                kind=item.kind,
                movement=movement,
                quantity=item.quantity,
                unit=parent.material.unit,
                parent_from_mm=item.from_mm,
                parent_to_mm=item.to_mm,
                lane_from=item.lane_from,
                lane_to=item.lane_to,
                child_offset_mm=item.child_offset_mm,
                scale=item.scale,
                uncertainty_mm=item.uncertainty_mm,
                linked_at=self.at,
            )
        )

    def _pass(self, parent: Lot, item: Input) -> GateDecision:
        decisions = pass_gates(
            [parent],
            purpose=item.kind.value,
            now=self.now,
            in_parts=item.from_mm is not None,
            on_route=self.on_route,
            by_amount=True,
        )
        return decisions[parent.pk]

    def _check_conceded(self, parent: Lot, item: Input) -> None:
        """Of a lot that was conceded in part no more is taken than that."""
        part = self.conceded.get(parent.pk)
        if part is None:
            return
        if item.quantity > part.left:
            words = (
                f"{item.quantity.normalize():f} {part.unit} of {parent.code} wanted; {part.words} were conceded,"
                f" {part.taken.normalize():f} of them taken since; have more conceded"
            )
            raise GateRefused(parent, [lot_blocker(Code.CONCEDED_IN_PART, words, parent)])
        part.taken += item.quantity

    def _held_part(self, parent: Lot, item: Input) -> list[Blocker]:
        if item.from_mm is None or item.to_mm is None:
            return holds_on(self.holds[parent.pk], 0, WHOLE)
        give = item.uncertainty_mm
        return holds_on(self.holds[parent.pk], max(0, item.from_mm - give), item.to_mm + give)

    def store(self) -> list[GenealogyLink]:
        """Write movements and links, and close parents of which nothing is left."""
        Movement.objects.bulk_create(link.movement for link in self.links if link.movement)
        try:
            with transaction.atomic():
                GenealogyLink.objects.bulk_create(self.links)
        except DatabaseError as error:
            raise self._refusal(error) from error
        for parent in self.parents.values():
            if self.used[parent.pk] == parent.quantity and any(k == parent.pk for k, _ in self.decisions):
                parent.state = Lot.State.CONSUMED
                parent.save(update_fields=["state"])
        return self.links

    def _refusal(self, error: DatabaseError) -> ProductionRefused | DatabaseError:
        """Which of the links the database did not take, and why: tried one by one, nothing of it stays."""
        for link in self.links:
            link.pk = None
            try:
                with transaction.atomic():
                    link.save(force_insert=True)
            except IntegrityError as own:
                place = f"{link.parent.code} {link.parent_from_mm}–{link.parent_to_mm} mm"
                if "link_interval_consumed_once" in str(own):
                    return ProductionRefused(f"inputs: {place} was taken before")
                return ProductionRefused(
                    f"inputs: the link from {link.parent.code} contradicts itself: {own}"
                )
            except DatabaseError as own:
                if getattr(own.__cause__, "sqlstate", None) == CYCLE:
                    return ProductionRefused(
                        f"inputs: {link.parent.code} was itself made from {link.child.code}"
                    )
                return own
        return error


def reopen_what_is_left(lots: Iterable[Lot]) -> None:
    """Lots thought to be used up that are not, since a link was voided; a held one when its hold is closed."""
    closed = [lot for lot in lots if lot.state == Lot.State.CONSUMED]
    held = set(active_holds(lot.pk for lot in closed).values_list("lot_id", flat=True))
    for lot in closed:
        if lot.pk not in held and lot.taken < lot.quantity:
            lot.state = Lot.State.ACTIVE
            lot.save(update_fields=["state"])


def _check_interval(parent: Lot, item: Input) -> None:
    if item.scale == 0:
        raise ProductionRefused("inputs: scale must not be 0: 1 keeps metres, -1 turns the roll")
    if (item.lane_from is None) != (item.lane_to is None):
        raise ProductionRefused("inputs: give lane_from and lane_to, or neither")
    lanes = parent.lanes or 1
    if item.lane_to is not None and item.lane_to > lanes:
        raise ProductionRefused(f"inputs: {parent.code} has {lanes} lanes")
    if (item.from_mm is None) != (item.to_mm is None):
        raise ProductionRefused("inputs: give from_mm and to_mm, or neither")
    if item.to_mm is None or item.from_mm is None:
        return
    if parent.length_mm is None:
        raise ProductionRefused(f"inputs: {parent.code} has no length; leave from_mm and to_mm out")
    if not 0 <= item.from_mm < item.to_mm <= parent.length_mm:
        raise ProductionRefused(
            f"inputs: {item.from_mm}–{item.to_mm} mm is not inside {parent.code} (0–{parent.length_mm} mm)"
        )
