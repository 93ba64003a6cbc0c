"""The bad lots of a case, and good lots that compare with them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, OuterRef, QuerySet

from lots.models import HoldLot, Lot, MaterialDefinition, StepExecution
from quality.models import Defect, Nonconformance

MOST_BAD = 2_000
MOST_GOOD = 500
AROUND = timedelta(days=14)


@dataclass(frozen=True)
class ComparedLots:
    """Keys of bad and good lots. `rule` says in words what counts as comparable; of `candidates` good lots those
    listed were drawn with `seed`, all of them where they are few."""

    bad: tuple[int, ...]
    good: tuple[int, ...]
    rule: str
    candidates: int
    seed: int


def lots_of_case(case: Nonconformance) -> QuerySet[Lot]:
    """Lots that the case is about: its own, those that its hold reached, those with the hold's defects."""
    held = HoldLot.objects.filter(hold=case.hold_id, lot=OuterRef("pk"))
    defects = Defect.objects.filter(hold=case.hold_id, lot=OuterRef("pk"))
    own = Lot.objects.filter(pk=case.lot_id) if case.lot_id is not None else Lot.objects.none()
    rows = Lot.objects.filter(site=case.site_id)
    if case.hold_id is None:
        return own
    return rows.filter(Exists(held)) | rows.filter(Exists(defects)) | own


def materials_of_case(case: Nonconformance) -> list[MaterialDefinition]:
    """Materials of the case's lots: one of them is compared at a time."""
    keys = lots_of_case(case).values("material")
    return list(MaterialDefinition.objects.filter(pk__in=keys).order_by("code"))


def compared_lots(bad: QuerySet[Lot], *, seed: int) -> ComparedLots:
    """Good lots for the bad ones, which are of one material.

    Comparable are lots of the same material and product revision that ran a step, made within 14 days of a bad one,
    that nothing ever held and in which no value was out of specification.
    """
    rows = list(bad.order_by("-pk")[:MOST_BAD])
    if not rows:
        return ComparedLots((), (), "", 0, seed)
    first = rows[0]
    held = HoldLot.objects.filter(lot=OuterRef("pk"))
    defects = Defect.objects.filter(lot=OuterRef("pk"))
    ran = StepExecution.objects.filter(lot=OuterRef("pk"))
    made = [row.created_at for row in rows]
    candidates = list(
        Lot.objects.filter(
            Exists(ran),
            ~Exists(held),
            ~Exists(defects),
            site=first.site_id,
            material=first.material_id,
            product_revision=first.product_revision_id,
            created_at__gte=min(made) - AROUND,
            created_at__lte=max(made) + AROUND,
        )
        .exclude(pk__in=[row.pk for row in rows])
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    drawn = candidates if len(candidates) <= MOST_GOOD else random.Random(seed).sample(candidates, MOST_GOOD)
    rule = (
        f"{first.material.code} of {first.product_revision or 'no product'}, never held, nothing out of specification,"
        f" made within {AROUND.days} days of a bad one"
    )
    return ComparedLots(tuple(row.pk for row in rows), tuple(sorted(drawn)), rule, len(candidates), seed)
