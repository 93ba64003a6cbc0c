"""A first charge against the band of good cells, and what it shows besides.

The charge is normalised to Q/Q_end on 97 points from 2 to 98 %; the band is the median ± 4·max(1.4826·MAD, 3 mV).
This normalisation hides a low capacity, so the end capacity has a band of its own. So have the traits of the curve that
the detectors of handbook 7.5 look at, upwards: median + 4·max(1.4826·MAD, least sigma).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lots.science.formation.detectors import (
    MAD_TO_SIGMA,
    SHARE,
    capacity_at_voltage_ah,
    is_noisy,
    rises_too_fast,
)
from lots.science.formation.first_charge import FirstCharge

WIDTH = 4.0
LEAST_SIGMA_V = 0.003
MIN_CELLS = 20
OUT_PCT = 10.0
# The early part of the charge, in which a bad contact shows: the voltage that good cells have at this share of it.
EARLY_SHARE = 0.25
# Least sigmas, all assumptions: the handbook gives no numbers.
_LEAST_CHARGE, _LEAST_RESISTANCE = 0.03, 0.02  # relative
_LEAST_REVERSALS, _LEAST_EXCURSION_C = 1.0, 0.5
# Formulas 9: the quietest instrument shows 0.085 mV.
_LEAST_NOISE_V = 5e-5


class Alarm(StrEnum):
    """What a curve shows, named by what it points to in the handbook's table."""

    OUT_OF_BAND = "out_of_band"
    CAPACITY_OUT_OF_BAND = "capacity_out_of_band"
    RISES_TOO_FAST = "rises_too_fast"
    NOISY = "noisy"
    IRREGULAR_PLATEAU = "irregular_plateau"
    TEMPERATURE_EXCURSION = "temperature_excursion"
    EARLY_CUTOFF = "early_cutoff"


# Handbook 7.5: the causes of the detectors; what to open first is ours.
LOOK_AT = {
    Alarm.OUT_OF_BAND: "The first charge leaves the band: look where it leaves it, then at loading and recipe.",
    Alarm.CAPACITY_OUT_OF_BAND: "The capacity leaves the band: look at loading, electrode pairing and fill mass, and"
    " at other cells of this channel.",
    Alarm.RISES_TOO_FAST: "The voltage rises too fast: look at contact (tab welds, clamps), then at utilisation"
    " (wetting, porosity).",
    Alarm.NOISY: "The voltage is noisy: look at wetting and trapped gas, then at the leads of this channel.",
    Alarm.IRREGULAR_PLATEAU: "The plateau is irregular: look at wetting (vacuum and soak of filling) and at the"
    " interface (water).",
    Alarm.TEMPERATURE_EXCURSION: "The temperature leaves its course: look at the resistance of cell and contacts, and"
    " at the log of the chamber.",
    Alarm.EARLY_CUTOFF: "A half cycle ended before its cut-off: classify it now; look at the step's limits, contact"
    " and resistance.",
}


@dataclass(frozen=True)
class Traits:
    """Limits of what good cells show besides their curve, None where too few of them tell.

    `early_ah` is the least charge moved until `early_v`; `resistance_mohm`, `reversals` and `excursion_c` are the most;
    `noise_v` is the median.
    """

    early_v: float
    early_ah: float | None
    resistance_mohm: float | None
    noise_v: float | None
    reversals: float | None
    excursion_c: float | None


@dataclass(frozen=True)
class VoltageBand:
    """Median and robust sigma of voltage, V, at each share of the charge, shape (97,); the same of the capacity.

    A band belongs to one protocol version. `provisional` bands (fewer than 20 cells) must not judge.
    """

    protocol: str
    median_v: NDArray[np.float64]
    sigma_v: NDArray[np.float64]
    median_ah: float
    sigma_ah: float
    cells: int
    traits: Traits

    @property
    def provisional(self) -> bool:
        return self.cells < MIN_CELLS

    @property
    def lower_v(self) -> NDArray[np.float64]:
        return self.median_v - WIDTH * self.sigma_v

    @property
    def upper_v(self) -> NDArray[np.float64]:
        return self.median_v + WIDTH * self.sigma_v


@dataclass(frozen=True)
class BandVerdict:
    """Share of points outside the band and largest deviation in sigmas; `alarms` is empty when all is well.

    `unseen` are the alarms that could not be looked for: the records, or those of the good cells, do not tell.
    """

    out_pct: float
    max_z: float
    capacity_z: float
    alarms: tuple[Alarm, ...]
    unseen: tuple[Alarm, ...]


