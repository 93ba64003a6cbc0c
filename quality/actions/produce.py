"""Make lots from lots: consume, split, merge. Quantities are conserved, intervals are taken once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Sum

from lots.actions.acting import act_as
from lots.actions.lock import lock_lots
from lots.clock import instant_at
from lots.models import (
    GateDecision,
    GenealogyLink,
    Lot,
    MaterialDefinition,
    Movement,
    Site,
    User,
    WorkOrder,
)
from quality.actions.gate import GateRefused, pass_gate
from quality.gates import material_blockers
from quality.permissions import Action, require

Kind = GenealogyLink.Kind
CYCLE = "HL005"  # SQLSTATE of the link's guard


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


@dataclass(frozen=True)
class NewLot:
    """A lot to be made. `group` names the cell lot that a cell is a member of."""

    code: str
    material: str
    quantity: Decimal = Decimal(1)
    work_order: str = ""
    length_mm: int | None = None
    lanes: int | None = None
    expires_at: datetime | None = None
    inputs: tuple[Input, ...] = field(default=())
    group: str = ""


@transaction.atomic
def produce_lots(
    specs: Sequence[NewLot], *, site: Site, user: User, now: datetime, at: datetime | None = None
) -> list[Lot]:
    """Make all lots or none. Parents pass their gate first; a held one refuses (GateRefused).

    Raises ProductionRefused for unknown codes, a code used before, more taken than there is, an interval taken
    twice or outside the roll.
    """
    act_as(user)
    require(user, site, Action.RUN_STEP)
    made_at = instant_at(site, at, now)
    names = {i.parent for s in specs for i in s.inputs} | {s.group for s in specs} - {""}
    parents = _locked_parents(site, names)
    children = _create(specs, site, user, made_at)
    taking = _Taking(parents, user=user, now=now, at=made_at)
    for spec, child in zip(specs, children, strict=True):
        for item in spec.inputs:
            taking.take(item, child)
    taking.store()
    GenealogyLink.objects.bulk_create(
        GenealogyLink(
            parent=_parent(parents, spec.group),
            child=child,
            kind=Kind.MEMBER,
            quantity=child.quantity,
            unit=child.material.unit,
            linked_at=made_at,
        )
        for spec, child in zip(specs, children, strict=True)
        if spec.group
    )
    return children


@transaction.atomic
def consume_into(
    item: Input, child: Lot, *, user: User, now: datetime, at: datetime | None = None
) -> GenealogyLink:
    """Take from a parent into a lot that exists already (electrolyte into a cell). Both must be free to move."""
    act_as(user)
    require(user, child.site, Action.RUN_STEP)
    if item.parent == child.code:
        raise ProductionRefused(f"inputs: {child.code} cannot be made from itself")
    parents = _locked_parents(child.site, {item.parent}, also=child.pk)
    refusals = material_blockers(parents[child.code], now=now)
    if refusals:
        raise GateRefused(child, refusals)
    taking = _Taking(parents, user=user, now=now, at=instant_at(child.site, at, now))
    taking.take(item, child)
    return taking.store()[0]


def _locked_parents(site: Site, codes: set[str], *, also: int | None = None) -> dict[str, Lot]:
    keys = list(Lot.objects.filter(site=site, code__in=codes).values_list("pk", flat=True))
    locked = lock_lots([*keys, also] if also is not None else keys)
    return {lot.code: lot for lot in locked.values()}


def _parent(parents: dict[str, Lot], code: str) -> Lot:
    try:
        return parents[code]
    except KeyError:
        raise ProductionRefused(f"inputs: lot {code!r} is not known at this site") from None


def _create(specs: Sequence[NewLot], site: Site, user: User, made_at: datetime) -> list[Lot]:
    materials = {m.code: m for m in MaterialDefinition.objects.filter(code__in={s.material for s in specs})}
    wanted = {spec.work_order for spec in specs} - {""}
    orders = {
        order.code: order
        for order in WorkOrder.objects.filter(site=site, code__in=wanted).select_related("product_revision")
    }
    lots = []
    for spec in specs:
        material, order = materials.get(spec.material), orders.get(spec.work_order)
        if material is None:
            raise ProductionRefused(f"material: {spec.material!r} is not defined")
        if spec.work_order and order is None:
            raise ProductionRefused(f"work_order: {spec.work_order!r} is not known at {site.code}")
        if spec.quantity <= 0 or (spec.length_mm is not None and spec.length_mm <= 0):
            raise ProductionRefused(f"quantity and length must be positive for lot {spec.code!r}")
        lots.append(
            Lot(
                site=site,
                code=spec.code,
                material=material,
                product_revision=order.product_revision if order else None,
                work_order=order,
                quantity=spec.quantity,
                length_mm=spec.length_mm,
                lanes=spec.lanes,
                created_at=made_at,
                created_by=user,
                expires_at=spec.expires_at,
                simulated=site.simulated,
            )
        )
    try:
        with transaction.atomic():
            return Lot.objects.bulk_create(lots)
    except IntegrityError as error:
        if "lot_code_per_site" not in str(error):
            raise
        codes = [spec.code for spec in specs]
        used = set(Lot.objects.filter(site=site, code__in=codes).values_list("code", flat=True))
        used |= {code for code, times in Counter(codes).items() if times > 1}
        names = ", ".join(repr(code) for code in sorted(used))
        raise ProductionRefused(f"code: {names} was used before; codes are never reused") from error


class _Taking:
    """What is taken from locked parents in one action: checked one by one, stored together."""

    def __init__(self, parents: dict[str, Lot], *, user: User, now: datetime, at: datetime) -> None:
        self.parents, self.user, self.now, self.at = parents, user, now, at
        self.used = self._taken_before()
        self.decisions: dict[tuple[int, str], GateDecision] = {}
        self.links: list[GenealogyLink] = []

    def _taken_before(self) -> dict[int, Decimal]:
        earlier = GenealogyLink.objects.filter(
            parent__in=[lot.pk for lot in self.parents.values()], voided_at__isnull=True
        ).exclude(kind=Kind.MEMBER)
        totals = earlier.values_list("parent_id").annotate(total=Sum("quantity")).order_by()
        return defaultdict(Decimal, totals)

    def take(self, item: Input, child: Lot) -> None:
        """Note the link. Raises ProductionRefused, or GateRefused when the parent must not move."""
        parent = _parent(self.parents, item.parent)
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
            # The parent is locked: what let the first part go lets the others go, too.
            self.decisions[parent.pk, kind] = pass_gate(parent, purpose=kind, now=self.now)
        movement = Movement(
            lot=parent,
            kind=kind,
            gate_decision=self.decisions[parent.pk, kind],
            moved_by=self.user,
            moved_at=self.at,
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


def _check_interval(parent: Lot, item: Input) -> None:
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
