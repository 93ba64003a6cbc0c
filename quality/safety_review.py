"""Changes of the process after which the safety chain must be looked at again: coating, separator, pressure (9.5)."""

from __future__ import annotations

from django.db.models import Q

from lots.models import Product
from quality.models import SpecificationLine

# Which steps and characteristics are meant, and what the handbook calls them; which they are is ours.
STEPS = {"coating": "coating", "stacking": "separator", "calendering": "pressure"}
CHARACTERISTICS = {"filling.vacuum_mbar": "pressure", "degassing.vacuum_mbar": "pressure"}


def process_changes(product: Product) -> list[SpecificationLine]:
    """Approved revisions of the product's limits that ask for a review, the newest first; first issues are none."""
    of = "specification__characteristic"
    return list(
        SpecificationLine.objects.filter(
            Q(**{f"{of}__step__code__in": STEPS}) | Q(**{f"{of}__code__in": CHARACTERISTICS}),
            specification__product_revision__product=product,
            revision__gt=1,
            approval__isnull=False,
        )
        .select_related("approval", f"{of}__step")
        .order_by("-approval__signed_at", "-pk")
    )


def area_of(line: SpecificationLine) -> str:
    """What changed, in the handbook's word."""
    characteristic = line.specification.characteristic
    return CHARACTERISTICS.get(characteristic.code) or STEPS[characteristic.step.code]
