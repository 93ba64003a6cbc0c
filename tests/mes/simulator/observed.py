"""Charted statistics of a simulated run, computed from its readings with the handbook's formulas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from mes.simulator.events import LineEvent, ReadingOut
from mes.simulator.faults import BAD_CHANNEL, DRIFTING_GAUGE, FAULTY_DOOR_ZONE, Fault, FaultPlan
from mes.simulator.model import LineModel

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
SOLID_DENSITY = {"C": 3.950, "A": 1.856}
FOIL_UM, PUNCH_CM2 = 15.0, 12.0


def run(
    pairs: int, seed: int = 1, faults: tuple[FaultPlan, ...] = ()
) -> tuple[LineModel, tuple[LineEvent, ...]]:
    model = LineModel(seed, START, faults, pairs=pairs)
    return model, tuple(model.undisturbed())


def all_readings(event: LineEvent) -> list[tuple[str, ReadingOut]]:
    """Every reading of an event with its subject."""
    found = [(event.lot_code, r) for r in (*event.readings, *getattr(event, "record", ()))]
    beside = (*getattr(event, "prechecks", ()), *getattr(event, "aged", ()))
    for cell in (*getattr(event, "cells", ()), *beside):
        found += [(cell.cell_code, r) for r in cell.readings]
    for _, cells in getattr(event, "records", ()):
        found += [(cell.cell_code, r) for cell in cells for r in cell.readings]
    return found


class Observed:
    """Readings by code and subject, and what follows from them. Rolls are RC-… (cathode) and RA-… (anode)."""

    def __init__(self, events: Iterable[LineEvent]) -> None:
        self.by_code: dict[str, dict[str, list[ReadingOut]]] = defaultdict(lambda: defaultdict(list))
        self.channel: dict[str, str] = {}
        for event in events:
            for cell in getattr(event, "cells", ()):
                if getattr(cell, "channel", None):
                    self.channel[cell.cell_code] = cell.channel
            for subject, r in all_readings(event):
                self.by_code[r.code][subject].append(r)

    def values(self, code: str, contains: str = "") -> np.ndarray:
        return np.array([float(r.value) for s, rs in self.by_code[code].items() if contains in s for r in rs])

    def loadings(self, electrode: str) -> np.ndarray:
        """Areal loading, mg/cm2 a side: (rolls, profiles, lanes)."""
        rolls = []
        for subject, punches in self.by_code["coating.punch_mass_g"].items():
            if f"-R{electrode}-" in subject:
                foil = float(self.by_code["coating.foil_mass_g"][subject][0].value)
                mass = np.array([float(r.value) for r in punches]).reshape(3, 5)
                rolls.append((mass - foil) * 1e3 / PUNCH_CM2 / 2)
        return np.array(rolls)

    def profiles(self, code: str, electrode: str) -> np.ndarray:
        """Readings of a lane characteristic: (rolls, profiles, lanes)."""
        return self.values(code, f"-R{electrode}-").reshape(-1, 3, 5)

    def edge_centre(self, electrode: str) -> np.ndarray:
        t = self.profiles("coating.thickness_um", electrode)
        return t[..., [0, 4]].mean(-1) - t[..., 1:4].mean(-1)

    def porosity_pct(self, electrode: str) -> np.ndarray:
        """(rolls, profiles)."""
        layer = (self.profiles("calendering.thickness_um", electrode).mean(-1) - FOIL_UM) / 2
        loading = self.loadings(electrode).mean((1, 2))[:, None]
        return 100 * (1 - loading * 10 / (layer * SOLID_DENSITY[electrode]))

    def per_cell(self, code: str, cycle: str | None = None) -> dict[str, float]:
        return {
            subject: float(r.value)
            for subject, rs in self.by_code[code].items()
            for r in rs
            if r.position == cycle
        }

    def trays(self, per_cell: dict[str, float]) -> np.ndarray:
        """Per-cell values as (trays, 12), trays in code order."""
        return np.array([per_cell[c] for c in sorted(per_cell)]).reshape(-1, 12)

    def retained(self) -> dict[str, float]:
        before, sealed = self.per_cell("filling.mass_before_g"), self.per_cell("filling.mass_sealed_g")
        return {cell: sealed[cell] - before[cell] for cell in before}

    def dosed(self) -> dict[str, float]:
        before, filled = self.per_cell("filling.mass_before_g"), self.per_cell("filling.mass_filled_g")
        return {cell: filled[cell] - before[cell] for cell in before}

    def efficiency_pct(self, cycle: str) -> dict[str, float]:
        charge = self.per_cell("formation.charge_capacity_ah", cycle)
        discharge = self.per_cell("formation.discharge_capacity_ah", cycle)
        return {cell: 100 * discharge[cell] / charge[cell] for cell in charge}

    def charted(self, fault: Fault) -> np.ndarray:
        """The statistic that `SIGNATURES` says a fault shifts, in time order of its lots."""
        match fault:
            case Fault.SOLIDS_HIGH:
                return self.values("mixing.solids_pct", "-SC-")
            case Fault.VISCOSITY_HIGH:
                return self.values("mixing.viscosity_pa_s", "-SC-")
            case Fault.GAP_SHIFT:
                return self.loadings("C").mean((1, 2))
            case Fault.DIE_TILT:
                return self.loadings("C")[:, :, 4].mean(1)
            case Fault.DRYER_AIRFLOW_LOW:
                return self.values("drying.residual_ppm", "-RC-").reshape(-1, 3).mean(1)
            case Fault.CALENDER_LOAD_HIGH:
                return self.porosity_pct("C").mean(1)
            case Fault.DOOR_LEFT_OPEN:
                return self.values("dry_room.door_open_s", FAULTY_DOOR_ZONE)
            case Fault.SENSOR_DRIFT:
                readings = self.by_code["dry_room.frost_point_c"]["DR-STAGING"]
                return np.array([float(r.value) for r in readings if r.gauge == DRIFTING_GAUGE])
            case Fault.TAB_WELD_COLD:
                return self.trays(self.per_cell("stacking.tab_resistance_mohm")).mean(1)
            case Fault.UNDERFILL:
                return self.trays(self.retained()).mean(1)
            case Fault.WETTING_POOR:
                return self.trays(self.per_cell("formation.resistance_mohm")).mean(1)
            case Fault.FORMATION_CHANNEL_BAD:
                cells = self.per_cell("formation.discharge_capacity_ah", "1")
                return np.array([v for c, v in sorted(cells.items()) if self.channel[c] == BAD_CHANNEL])
