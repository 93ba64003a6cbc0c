"""Raw records of a roll: a thickness scan, and the balance of the drying strip.

They show the same web and dryer as the readings do, with random streams of their own: whether they are made
changes no reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from mes.simulator import physics
from mes.simulator.electrodes import (
    LANES,
    SPOT_SD,
    STRIP_GAUGE_SD_G,
    STRIP_MINUTES,
    THICKNESS_GAUGE_SD_UM,
    ElectrodeShop,
    Web,
)
from mes.simulator.events import ReadingOut
from mes.simulator.raw_out import RecordOut
from mes.simulator.schedule import Agenda

SCAN_EVERY_MM, SCAN_LANES = 4_000, 15
BORDER_UM = 12.0  # super-elevation at the coating border, which no index may use [A]
WEIGH_EVERY_MIN = 0.25


class RawShop:
    """Raw records of every n-th pair, as the agenda's settings say."""

    def __init__(self, agenda: Agenda, shop: ElectrodeShop) -> None:
        self._a = agenda
        self._shop = shop

    def scan(self, web: Web, lot_code: str, at: datetime) -> tuple[RecordOut, ...]:
        """The thickness map of a coated roll: its lanes, one border column on each side."""
        if not self._a.wants_raw(web.pair):
            return ()
        rng = self._a.streams.of(f"thickness scan {web.electrode.name}", web.pair)
        metre = np.arange(2_000, web.length_mm, SCAN_EVERY_MM) / 1000.0
        lanes = np.interp(np.linspace(0, LANES - 1, SCAN_LANES), np.arange(LANES), web.lanes)
        along = np.array([web.at(1000.0 * at_m) for at_m in metre])
        shape = (metre.size, SCAN_LANES)
        spots = web.loading * (1.0 + lanes[None, :] + along[:, None] + SPOT_SD * rng.standard_normal(shape))
        layer = physics.layer_um(spots, web.electrode.solid_density, web.electrode.porosity_before)
        shown = physics.FOIL_THICKNESS_UM + physics.SIDES * np.asarray(layer)
        shown = shown + THICKNESS_GAUGE_SD_UM * rng.standard_normal(shape)
        border = shown[:, [0, -1]] + BORDER_UM + rng.standard_normal((metre.size, 2))
        columns = {"metre": metre.tolist(), "border_1": np.round(border[:, 0], 1).tolist()}
        columns |= {f"lane_{i + 2}": np.round(shown[:, i], 1).tolist() for i in range(SCAN_LANES)}
        columns[f"border_{SCAN_LANES + 2}"] = np.round(border[:, 1], 1).tolist()
        return (RecordOut(lot_code, "thickness", at, "THK-1", columns),)

    def strip(
        self, web: Web, weighed: Sequence[ReadingOut], lot_code: str, at: datetime
    ) -> tuple[RecordOut, ...]:
        """The balance's own log of the strip test: between the weighings that were read, and these among them."""
        if not self._a.wants_raw(web.pair):
            return ()
        rng = self._a.streams.of(f"strip balance {web.electrode.name}", web.pair)
        minutes = np.arange(0.0, STRIP_MINUTES + WEIGH_EVERY_MIN / 2, WEIGH_EVERY_MIN)
        mass = physics.strip_mass_g(web.loading, web.electrode, minutes, self._shop.dryer(web)[1])
        mass = np.round(mass + STRIP_GAUGE_SD_G * rng.standard_normal(minutes.size), 4)
        for r in weighed:
            if r.code == "drying.strip_mass_g":
                mass[round(float(r.position or 0) / WEIGH_EVERY_MIN)] = float(r.value)
        columns = {"time_min": minutes.tolist(), "mass_g": mass.tolist()}
        return (RecordOut(lot_code, "mass", at, "SCALE-1", columns),)
