"""Formation of cells: from the records of a cycler to capacities, efficiencies, curves and verdicts.

Charge current is positive, discharge current negative, whatever the instrument writes.
"""

from __future__ import annotations

from lots.science.formation.capacity import (
    MAX_COULOMBIC_EFFICIENCY_PCT,
    FirstCycle,
    capacity_ah,
    coulombic_efficiency_pct,
    dc_resistance_mohm,
    first_cycle,
)

__all__ = [
    "MAX_COULOMBIC_EFFICIENCY_PCT",
    "FirstCycle",
    "capacity_ah",
    "coulombic_efficiency_pct",
    "dc_resistance_mohm",
    "first_cycle",
]
