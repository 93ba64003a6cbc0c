"""The band of good cells that first charges are compared with, on the page of a cell and on that of a lot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lots.models import CurveFile, Lot
from lots.science.formation.band import VoltageBand, normalised_curve, voltage_band
from lots.science.formation.segments import StepKind, step_curve, step_table
from mes.curves import CurveMissing, load_records
from quality.good_lots import good_among

BAND_CELLS = 60


@dataclass(frozen=True)
class FirstCharge:
    """Normalised first charge of a test, V at 97 shares of the charge, and its capacity, Ah."""

    voltage_v: NDArray[np.float64]
    end_ah: float


@lru_cache(maxsize=512)
def first_charge(storage_sha256: str) -> FirstCharge | None:
    """Of a stored test, which never changes; None where it has none or is not in storage."""
    try:
        records = load_records(storage_sha256)
    except CurveMissing:
        return None
    table = step_table(records)
    charges = [row for row in range(table.size) if table.kind[row] is StepKind.CHARGE]
    if not charges:
        return None
    voltage, moved = step_curve(records, table, charges[0])
    try:
        return FirstCharge(normalised_curve(voltage, moved), float(moved[-1]))
    except ValueError:
        return None


def good_band(cell: Lot, protocol: str, *, with_itself: bool) -> VoltageBand | None:
    """Of the newest good cells of the site and the material that ran under this recipe revision, up to 60.

    None for fewer than two. `with_itself`: the cell may be one of them.
    """
    files = CurveFile.objects.filter(
        kind=CurveFile.Kind.CYCLING,
        superseded_by__isnull=True,
        protocol=protocol,
        lot__site=cell.site_id,
        lot__material=cell.material_id,
    )
    if not with_itself:
        files = files.exclude(lot=cell)
    newest = list(files.order_by("-id").values_list("lot_id", "storage_sha256")[: 2 * BAND_CELLS])
    good_cells = good_among(key for key, _ in newest)
    charges = [first_charge(name) for key, name in newest if key in good_cells]
    good = [charge for charge in charges if charge is not None][:BAND_CELLS]
    if len(good) < 2:
        return None
    return voltage_band([one.voltage_v for one in good], [one.end_ah for one in good], protocol=protocol)
