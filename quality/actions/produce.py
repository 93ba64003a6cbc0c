"""Make lots from lots: consume, split, merge. Quantities are conserved, intervals are taken once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from lots.actions.acting import act_as
from lots.actions.lock import lock_lots
from lots.clock import instant_at
from lots.models import (
    GenealogyLink,
    Lot,
    MaterialDefinition,
    Site,
    User,
    WorkOrder,
)
from quality.actions.gate import GateRefused
from quality.actions.taking import Input, ProductionRefused, Taking, parent_of
from quality.gates import material_blockers
from quality.models import AcceptancePlan
from quality.permissions import Action, require
from quality.release_view import current_release

Kind = GenealogyLink.Kind


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
    specs: Sequence[NewLot],
    *,
    site: Site,
    user: User,
    now: datetime,
    at: datetime | None = None,
    reported: str = "",
    on_route: bool = False,
) -> list[Lot]:
    """Make all lots or none. Parents pass their gate first; a held one refuses (GateRefused).

    Raises ProductionRefused for unknown codes, a code used before, more taken than there is, an interval taken
    twice or outside the roll. `reported`: see `quality.actions.report_movement`; `on_route`: `quality.actions.reshape`.
    """
    act_as(user)
    require(user, site, Action.RUN_STEP)
    made_at = instant_at(site, at, now)
    names = {i.parent for s in specs for i in s.inputs} | {s.group for s in specs} - {""}
    parents = locked_parents(site, names)
    children = create_lots(specs, site, user, made_at)
    taking = Taking(parents, user=user, now=now, at=made_at, reported=reported, on_route=on_route)
    for spec, child in zip(specs, children, strict=True):
        for item in spec.inputs:
            taking.take(item, child)
    taking.store()
    if not reported:  # what has happened is recorded; the release does not name it
        for code in {spec.group for spec in specs} - {""}:
            _check_group(parent_of(parents, code))
    GenealogyLink.objects.bulk_create(
        GenealogyLink(
            parent=parent_of(parents, spec.group),
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


def _check_group(group: Lot) -> None:
    """What was sampled, released or left as a whole gets no further member. Raises ProductionRefused."""
    if group.state != Lot.State.ACTIVE:
        raise ProductionRefused(
            f"group: {group.code} is {group.get_state_display().lower()}; begin another one"
        )
    if AcceptancePlan.objects.filter(lot=group).exists() or current_release(group) is not None:
        done = "has its acceptance plan or its release"
        raise ProductionRefused(
            f"group: {group.code} {done}, which says nothing of another one; begin another lot"
        )


@transaction.atomic
def consume_into(
    item: Input, child: Lot, *, user: User, now: datetime, at: datetime | None = None
) -> GenealogyLink:
    """Take from a parent into a lot that exists already (electrolyte into a cell). Both must be free to move."""
    act_as(user)
    require(user, child.site, Action.RUN_STEP)
    if item.parent == child.code:
        raise ProductionRefused(f"inputs: {child.code} cannot be made from itself")
    parents = locked_parents(child.site, {item.parent}, also=child.pk)
    refusals = material_blockers(parents[child.code], now=now)
    if refusals:
        raise GateRefused(child, refusals)
    taking = Taking(parents, user=user, now=now, at=instant_at(child.site, at, now))
    taking.take(item, child)
    return taking.store()[0]


def locked_parents(site: Site, codes: set[str], *, also: int | None = None) -> dict[str, Lot]:
    """The site's lots with these codes, locked, by code."""
    keys = list(Lot.objects.filter(site=site, code__in=codes).values_list("pk", flat=True))
    locked = lock_lots([*keys, also] if also is not None else keys)
    return {lot.code: lot for lot in locked.values()}


def create_lots(specs: Sequence[NewLot], site: Site, user: User, made_at: datetime) -> list[Lot]:
    """The lots themselves, without what they were made from. Raises ProductionRefused."""
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