def voltage_band(charges: Sequence[FirstCharge], *, protocol: str) -> VoltageBand:
    """Band of the first charges of good cells, all of one protocol version.

    Raises:
        ValueError: no charge.
    """
    if not charges:
        raise ValueError("charges must hold the first charge of a good cell, better of twenty")
    curves = np.stack([charge.curve_v for charge in charges])
    median = np.median(curves, axis=0)
    sigma = MAD_TO_SIGMA * np.median(np.abs(curves - median), axis=0)
    middle, spread = _middle([charge.end_ah for charge in charges])
    return VoltageBand(
        protocol=protocol,
        median_v=median,
        sigma_v=np.maximum(sigma, LEAST_SIGMA_V),
        median_ah=middle,
        sigma_ah=max(spread, 1e-3 * middle),
        cells=len(charges),
        traits=_traits(charges, early_v=float(np.interp(EARLY_SHARE, SHARE, median))),
    )


def compare_with_band(charge: FirstCharge, band: VoltageBand, *, protocol: str) -> BandVerdict:
    """Judge a first charge. Out of the band when more than 10 % of its points are outside.

    Raises:
        ValueError: the curve ran under another protocol version than the band.
    """
    if protocol != band.protocol:
        raise ValueError(
            f"protocol {protocol} does not compare with a band of {band.protocol}: a changed profile needs a"
            " new baseline"
        )
    z = (charge.curve_v - band.median_v) / band.sigma_v
    out_pct = 100.0 * float(np.mean(np.abs(z) > WIDTH))
    capacity_z = (charge.end_ah - band.median_ah) / band.sigma_ah
    looked = {
        Alarm.OUT_OF_BAND: out_pct > OUT_PCT,
        Alarm.CAPACITY_OUT_OF_BAND: abs(capacity_z) > WIDTH,
        **_detect(charge, band.traits),
    }
    return BandVerdict(
        out_pct,
        float(np.max(np.abs(z))),
        capacity_z,
        alarms=tuple(alarm for alarm, is_so in looked.items() if is_so),
        unseen=tuple(alarm for alarm, is_so in looked.items() if is_so is None),
    )


def _detect(charge: FirstCharge, good: Traits) -> dict[Alarm, bool | None]:
    """Each detector's answer, None where it cannot look."""
    noisy = irregular = warm = None
    if charge.noise_v is not None and good.noise_v is not None:
        noisy = is_noisy(charge.noise_v, good.noise_v)
    if good.reversals is not None:
        irregular = charge.reversals > good.reversals
    if charge.excursion_c is not None and good.excursion_c is not None:
        warm = charge.excursion_c > good.excursion_c
    return {
        Alarm.RISES_TOO_FAST: _rises_too_fast(charge, good),
        Alarm.NOISY: noisy,
        Alarm.IRREGULAR_PLATEAU: irregular,
        Alarm.TEMPERATURE_EXCURSION: warm,
    }


def _rises_too_fast(charge: FirstCharge, good: Traits) -> bool | None:
    """Formulas 9: less charge until an early voltage than good cells take, or a larger jump at the start."""
    answers = []
    if good.early_ah is not None:
        early_ah = capacity_at_voltage_ah(charge.curve_v, SHARE * charge.end_ah, good.early_v)
        answers.append(early_ah is not None and early_ah < good.early_ah)
    if charge.jump_v is not None and charge.jump_a is not None and good.resistance_mohm is not None:
        answers.append(
            rises_too_fast(charge.jump_v, charge.jump_a, resistance_limit_mohm=good.resistance_mohm)
        )
    return any(answers) if answers else None


def _traits(charges: Sequence[FirstCharge], *, early_v: float) -> Traits:
    early = [
        ah
        for charge in charges
        if (ah := capacity_at_voltage_ah(charge.curve_v, SHARE * charge.end_ah, early_v)) is not None
    ]
    resistances = [
        1e3 * charge.jump_v / abs(charge.jump_a) for charge in charges if charge.jump_v and charge.jump_a
    ]
    noises = [charge.noise_v for charge in charges if charge.noise_v is not None]
    least_early = None
    if len(early) >= MIN_CELLS:
        middle, spread = _middle(early)
        least_early = middle - WIDTH * max(spread, _LEAST_CHARGE * middle)
    return Traits(
        early_v=early_v,
        early_ah=least_early,
        resistance_mohm=_most(resistances, relative=_LEAST_RESISTANCE),
        noise_v=max(float(np.median(noises)), _LEAST_NOISE_V) if len(noises) >= MIN_CELLS else None,
        reversals=_most([charge.reversals for charge in charges], least=_LEAST_REVERSALS),
        excursion_c=_most(
            [charge.excursion_c for charge in charges if charge.excursion_c is not None],
            least=_LEAST_EXCURSION_C,
        ),
    )


def _most(values: Sequence[float], *, least: float = 0.0, relative: float = 0.0) -> float | None:
    """Upper limit of a trait; None where fewer than 20 good cells have it."""
    if len(values) < MIN_CELLS:
        return None
    middle, spread = _middle(values)
    return middle + WIDTH * max(spread, least, relative * middle)


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """Median and robust sigma."""
    middle = float(np.median(values))
    return middle, MAD_TO_SIGMA * float(np.median(np.abs(np.asarray(values, dtype=np.float64) - middle)))
