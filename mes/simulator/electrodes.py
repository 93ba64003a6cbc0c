"""From slurry to slit roll: what each step does to the material and what its gauges then show.

Every roll has its own slurry and its own set-up, so statistics are independent from roll to roll. Along a
roll the loading is AR(1) (`MD_PHI` per 10 m): neighbouring punches are alike, the three profiles of a roll,
over 100 m apart, are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from mes.simulator import physics
from mes.simulator.events import ReadingOut, reading
from mes.simulator.faults import FaultBook
from mes.simulator.physics import Electrode
from mes.simulator.streams import Streams, ar1

COUPONS, FINE_FLAKES_SHARE = 3, 0.1  # of adhesion; no fault makes large flakes [A]
# Standard deviations in control; all of them are assumptions that make the line capable (Cpk about 1.5).
SOLIDS_BATCH_SD, SOLIDS_GAUGE_SD = 0.10, 0.18  # percentage points
VISCOSITY_BATCH_SD, VISCOSITY_GAUGE_SD = 0.024, 0.021  # relative
GAP_SD, SPEED_SD = 0.003, 0.002  # relative, before the beta-gauge loop
ROLL_SD, MD_SD, SPOT_SD = 0.0011, 0.0012, 0.0020  # relative loading: roll, along the roll, single punch
MD_PHI, MD_STEP_MM = 0.6, 10_000
BOW_SD_UM = 0.28  # edge against centre, from roll to roll
COATER_PROFILE = (-0.0003, 0.0001, 0.0003, 0.0002, -0.0003)  # the die's own relative lane profile
THICKNESS_GAUGE_SD_UM = 0.30
DEFECTS_PER_ROLL = 4.0
SAMPLES, SPARE_SAMPLES = 3, 6  # for residual moisture, planned and to draw on under tightened sampling
ZONE_SD_K, AIRFLOW_SD, RESIDUAL_ROLL_SD_PPM, RESIDUAL_SD_PPM = 0.6, 0.030, 38.0, 38.0
STRIP_GAUGE_SD_G, STRIP_MINUTES = 0.00015, 40
LINE_LOAD_SD, CALENDER_GAP_SD = 0.008, 0.0009  # relative
CALENDER_ROLL_SD_UM, CALENDER_SPOT_SD_UM = 0.22, 0.42
WIDTH_SD_MM, BURR_UM, BURR_SD_UM = 0.03, 5.0, 0.8
LANES = 5
PROFILES = 3


@dataclass(frozen=True)
class Batch:
    """True solids (%) and viscosity relative to target of a slurry batch."""

    pair: int
    electrode: Electrode
    solids_pct: float
    ln_viscosity: float


@dataclass(frozen=True)
class Web:
    """True state of a coated roll: relative loading by lane (5,) and by 10 m of roll, and what later steps
    did.
    """

    pair: int
    electrode: Electrode
    length_mm: int
    lanes: NDArray[np.float64]
    along: NDArray[np.float64]
    loading: float
    residual_ppm: float = math.nan
    porosity: float = math.nan
    burr_um: tuple[float, float] = (math.nan, math.nan)

    def at(self, mm: float) -> float:
        """Relative deviation of the loading along the roll."""
        return float(np.interp(mm / MD_STEP_MM, np.arange(len(self.along)), self.along))

    def loading_between(self, lane: int, from_mm: int, to_mm: int) -> float:
        """Mean true loading, mg/cm2, of an interval of a slit roll (lane 1 holds coating lanes 1 to 3, lane
        2 3 to 5).
        """
        weights = np.array([1.0, 1.0, 0.5]) / 2.5
        lanes = self.lanes[:3] @ weights if lane == 1 else self.lanes[2:] @ weights[::-1]
        return self.loading * (1.0 + float(lanes) + self.at((from_mm + to_mm) / 2.0))

    @property
    def profile_mm(self) -> tuple[int, ...]:
        return (2_000, self.length_mm // 2, self.length_mm - 2_000)


class ElectrodeShop:
    """Makes batches and webs. Each method is a pure function of the seed, the faults and the pair."""

    def __init__(self, streams: Streams, faults: FaultBook, length_mm: int) -> None:
        self._streams = streams
        self._faults = faults
        self._length_mm = length_mm

    def _rng(self, step: str, electrode: Electrode, pair: int) -> np.random.Generator:
        return self._streams.of(f"{step} {electrode.name}", pair)

    def mix(self, electrode: Electrode, pair: int, at: datetime) -> tuple[Batch, tuple[ReadingOut, ...]]:
        z = self._rng("mixing", electrode, pair).standard_normal(6)
        drift = SOLIDS_BATCH_SD * z[0] + self._faults.extra_solids_pct(electrode.name, pair)
        ln_viscosity = physics.VISCOSITY_PER_SOLIDS_PCT * drift + VISCOSITY_BATCH_SD * z[1]
        ln_viscosity += self._faults.ln_viscosity(electrode.name, pair)
        batch = Batch(pair, electrode, electrode.solids_pct + drift, ln_viscosity)
        readings = (
            *self._slurry_readings("mixing", batch, z[2], z[3], at),
            reading("mixing.temperature_c", 30.0 + 0.6 * z[4], at),
            reading("mixing.mix_time_min", 180.0 + 2.0 * z[5], at),
            reading("mixing.sediment_free", 1, at),
        )
        return batch, readings

    def _slurry_readings(
        self, step: str, batch: Batch, z_solids: float, z_viscosity: float, at: datetime
    ) -> tuple[ReadingOut, ReadingOut]:
        viscosity = batch.electrode.viscosity_pa_s * math.exp(
            batch.ln_viscosity + VISCOSITY_GAUGE_SD * z_viscosity
        )
        return (
            reading(f"{step}.solids_pct", batch.solids_pct + SOLIDS_GAUGE_SD * z_solids, at),
            reading(f"{step}.viscosity_pa_s", viscosity, at),
        )

    def coat(self, batch: Batch, at: datetime) -> tuple[Web, tuple[ReadingOut, ...]]:
        electrode, pair = batch.electrode, batch.pair
        rng = self._rng("coating", electrode, pair)
        z = rng.standard_normal(8)
        gap_um = electrode.gap_um * (1.0 + GAP_SD * z[0])
        speed = electrode.web_speed_m_min * (1.0 + SPEED_SD * z[1])
        true_gap_um = gap_um * self._faults.gap_ratio(electrode.name, pair)
        raw = physics.areal_loading(electrode, true_gap_um, speed, batch.solids_pct)
        loading = physics.trimmed_loading(electrode, raw) * (1.0 + ROLL_SD * z[2])

        innovations = rng.standard_normal(self._length_mm // MD_STEP_MM + 1)
        along = ar1(innovations, MD_PHI, MD_SD, MD_SD * z[3])
        layers_um = physics.SIDES * float(
            physics.layer_um(loading, electrode.solid_density, electrode.porosity_before)
        )
        edge_um = BOW_SD_UM * z[4] + physics.EDGE_UM_PER_LN_VISCOSITY * batch.ln_viscosity
        bow = edge_um / layers_um * np.array([0.6, -0.4, -0.4, -0.4, 0.6])
        tilt = self._faults.taper(electrode.name, pair) * np.linspace(-1.0, 1.0, LANES)
        web = Web(pair, electrode, self._length_mm, np.array(COATER_PROFILE) + bow + tilt, along, loading)

        spots = self._spots(web, rng)
        thick = physics.FOIL_THICKNESS_UM + physics.SIDES * physics.layer_um(
            spots, electrode.solid_density, electrode.porosity_before
        )
        thick = thick + THICKNESS_GAUGE_SD_UM * rng.standard_normal(spots.shape)
        defects = DEFECTS_PER_ROLL + physics.STREAKS_PER_LN_VISCOSITY * max(0.0, batch.ln_viscosity - 0.06)
        # A uniform draw through the Poisson quantile keeps the noise common to faulty and fault-free runs.
        count = _poisson_quantile(self._rng("defects", electrode, pair).uniform(), defects)
        peel = self._rng("peel", electrode, pair).uniform(size=COUPONS) < FINE_FLAKES_SHARE
        readings = (
            *self._slurry_readings("coating", batch, z[5], z[6], at),
            reading("coating.gap_um", gap_um, at),
            reading("coating.web_speed_m_min", speed, at),
            reading("coating.foil_mass_g", physics.PUNCH_CM2 * physics.FOIL_MG_CM2 * 1e-3 + 2e-5 * z[7], at),
            *_profile("coating.punch_mass_g", np.asarray(physics.punch_mass_g(spots)), web.profile_mm, at),
            *_profile("coating.thickness_um", np.asarray(thick), web.profile_mm, at),
            reading("coating.surface_defects", count, at),
            *(
                reading("coating.peel_grade", int(fine), at, position=n)
                for n, fine in enumerate(peel, start=1)
            ),
        )
        return web, readings

    def _spots(self, web: Web, rng: np.random.Generator) -> NDArray[np.float64]:
        """True loading, mg/cm2, of single punches: (profiles, lanes)."""
        along = np.array([web.at(mm) for mm in web.profile_mm])[:, None]
        single = SPOT_SD * rng.standard_normal((PROFILES, LANES))
        spots: NDArray[np.float64] = web.loading * (1.0 + web.lanes[None, :] + along + single)
        return spots

    def dryer(self, web: Web) -> tuple[NDArray[np.float64], float, np.random.Generator]:
        """Zone temperatures above target (K), the time constant of drying (min), and the noise that follows."""
        rng = self._rng("drying", web.electrode, web.pair)
        excess = ZONE_SD_K * rng.standard_normal(4)
        airflow = self._faults.airflow(web.electrode.name, web.pair) * (
            1.0 + AIRFLOW_SD * rng.standard_normal()
        )
        return excess, physics.drying_tau(web.electrode, web.loading, float(excess.mean()), airflow), rng

    def dry(
        self, web: Web, started_at: datetime, at: datetime
    ) -> tuple[float, tuple[ReadingOut, ...], tuple[ReadingOut, ...]]:
        """True residual (ppm), the readings of the strip test (from `started_at`), the residual readings
        (at `at`).
        """
        electrode = web.electrode
        excess, tau, rng = self.dryer(web)
        minutes = np.arange(STRIP_MINUTES + 1, dtype=float)
        strip = physics.strip_mass_g(web.loading, electrode, minutes, tau)
        strip = strip + STRIP_GAUGE_SD_G * rng.standard_normal(len(minutes))
        residual = physics.residual_ppm(electrode, tau) + RESIDUAL_ROLL_SD_PPM * rng.standard_normal()
        residual = max(20.0, residual)
        samples = np.maximum(10.0, residual + RESIDUAL_SD_PPM * rng.standard_normal(SAMPLES))
        weighed = tuple(
            reading("drying.strip_mass_g", mass, started_at + timedelta(minutes=i), position=i)
            for i, mass in enumerate(strip)
        )
        zones = tuple(
            reading("drying.zone_temperature_c", target + over, started_at, position=i)
            for i, (target, over) in enumerate(
                zip(electrode.zone_temperatures_c, excess, strict=True), start=1
            )
        )
        residuals = tuple(
            reading("drying.residual_ppm", s, at, position=i) for i, s in enumerate(samples, start=1)
        )
        return residual, zones + weighed, residuals

    def more_residuals(self, web: Web, at: datetime) -> tuple[ReadingOut, ...]:
        """Further samples of a dried roll, should more be asked for: a random stream of their own."""
        rng = self._rng("more residuals", web.electrode, web.pair)
        samples = np.maximum(10.0, web.residual_ppm + RESIDUAL_SD_PPM * rng.standard_normal(SPARE_SAMPLES))
        return tuple(
            reading("drying.residual_ppm", s, at, position=i)
            for i, s in enumerate(samples, start=SAMPLES + 1)
        )

    def calender(self, web: Web, at: datetime) -> tuple[float, tuple[ReadingOut, ...]]:
        """True porosity (a fraction) and the readings."""
        electrode = web.electrode
        rng = self._rng("calendering", electrode, web.pair)
        z = rng.standard_normal(3)
        shown_load = electrode.line_load_n_mm * (1.0 + LINE_LOAD_SD * z[0])
        load = shown_load * self._faults.line_load_ratio(electrode.name, web.pair)
        gap_ratio = 1.0 + CALENDER_GAP_SD * z[1]
        roll_um = CALENDER_ROLL_SD_UM * z[2]
        spots = self._spots(web, rng)
        total = physics.calendered_um(electrode, spots, load, gap_ratio) + roll_um
        total = total + CALENDER_SPOT_SD_UM * rng.standard_normal((PROFILES, LANES))
        shown = np.asarray(total) + THICKNESS_GAUGE_SD_UM * rng.standard_normal((PROFILES, LANES))
        mean_um = float(physics.calendered_um(electrode, web.loading, load, gap_ratio)) + roll_um
        # The roll gap is smaller than the thickness that it leaves: the electrode springs back by 5 %.
        gap_um = (physics.FOIL_THICKNESS_UM + physics.SIDES * electrode.coating_um * gap_ratio) * 0.95
        readings = (
            reading("calendering.line_load_n_mm", shown_load, at),
            reading("calendering.gap_um", gap_um, at),
            *_profile("calendering.thickness_um", shown, web.profile_mm, at),
        )
        return physics.porosity(electrode, web.loading, mean_um), readings

    def slit(self, web: Web, at: datetime) -> tuple[tuple[float, float], tuple[ReadingOut, ...]]:
        """Burr height (um) of both lanes and the readings."""
        z = self._rng("slitting", web.electrode, web.pair).standard_normal(4)
        burrs = (BURR_UM + BURR_SD_UM * z[0], BURR_UM + BURR_SD_UM * z[1])
        widths = web.electrode.slit_width_mm + WIDTH_SD_MM * z[2:]
        readings = [reading("slitting.width_mm", w, at, position=i) for i, w in enumerate(widths, start=1)]
        readings += [reading("slitting.burr_um", b, at, position=i) for i, b in enumerate(burrs, start=1)]
        return burrs, tuple(readings)


def _profile(
    code: str, values: NDArray[np.float64], profile_mm: tuple[int, ...], at: datetime
) -> tuple[ReadingOut, ...]:
    """Readings of `values` (profiles, lanes)."""
    return tuple(
        reading(code, value, at, position=lane, roll_position_mm=mm)
        for mm, row in zip(profile_mm, values, strict=True)
        for lane, value in enumerate(row, start=1)
    )


def _poisson_quantile(probability: float, mean: float) -> int:
    """The smallest count whose cumulative Poisson probability reaches `probability`."""
    count, term = 0, math.exp(-mean)
    total = term
    while total < probability and count < 10 * mean + 50:
        count += 1
        term *= mean / count
        total += term
    return count
