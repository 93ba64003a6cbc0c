"""What mass and early impedance say together of a filled cell: underfill, or wetting and trapped gas (handbook 7.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lots.models import GenealogyLink, Lot
from lots.queries import group_of, valid_measurements
from lots.science.wetting import FillVerdict, fill_verdict

DEVIATION = "filling.deviation_pct"
EARLY_IMPEDANCE = "formation_precheck.resistance_mohm"
WINDOW_PCT = 2.2  # 17.6 to 18.4 g of 18.0 g (handbook 7.3)
LEAST_PEERS = 5
MAD_TO_SIGMA = 1.4826
WORDS = {
    FillVerdict.UNDERFILL: "underfilled: its mass lies below the window",
    FillVerdict.OVERFILL: "overfilled: its mass lies above the window",
    FillVerdict.WETTING_OR_GAS: "mass in its window and early impedance high: wetting or trapped gas, not underfill",
}


@dataclass(frozen=True)
class FillCheck:
    """`impedance_z` is the robust z-score against the other cells of its lot; None where too few were measured."""

    verdict: FillVerdict
    deviation_pct: float
    impedance_z: float | None
    peers: int

    @property
    def words(self) -> str:
        """Empty for a good cell."""
        return WORDS.get(self.verdict, "")


def fill_check(cell: Lot) -> FillCheck | None:
    """The verdict on a cell; None before it was filled."""
    group = group_of([cell.pk]).get(cell.pk)
    cells = {cell.pk}
    if group is not None:
        members = GenealogyLink.objects.filter(
            parent=group, kind=GenealogyLink.Kind.MEMBER, voided_at__isnull=True
        )
        cells |= set(members.values_list("child_id", flat=True))
    rows = (
        valid_measurements(cells)
        .filter(characteristic__code__in=(DEVIATION, EARLY_IMPEDANCE))
        .order_by("measured_at", "id")
        .values_list("characteristic__code", "lot_id", "value")
    )
    latest = {(code, lot_id): float(value) for code, lot_id, value in rows}
    deviation = latest.get((DEVIATION, cell.pk))
    if deviation is None:
        return None
    own = latest.get((EARLY_IMPEDANCE, cell.pk))
    others = [
        value for (code, lot_id), value in latest.items() if code == EARLY_IMPEDANCE and lot_id != cell.pk
    ]
    z = _robust_z(own, others) if own is not None and len(others) >= LEAST_PEERS else None
    return FillCheck(fill_verdict(deviation, window_pct=WINDOW_PCT, impedance_z=z), deviation, z, len(others))


def _robust_z(value: float, others: list[float]) -> float:
    """Distance from the median in robust sigmas; cells that are all alike have a spread of one in a thousand."""
    median = float(np.median(others))
    sigma = MAD_TO_SIGMA * float(np.median(np.abs(np.asarray(others) - median)))
    return (value - median) / max(sigma, 1e-3 * abs(median))
