"""Cells with a known fault, from the causes and not from their signatures.

A cell has causes (contact resistance, wetted share, filled mass, moisture dose, residual solvent, porosity, loadings,
gain and noise of its channel); features follow from them by simple physics with the scatter of good cells. Faults move
causes only. Nothing here knows the rules that are scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lots.science.defects.signatures import Family, Feature

NOMINAL_AH = 20.0


@dataclass(frozen=True)
class Causes:
    """What a cell is. `severity` of a fault scales how far its cause has moved."""

    contact_mohm: float = 0.10
    wetted: float = 1.0
    gas: float = 0.0
    fill_g: float = 60.0
    dose_g_h_m3: float = 0.08
    solvent_ppm: float = 300.0
    endpoint_min: float = 22.0
    porosity: float = 0.33
    anode_loading: float = 13.1
    cathode_loading: float = 26.8
    channel_gain: float = 1.0
    channel_noise: float = 0.0
    channel_offset_v: float = 0.0
    leak_ma: float = 0.05


@dataclass(frozen=True)
class Physics:
    """Strength of each dependency: another line has others, which the rules have not seen."""

    moisture_on_fce: float = 9.0
    moisture_on_r: float = 2.0
    solvent_on_growth: float = 0.010
    solvent_on_noise: float = 0.0012
    gas_on_noise: float = 3.0
    wetting_on_r: float = 2.0
    tortuosity: float = 1.5
    scatter: float = 1.0


def another_line(rng: np.random.Generator) -> Physics:
    """Physics not used while the rules were written: every strength moved by up to a third."""
    base = Physics()
    moved = {name: getattr(base, name) * rng.uniform(0.67, 1.33) for name in base.__dataclass_fields__}
    return replace(base, **moved)


def good(rng: np.random.Generator, physics: Physics) -> Causes:
    s = physics.scatter
    return Causes(
        contact_mohm=0.10 + s * 0.008 * rng.standard_normal(),
        wetted=1.0 - abs(s * 0.01 * rng.standard_normal()),
        gas=abs(s * 0.01 * rng.standard_normal()),
        fill_g=60.0 + s * 0.30 * rng.standard_normal(),
        dose_g_h_m3=0.08 + s * 0.012 * rng.standard_normal(),
        solvent_ppm=300.0 + s * 50.0 * rng.standard_normal(),
        endpoint_min=22.0 + s * 0.8 * rng.standard_normal(),
        porosity=0.33 + s * 0.008 * rng.standard_normal(),
        anode_loading=13.1 + s * 0.07 * rng.standard_normal(),
        cathode_loading=26.8 + s * 0.10 * rng.standard_normal(),
        leak_ma=0.05 + s * 0.01 * abs(rng.standard_normal()),
    )


# No fault of the rules: a soft short, which shows in the loss of open-circuit voltage alone.
SOFT_SHORT = "soft_short"
FAULTS: tuple[str, ...] = tuple(family for family in Family if family is not Family.UNCLASSIFIED)


def with_fault(causes: Causes, fault: str, severity: float, rng: np.random.Generator) -> Causes:
    """Move the cause of one fault; `severity` 1 is what an engineer would call clear."""
    match fault:
        case Family.CONTACT:
            return replace(causes, contact_mohm=causes.contact_mohm + 0.25 * severity)
        case Family.WETTING_OR_GAS:
            return replace(causes, wetted=causes.wetted - 0.14 * severity, gas=causes.gas + 0.20 * severity)
        case Family.UNDERFILL:
            return replace(causes, fill_g=causes.fill_g - 4.0 * severity)
        case Family.MOISTURE:
            return replace(causes, dose_g_h_m3=causes.dose_g_h_m3 + 0.45 * severity)
        case Family.DRYING_RESIDUE:
            return replace(
                causes,
                solvent_ppm=causes.solvent_ppm + 900.0 * severity,
                endpoint_min=causes.endpoint_min - 6.0 * severity,
            )
        case Family.OVER_CALENDERING:
            return replace(causes, porosity=causes.porosity - 0.085 * severity)
        case Family.LOADING_MISMATCH:
            sign = rng.choice([-1.0, 1.0])
            return replace(causes, anode_loading=causes.anode_loading * (1 + 0.10 * sign * severity))
        case Family.CYCLER_CHANNEL:
            return replace(
                causes,
                channel_gain=causes.channel_gain * (1 - 0.03 * severity),
                channel_noise=causes.channel_noise + 0.5 * severity,
                channel_offset_v=causes.channel_offset_v + 0.006 * severity,
            )
        case "soft_short":
            return replace(causes, leak_ma=causes.leak_ma + 1.5 * severity)
    raise ValueError(f"no fault {fault!r}")


def features(causes: Causes, physics: Physics, rng: np.random.Generator) -> dict[Feature, float]:
    """What is measured of a cell, with the repeatability of its instruments."""

    def measured(value: float, relative: float) -> float:
        return value * (1 + physics.scatter * relative * rng.standard_normal())

    starved = max(0.0, 60.0 - causes.fill_g) / 60.0
    wetted = causes.wetted * (1.0 - 1.3 * starved)
    water = max(0.0, causes.dose_g_h_m3 - 0.05)
    solvent = max(0.0, causes.solvent_ppm - 200.0)
    pores = (0.33 / causes.porosity) ** physics.tortuosity
    r_hf = 0.75 / (0.5 + 0.5 * wetted) + causes.contact_mohm + 0.15 / wetted
    r_mid = 1.5 * wetted**-physics.wetting_on_r * (1 + physics.moisture_on_r * 0.35 * water)
    np_ratio = 1.15 * (causes.anode_loading / 13.1) / (causes.cathode_loading / 26.8)
    off_balance = abs(np_ratio / 1.15 - 1.0)
    fce = 85.0 - physics.moisture_on_fce * water - 0.0008 * solvent - 14.0 * max(0.0, off_balance - 0.02)
    capacity = (
        NOMINAL_AH * (causes.cathode_loading / 26.8) * (1 - 0.35 * (1 - wetted)) * min(1.0, np_ratio / 1.08)
    )
    growth = 4.0 + physics.solvent_on_growth * solvent + 6.0 * water
    noise = 0.10 * (1 + physics.gas_on_noise * causes.gas * 4 + physics.solvent_on_noise * solvent)
    jump = 2.0 * (r_hf + 0.4 * r_mid) + 1000 * causes.channel_offset_v
    return {
        Feature.R_HF: measured(r_hf, 0.015),
        Feature.R_MID: measured(r_mid, 0.02),
        Feature.DIFFUSION: measured(1.0 * pores / wetted**0.5, 0.03),
        Feature.OHMIC_JUMP: measured(jump, 0.015),
        Feature.NOISE: measured(noise + 0.1 * causes.channel_noise, 0.08),
        Feature.CAPACITY: measured(capacity * causes.channel_gain, 0.004),
        Feature.FCE: measured(fce, 0.004),
        Feature.RATE_CAPACITY: measured(0.85 * (1 - 0.35 * (pores - 1)) * (1 - 0.5 * (1 - wetted)), 0.01),
        Feature.RESISTANCE_GROWTH: measured(growth, 0.10),
        Feature.FILL_MASS: measured(causes.fill_g, 0.0005),
        Feature.DOSE: measured(causes.dose_g_h_m3, 0.05),
        Feature.RESIDUAL_SOLVENT: measured(causes.solvent_ppm, 0.05),
        Feature.ENDPOINT_TIME: measured(causes.endpoint_min, 0.01),
        Feature.POROSITY: measured(causes.porosity, 0.015),
        Feature.NP_RATIO: measured(np_ratio, 0.003),
        Feature.CHANNEL_EFFECT: (1 - causes.channel_gain) / 0.002 + rng.standard_normal(),
        Feature.OCV_LOSS: measured(2.0 + 8.0 * (causes.leak_ma - 0.05), 0.10),
    }


@dataclass(frozen=True)
class Made:
    """A cell as measured, with the truth about it."""

    truth: tuple[str, ...]
    features: dict[Feature, float] = field(repr=False)


def make(
    count: int,
    faults: Sequence[tuple[str, ...]],
    *,
    seed: int,
    physics: Physics | None = None,
    severity: tuple[float, float] = (0.6, 1.4),
) -> list[Made]:
    """`count` cells that take the fault combinations in turn; an empty combination is a good cell."""
    rng = np.random.default_rng(seed)
    world = physics or Physics()
    cells = []
    for index in range(count):
        truth = faults[index % len(faults)]
        causes = good(rng, world)
        for fault in truth:
            causes = with_fault(causes, fault, rng.uniform(*severity), rng)
        cells.append(Made(truth, features(causes, world, rng)))
    return cells


def values(cells: Sequence[Made]) -> dict[Feature, np.ndarray]:
    """One row a feature, for a reference."""
    return {feature: np.array([cell.features[feature] for cell in cells]) for feature in cells[0].features}
