"""Hold a cell lot whose first discharges spread too widely: stop and diagnose before more of it is formed.

Handbook 7.4. It gives no number: the recipe's `early_spread_limit_pct` counts, else an assumed limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from lots.actions.lock import lock_name
from lots.actions.place_hold import HeldExtent, place_hold
from lots.models import GenealogyLink, Hold, HoldLot, Lot, Measurement, Site
from lots.queries import group_of, recipe_values, valid_measurements
from lots.science.formation.spread import EARLY_SPREAD_LIMIT_PCT, spread_holds_lot

CAPACITY = "formation.discharge_capacity_ah"
LIMIT = "early_spread_limit_pct"
FIRST_CYCLE = 1


def hold_wide_spreads(
    rows: Sequence[Measurement], lots: Mapping[int, Lot], site: Site, *, site_now: datetime
) -> list[Hold]:
    """Judge the cell lots of newly stored first discharges, in the transaction that stored them.

    A lot is held once: while the hold is open, and after it was disposed of, the spread is known.
    """
    cells = {
        row.lot_id
        for row in rows
        if row.lot_id is not None and row.position == FIRST_CYCLE and row.characteristic.code == CAPACITY
    }
    if not cells:
        return []
    groups = group_of(cells)
    limits = recipe_values(lots[cell] for cell in groups if cell in lots)
    holds = []
    for tray in sorted(set(groups.values())):
        lock_name(f"early spread of lot {tray}")
        if HoldLot.objects.filter(lot=tray, hold__source=Hold.Source.SPREAD).exists():
            continue
        limit = min(
            (
                limits.get(cell, {}).get(LIMIT, EARLY_SPREAD_LIMIT_PCT)
                for cell in groups
                if groups[cell] == tray
            ),
            default=EARLY_SPREAD_LIMIT_PCT,
        )
        try:
            is_wide, spread = spread_holds_lot(_first_discharges(tray), limit_cv_pct=limit)
        except ValueError:  # too few cells yet
            continue
        if is_wide:
            holds.append(
                place_hold(
                    site=site,
                    source=Hold.Source.SPREAD,
                    reason=f"first discharges of the lot spread by {spread:.2f} %, the limit is {limit:g} %:"
                    " stop and diagnose before more of it is formed",
                    extents=[HeldExtent(tray)],
                    placed_at=site_now,
                )
            )
    return holds


def _first_discharges(tray: int) -> list[float]:
    """The latest first discharge of each cell of the lot, Ah."""
    members = GenealogyLink.objects.filter(
        parent=tray, kind=GenealogyLink.Kind.MEMBER, voided_at__isnull=True
    ).values_list("child_id", flat=True)
    found = valid_measurements(members).filter(characteristic__code=CAPACITY, position=FIRST_CYCLE)
    latest = dict(found.order_by("measured_at", "received_at", "id").values_list("lot_id", "value"))
    return [float(value) for value in latest.values()]
