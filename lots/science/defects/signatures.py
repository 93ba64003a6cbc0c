"""Signatures of defect families: reviewable rows, changed by review and never by fitting.

Handbook 7.3, 7.5, 12.3 and 12.4. Each symptom says in which direction a feature moves, as a robust z-score against the
lot and its baseline. A weight of 2 is a symptom that the family hardly goes without, 1 one that comes with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    CONTACT = "contact"
    WETTING_OR_GAS = "wetting_or_trapped_gas"
    UNDERFILL = "underfill"
    MOISTURE = "moisture"
    DRYING_RESIDUE = "drying_residue"
    OVER_CALENDERING = "over_calendering"
    LOADING_MISMATCH = "loading_mismatch"
    CYCLER_CHANNEL = "cycler_channel"
    UNCLASSIFIED = "unclassified"


class Feature(StrEnum):
    """What is compared with the lot. The value after the name of a feature is how it is measured."""

    R_HF = "r_hf"
    R_MID = "r_mid"
    DIFFUSION = "diffusion"
    OHMIC_JUMP = "ohmic_jump"
    NOISE = "noise"
    CAPACITY = "capacity"
    FCE = "fce"
    RATE_CAPACITY = "rate_capacity"
    RESISTANCE_GROWTH = "resistance_growth"
    FILL_MASS = "fill_mass"
    DOSE = "dose"
    RESIDUAL_SOLVENT = "residual_solvent"
    ENDPOINT_TIME = "endpoint_time"
    POROSITY = "porosity"
    NP_RATIO = "np_ratio"
    CHANNEL_EFFECT = "channel_effect"
    OCV_LOSS = "ocv_loss"

    @property
    def words(self) -> str:
        """What it is, for people."""
        spelled = {
            "r_hf": "high-frequency resistance",
            "r_mid": "mid-frequency resistance",
            "fce": "first-cycle efficiency",
            "np_ratio": "N/P ratio",
            "ocv_loss": "loss of rest voltage",
        }
        return spelled.get(self.value, self.value.replace("_", " "))


MEASUREMENT = {
    Feature.R_HF: "impedance at high frequency, same state of charge and temperature",
    Feature.R_MID: "mid-frequency arc of the impedance, same state of charge and temperature",
    Feature.DIFFUSION: "low-frequency tail of the impedance, down to 10 mHz",
    Feature.OHMIC_JUMP: "voltage 10 s after the start of the first charge",
    Feature.NOISE: "noise of the voltage curve",
    Feature.CAPACITY: "discharge capacity at the formation rate",
    Feature.FCE: "first-cycle efficiency with both cut-offs reached",
    Feature.RATE_CAPACITY: "capacity at a moderate and a high rate",
    Feature.RESISTANCE_GROWTH: "resistance at two checkpoints of formation",
    Feature.FILL_MASS: "mass before filling and after the seal",
    Feature.DOSE: "moisture dose of the lot from open times and frost points",
    Feature.RESIDUAL_SOLVENT: "residual solvent by Karl Fischer or gas chromatography on a retained strip",
    Feature.ENDPOINT_TIME: "mass-time curve of the drying lot",
    Feature.POROSITY: "thickness and loading of the parent roll",
    Feature.NP_RATIO: "punch weights of both parent rolls",
    Feature.CHANNEL_EFFECT: "the same cell on another channel, another cell on this one",
    Feature.OCV_LOSS: "open-circuit voltage over a week of rest",
}


@dataclass(frozen=True)
class Symptom:
    feature: Feature
    direction: int
    weight: float


@dataclass(frozen=True)
class Signature:
    """`symptoms` speak for the family when present and against it when measured and absent.

    `excludes` are features whose deviation in the given direction speaks against it, whatever else is seen. `cause` is
    the symptom that is no effect but the cause itself, as the step before measured it: far out, and with nothing else
    odd in the cell, it names the family before any effect stands out of the scatter of cells.
    """

    family: Family
    step: str
    symptoms: tuple[Symptom, ...]
    excludes: tuple[Symptom, ...] = ()
    cause: Feature | None = None


def _up(feature: Feature, weight: float = 1.0) -> Symptom:
    return Symptom(feature, +1, weight)


def _down(feature: Feature, weight: float = 1.0) -> Symptom:
    return Symptom(feature, -1, weight)


SIGNATURES: tuple[Signature, ...] = (
    Signature(
        Family.CONTACT,
        "stacking",
        (_up(Feature.R_HF, 2), _up(Feature.OHMIC_JUMP, 2)),
        excludes=(_down(Feature.FILL_MASS), _up(Feature.R_MID), _up(Feature.NOISE)),
    ),
    Signature(
        Family.WETTING_OR_GAS,
        "filling",
        (
            *(_up(Feature.NOISE, 2), _up(Feature.R_MID, 2), _up(Feature.DIFFUSION), _up(Feature.R_HF)),
            *(_down(Feature.CAPACITY), _down(Feature.RATE_CAPACITY), _up(Feature.OHMIC_JUMP)),
        ),
        excludes=(_down(Feature.FILL_MASS), _up(Feature.RESIDUAL_SOLVENT), _up(Feature.DOSE)),
    ),
    # All of the area at work, and pores that took the electrolyte up badly: ions go a longer way, which resistance and
    # noise show, and at the slow rate of formation there is time for the whole capacity. A gas pocket is the former.
    Signature(
        Family.WETTING_OR_GAS,
        "filling",
        (
            *(_up(Feature.NOISE, 2), _up(Feature.R_MID, 2), _up(Feature.DIFFUSION), _up(Feature.R_HF)),
            _up(Feature.OHMIC_JUMP),
        ),
        excludes=(_down(Feature.FILL_MASS), _up(Feature.RESIDUAL_SOLVENT), _up(Feature.DOSE)),
    ),
    Signature(
        Family.UNDERFILL,
        "filling",
        (
            *(_down(Feature.FILL_MASS, 2), _down(Feature.CAPACITY), _up(Feature.R_HF)),
            *(_up(Feature.R_MID), _down(Feature.RATE_CAPACITY), _up(Feature.OHMIC_JUMP)),
        ),
        cause=Feature.FILL_MASS,
    ),
    Signature(
        Family.MOISTURE,
        "dry_room",
        (_up(Feature.DOSE, 2), _down(Feature.FCE, 2), _up(Feature.R_MID), _up(Feature.RESISTANCE_GROWTH)),
        excludes=(_up(Feature.RESIDUAL_SOLVENT),),
        cause=Feature.DOSE,
    ),
    Signature(
        Family.DRYING_RESIDUE,
        "drying",
        (
            *(_up(Feature.RESIDUAL_SOLVENT, 2), _down(Feature.ENDPOINT_TIME), _up(Feature.NOISE)),
            *(_up(Feature.RESISTANCE_GROWTH, 2), _down(Feature.FCE)),
        ),
        cause=Feature.RESIDUAL_SOLVENT,
    ),
    # A dryer that takes too little away: the endpoint comes late and solvent stays all the same.
    Signature(
        Family.DRYING_RESIDUE,
        "drying",
        (_up(Feature.RESIDUAL_SOLVENT, 2), _up(Feature.ENDPOINT_TIME, 2), _down(Feature.FCE)),
        cause=Feature.RESIDUAL_SOLVENT,
    ),
    Signature(
        Family.OVER_CALENDERING,
        "calendering",
        (_down(Feature.POROSITY, 2), _up(Feature.DIFFUSION, 2), _down(Feature.RATE_CAPACITY, 2)),
        excludes=(_down(Feature.NP_RATIO, 2), _up(Feature.NP_RATIO, 2)),
        cause=Feature.POROSITY,
    ),
    # A heavier cathode under the same calender gap is denser, too: the loading comes first.
    Signature(
        Family.LOADING_MISMATCH,
        "coating",
        (
            *(_down(Feature.NP_RATIO, 2), _down(Feature.POROSITY), _up(Feature.DIFFUSION)),
            _up(Feature.CAPACITY),
        ),
        cause=Feature.NP_RATIO,
    ),
    Signature(
        Family.LOADING_MISMATCH,
        "coating",
        (_down(Feature.NP_RATIO, 2), _down(Feature.FCE), _down(Feature.CAPACITY)),
        cause=Feature.NP_RATIO,
    ),
    Signature(
        Family.LOADING_MISMATCH,
        "coating",
        (_up(Feature.NP_RATIO, 2), _down(Feature.FCE), _down(Feature.CAPACITY)),
        cause=Feature.NP_RATIO,
    ),
    Signature(
        Family.CYCLER_CHANNEL,
        "formation",
        (_up(Feature.CHANNEL_EFFECT, 3),),
    ),
)
# A bad channel shows in what the cycler measures and in nothing that was measured elsewhere.
BY_THE_CYCLER = frozenset(
    {Feature.CAPACITY, Feature.FCE, Feature.OHMIC_JUMP, Feature.NOISE, Feature.RATE_CAPACITY}
)
