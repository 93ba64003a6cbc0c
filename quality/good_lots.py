"""Which lots are good enough to compare others with."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from lots.models import HoldLot, Lot
from quality.models import Disposition, DispositionItem

# What these decide is that nothing is wrong with the lot; any other decision confirms what it was held for.
_CLEARED = (Disposition.Decision.RELEASE, Disposition.Decision.NARROW)


def good_among(lots: Iterable[int]) -> set[int]:
    """Those that are not scrapped, not held, and of which no defect was confirmed by what was decided about a hold."""
    held = HoldLot.objects.filter(lot=OuterRef("pk"), disposition_id__isnull=True)
    confirmed = DispositionItem.objects.filter(lot=OuterRef("pk")).exclude(disposition__decision__in=_CLEARED)
    found = Lot.objects.filter(~Exists(held), ~Exists(confirmed), pk__in=list(lots))
    return set(found.exclude(state=Lot.State.SCRAPPED).values_list("pk", flat=True))
