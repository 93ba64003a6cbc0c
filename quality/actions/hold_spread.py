"""Hold a cell lot whose first discharges spread too widely: stop and diagnose before more of it is formed.

Handbook 7.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lots.actions.lock import lock_name
from lots.actions.place_hold import HeldExtent, place_hold
from lots.models import Hold, HoldLot, Measurement, Site
from lots.queries import group_of
from quality.early_spread import CAPACITY, FIRST_CYCLE, early_spread


def hold_wide_spreads(rows: Sequence[Measurement], site: Site, *, site_now: datetime) -> list[Hold]:
    """Judge the cell lots of newly stored first discharges, in the transaction that stored them.

    A lot is held once: while the hold is open, and after it was disposed of, the spread is known.
    """
    cells = {
        row.lot_id
        for row in rows
        if row.lot_id is not None and row.position == FIRST_CYCLE and row.characteristic.code == CAPACITY
    }
    holds = []
    for tray in sorted(set(group_of(cells).values())) if cells else ():
        lock_name(f"early spread of lot {tray}")
        if HoldLot.objects.filter(lot=tray, hold__source=Hold.Source.SPREAD).exists():
            continue
        spread = early_spread(tray)
        if spread is not None and spread.is_wide:
            holds.append(
                place_hold(
                    site=site,
                    source=Hold.Source.SPREAD,
                    reason=f"first discharges of the lot spread by {spread.pct:.2f} %, the limit is"
                    f" {spread.limit_pct:g} %: stop and diagnose before more of it is formed",
                    extents=[HeldExtent(tray)],
                    placed_at=site_now,
                )
            )
    return holds
