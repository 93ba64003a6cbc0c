"""How far the first discharges of a cell lot spread, and the limit above which the lot is held (handbook 7.4).

The handbook gives no number: the recipe's `early_spread_limit_pct` counts, else an assumed limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from lots.models import GenealogyLink, Lot
from lots.queries import recipe_values, valid_measurements
from lots.science.formation.spread import EARLY_SPREAD_LIMIT_PCT, spread_holds_lot

CAPACITY = "formation.discharge_capacity_ah"
LIMIT = "early_spread_limit_pct"
FIRST_CYCLE = 1


@dataclass(frozen=True)
class EarlySpread:
    """Robust coefficient of variation, %, and the limit, %, which is assumed where no recipe of the cells sets one."""

    pct: float
    limit_pct: float
    is_assumed: bool
    is_wide: bool


def early_spread(tray: int) -> EarlySpread | None:
    """The spread of all cells of the lot; None for fewer than five first discharges."""
    members = GenealogyLink.objects.filter(
        parent=tray, kind=GenealogyLink.Kind.MEMBER, voided_at__isnull=True
    )
    cells = list(Lot.objects.filter(pk__in=members.values("child")))
    # A limit of zero or less is none: the assumed one holds the lot then.
    of_recipes = [limit for values in recipe_values(cells).values() if (limit := values.get(LIMIT, 0.0)) > 0]
    limit = min(of_recipes, default=EARLY_SPREAD_LIMIT_PCT)
    found = valid_measurements(cell.pk for cell in cells).filter(
        characteristic__code=CAPACITY, position=FIRST_CYCLE
    )
    latest = dict(found.order_by("measured_at", "received_at", "id").values_list("lot_id", "value"))
    try:
        is_wide, spread = spread_holds_lot([float(value) for value in latest.values()], limit_cv_pct=limit)
    except ValueError:  # too few cells yet
        return None
    return EarlySpread(spread, limit, is_assumed=not of_recipes, is_wide=is_wide)
