"""From stack to accepted cell: mass, resistance and capacity follow from the electrodes, their exposure and
the fill.

Between trays there is little variation of its own (`TRAY_SD`): a tray's mean is close to independent and
its spread close to what the cells of a tray show, so tray subgroups suit Xbar charts.
Capacity is the exception: the trays of one cathode roll share its loading, so their means vary half as much
again and are alike.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from mes.simulator import physics
from mes.simulator.events import ReadingOut, reading
from mes.simulator.faults import FaultBook
from mes.simulator.streams import Streams

CELLS_PER_LOT = 12
SHEETS_PER_CELL, REJECT_SHARE = 43, 0.02
ALIGNMENT_UM, ALIGNMENT_SD_UM, OPERATOR_SD_UM = 100.0, 22.0, 2.0
TAB_MOHM, TAB_SD_MOHM = 0.10, 0.020
DRY_PARTS_G, DRY_SD_G = 91.0, 0.15  # foil, separator, tabs and pouch
RETAINED_G, RETAINED_SD_G = 59.97, 0.25
EVACUATED_G, EVACUATED_SD_G = 0.15, 0.03
VACUUM_SD_MBAR, VACUUM_GAUGE_SD_MBAR = 1.0, 0.5
SEAL_MIN, SEAL_SD_MIN = 5.0, 1.0
SOAK_MIN, SOAK_SD_MIN = 1440.0, 8.0
OCV_V, OCV_SD_V = 0.250, 0.012
CAPACITY_SD, CYCLER_SD = 0.006, 0.0002  # relative
FADE = (1.0, 0.9992, 0.9988, 0.9985)  # discharge capacity of each cycle over the first
FCE_SD_PCT, LATER_CE_SD_PCT = 0.95, 0.085
RESISTANCE_SD_MOHM = 0.032
# Of a pulse resistance, the part that a spectrum shows at high frequency.
R_HF_SHARE = 0.6
FORMATION_C, FORMATION_SD_C = 30.0, 0.35
OCV_LOSS_SD, OCV_LOSS_PER_UM, OCV_LOSS_PER_PPM = 0.60, 0.05, 0.001
TRAY_SD = 0.05  # of the cell-to-cell standard deviation


@dataclass(frozen=True)
class SlitRoll:
    """True state of a slit roll in its interval of a cell; `loading` in mg/cm2 over that interval."""

    loading: float
    porosity_ratio: float
    residual_ppm: float
    burr_um: float
    dose_g_h_m3: float


@dataclass(frozen=True)
class CellBuild:
    """What a cell is made of, and what filling and welding did to it."""

    cathode: SlitRoll
    anode: SlitRoll
    tab_mohm: float
    retained_g: float = 0.0
    true_vacuum_mbar: float = physics.VACUUM_MBAR

    @property
    def fill_deficit(self) -> float:
        """Relative lack of electrolyte against target; 0 when there is enough."""
        return max(0.0, 1.0 - self.retained_g / physics.FILL_TARGET_G)


class CellShop:
    """Makes the readings of one cell lot. `key` is (pair, lane, run): what the lot's noise hangs on."""

    def __init__(self, streams: Streams, faults: FaultBook) -> None:
        self._streams = streams
        self._faults = faults

    def _noise(self, step: str, key: tuple[int, ...], columns: int) -> NDArray[np.float64]:
        """Standard normal noise (cells + 1, columns); the last row is the tray's own."""
        return self._streams.of(step, *key).standard_normal((CELLS_PER_LOT + 1, columns))

    def weld(
        self, key: tuple[int, ...], operator: str, at: datetime
    ) -> list[tuple[float, tuple[ReadingOut, ...]]]:
        """True tab resistance (mOhm) and readings of each cell."""
        z = self._noise("stacking", key, 2)
        habit = OPERATOR_SD_UM * _habit(operator)
        made: list[tuple[float, tuple[ReadingOut, ...]]] = []
        for i in range(CELLS_PER_LOT):
            tab = (
                TAB_MOHM + TAB_SD_MOHM * (z[i, 0] + TRAY_SD * z[-1, 0]) + self._faults.tab_extra_mohm(key[0])
            )
            offset = ALIGNMENT_UM + ALIGNMENT_SD_UM * (z[i, 1] + TRAY_SD * z[-1, 1]) + habit
            readings = (
                reading("stacking.alignment_um", max(0.0, offset), at),
                reading("stacking.tab_resistance_mohm", max(0.01, tab), at),
            )
            made.append((max(0.01, tab), readings))
        return made

    def rejected_sheets(self, key: tuple[int, ...], at: datetime) -> ReadingOut:
        """The lot's rejected sheets out of all sheets it used."""
        sheets = SHEETS_PER_CELL * CELLS_PER_LOT
        rejected = int(self._streams.of("sheets", *key).binomial(sheets, REJECT_SHARE))
        return reading("stacking.rejected_sheets", rejected, at, sample_size=sheets)

    def fill(
        self, key: tuple[int, ...], builds: list[CellBuild], started_at: datetime
    ) -> list[tuple[float, float, tuple[ReadingOut, ...]]]:
        """Retained mass (g), true pressure (mbar) and readings of each cell."""
        z = self._noise("filling", key, 6)
        out: list[tuple[float, float, tuple[ReadingOut, ...]]] = []
        for i, build in enumerate(builds):
            at = started_at + timedelta(minutes=3 * (i + 1))
            area = physics.CATHODE_CM2 * 1e-3
            before = DRY_PARTS_G + area * (build.cathode.loading + build.anode.loading) + DRY_SD_G * z[i, 0]
            retained = (
                RETAINED_G
                + RETAINED_SD_G * (z[i, 1] + TRAY_SD * z[-1, 1])
                + self._faults.fill_extra_g(key[0])
            )
            dosed = retained + max(0.0, EVACUATED_G + EVACUATED_SD_G * z[i, 2])
            vacuum = physics.VACUUM_MBAR + VACUUM_SD_MBAR * z[-1, 3]
            seal_min = max(1.0, SEAL_MIN + SEAL_SD_MIN * (z[i, 5] + TRAY_SD * z[-1, 5]))
            readings = (
                reading("filling.mass_before_g", before, at),
                reading("filling.mass_filled_g", before + dosed, at),
                reading("filling.vacuum_mbar", vacuum + VACUUM_GAUGE_SD_MBAR * z[i, 4], at),
                reading("filling.fill_to_seal_min", seal_min, at),
                reading("filling.mass_sealed_g", before + retained, at),
            )
            out.append((retained, vacuum + self._faults.hidden_mbar(key[0]), readings))
        return out

    def soak(self, key: tuple[int, ...], at: datetime) -> tuple[float, ReadingOut]:
        """The lot's soak, min, and its reading."""
        minutes = SOAK_MIN + SOAK_SD_MIN * float(self._streams.of("soak", *key).standard_normal())
        return minutes, reading("filling.soak_min", minutes, at + timedelta(minutes=minutes))

    def rest_voltages(self, key: tuple[int, ...], at: datetime) -> list[ReadingOut]:
        z = self._noise("ocv", key, 1)
        return [reading("formation.ocv_v", OCV_V + OCV_SD_V * z[i, 0], at) for i in range(CELLS_PER_LOT)]

    def form(
        self, key: tuple[int, ...], builds: list[CellBuild], channels: tuple[str, ...], at: datetime
    ) -> list[tuple[float, tuple[ReadingOut, ...]]]:
        """True capacity (Ah) and readings of each cell; a bad channel changes what it measures, not the
        cell.
        """
        z = self._noise("formation", key, 16)
        made = []
        for i, (build, channel) in enumerate(zip(builds, channels, strict=True)):
            full = physics.capacity_ah(build.cathode.loading, build.fill_deficit)
            true_ah = full * (1.0 + CAPACITY_SD * (z[i, 0] + TRAY_SD * z[-1, 0]))
            shown_ah = true_ah + self._faults.capacity_extra_ah(channel, key[0])
            dose = (build.cathode.dose_g_h_m3 + build.anode.dose_g_h_m3) / 2.0
            first = physics.first_cycle_efficiency_pct(dose, build.cathode.residual_ppm)
            efficiencies = [first + FCE_SD_PCT * (z[i, 1] + TRAY_SD * z[-1, 1])]
            efficiencies += [ce + LATER_CE_SD_PCT * z[i, 2 + n] for n, ce in enumerate(physics.LATER_CE_PCT)]
            readings = []
            for cycle, (efficiency, fade) in enumerate(zip(efficiencies, FADE, strict=True), start=1):
                discharge = shown_ah * fade
                measured = discharge * (1.0 + CYCLER_SD * z[i, 4 + 2 * cycle])
                charge = discharge / (efficiency / 100.0) * (1.0 + CYCLER_SD * z[i, 5 + 2 * cycle])
                readings += [
                    reading("formation.charge_capacity_ah", charge, at, position=cycle),
                    reading("formation.discharge_capacity_ah", measured, at, position=cycle),
                    reading("formation.cutoffs_reached", 1, at, position=cycle),
                ]
            ratio = (build.cathode.porosity_ratio + build.anode.porosity_ratio) / 2.0
            ohms = physics.cell_resistance_mohm(
                build.tab_mohm, ratio, build.fill_deficit, build.true_vacuum_mbar
            )
            ohms += RESISTANCE_SD_MOHM * (z[i, 14] + TRAY_SD * z[-1, 14])
            readings += [
                reading("formation.temperature_c", FORMATION_C + FORMATION_SD_C * z[-1, 15], at),
                reading("formation.resistance_mohm", ohms, at),
                reading("formation.compliant", 1, at),
                reading("formation.r_hf_mohm", R_HF_SHARE * ohms, at),
                reading("formation.r_mid_mohm", (1.0 - R_HF_SHARE) * ohms, at),
            ]
            made.append((true_ah, tuple(readings)))
        return made

    def accept(
        self, key: tuple[int, ...], builds: list[CellBuild], capacities: list[float], at: datetime
    ) -> list[tuple[ReadingOut, ...]]:
        z = self._noise("acceptance", key, 2)
        out: list[tuple[ReadingOut, ...]] = []
        for i, (build, capacity) in enumerate(zip(builds, capacities, strict=True)):
            loss = physics.OCV_LOSS_MV_WEEK + OCV_LOSS_SD * (z[i, 0] + TRAY_SD * z[-1, 0])
            loss += OCV_LOSS_PER_UM * (build.cathode.burr_um - 5.0)
            loss += OCV_LOSS_PER_PPM * (build.cathode.residual_ppm - physics.RESIDUAL_PPM)
            out.append(
                (
                    reading("acceptance.capacity_ah", capacity * FADE[-1] * (1.0 + 0.001 * z[i, 1]), at),
                    reading("acceptance.leak_free", 1, at),
                    reading("acceptance.ocv_loss_mv_week", max(0.0, loss), at),
                )
            )
        return out


def _habit(operator: str) -> float:
    """An operator's own constant habit, between -1 and 1, from the name alone."""
    return zlib.crc32(operator.encode()) / 2**31 - 1.0
