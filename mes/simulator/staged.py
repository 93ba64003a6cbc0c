"""Slit rolls that wait for stacking, and the part of one that a cell gets."""

from __future__ import annotations

from dataclasses import dataclass

from mes.simulator import physics
from mes.simulator.cells import SlitRoll
from mes.simulator.electrodes import Web

MM_PER_CELL = {"cathode": physics.CATHODE_MM_PER_CELL, "anode": physics.ANODE_MM_PER_CELL}


@dataclass(frozen=True)
class StagedRoll:
    """A slit roll in its closed container, with its exposure, and how much of it is used."""

    lot_code: str
    lane: int
    web: Web
    dose_g_h_m3: float
    next_mm: int = 5_000  # the first 5 m are threading scrap
    cell_lots: int = 0
    refusals: int = 0


def interval(roll: StagedRoll, cell: int) -> tuple[int, int]:
    """The interval, mm, of the `cell`-th (0-based) cell that is cut next from a roll."""
    length = MM_PER_CELL[roll.web.electrode.name]
    start = roll.next_mm + cell * length
    return start, start + length


def part(roll: StagedRoll, from_mm: int, to_mm: int) -> SlitRoll:
    """What a cell gets of the roll."""
    web = roll.web
    return SlitRoll(
        loading=web.loading_between(roll.lane, from_mm, to_mm),
        porosity_ratio=web.porosity / physics.target_porosity(web.electrode),
        residual_ppm=web.residual_ppm,
        burr_um=web.burr_um[roll.lane - 1],
        dose_g_h_m3=roll.dose_g_h_m3,
    )
