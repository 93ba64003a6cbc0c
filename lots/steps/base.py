"""The one shape in which every process step declares what is measured, set, checked and derived.

Declarations are plain data. `lots.actions.load_masters` writes them to the database; forms, charts, gates and
derived values all follow from them, so a new step is a new module here and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Role(StrEnum):
    CHARACTERISTIC = "characteristic"
    PARAMETER = "parameter"
    CHECK = "check"


class DataType(StrEnum):
    VARIABLE = "variable"
    PROPORTION = "proportion"  # a count out of `sample_size`
    COUNT = "count"
    PASS_FAIL = "pass_fail"


class PositionKind(StrEnum):
    NONE = "none"
    LANE = "lane"
    CROSS_WEB_MM = "cross_web_mm"
    METRE = "metre"
    ZONE = "zone"
    CYCLE = "cycle"
    REPLICATE = "replicate"


class SubjectKind(StrEnum):
    LOT = "lot"
    ZONE = "zone"
    EQUIPMENT = "equipment"
    GAUGE = "gauge"


@dataclass(frozen=True)
class CharacteristicDeclaration:
    """One thing that is measured, set or checked. `unit` is a UCUM code; `decimals` is for display only."""

    code: str
    name: str
    unit: str
    role: Role = Role.CHARACTERISTIC
    data_type: DataType = DataType.VARIABLE
    position: PositionKind = PositionKind.NONE
    subject: SubjectKind = SubjectKind.LOT
    decimals: int = 3
    gauge_kind: str = ""
    help: str = ""


@dataclass(frozen=True)
class Reading:
    """A current value of an input characteristic. `at_s` are seconds since the epoch (UTC)."""

    value: float
    position: Decimal | None = None
    roll_position_mm: int | None = None
    at_s: float = 0.0
    id: int = 0


@dataclass(frozen=True)
class OpenExposure:
    """A closed open-interval of a container, with the zone's frost-point series that covers it.

    `series_t_s` seconds since the epoch, `frost_point_c` in °C over ice, `air_temperature_c` in °C.
    """

    opened_at_s: float
    closed_at_s: float
    series_t_s: tuple[float, ...]
    frost_point_c: tuple[float, ...]
    air_temperature_c: float


@dataclass(frozen=True)
class DerivationInputs:
    """Everything a derivation may look at: current readings by code, recipe parameters, exposures."""

    readings: Mapping[str, tuple[Reading, ...]]
    recipe: Mapping[str, float]
    exposures: tuple[OpenExposure, ...] = ()


@dataclass(frozen=True)
class DerivedReading:
    """One computed value in the output characteristic's unit, with the ids of the readings that it used."""

    value: float
    position: Decimal | None = None
    roll_position_mm: int | None = None
    input_ids: tuple[int, ...] = ()


class NotComputable(Exception):
    """The inputs are complete but no valid value exists; the message says why. The value stays missing."""


@dataclass(frozen=True)
class DerivationDeclaration:
    """How one characteristic follows from others.

    `inputs` maps an input code to the number of readings needed before it is attempted; inputs may belong
    to earlier steps of the same lot. `compute` returns all output readings that can be computed now.
    `at_step_end`: a summary of everything the step recorded, computed once when the step is finished.
    """

    output: str
    version: int
    inputs: Mapping[str, int]
    compute: Callable[[DerivationInputs], tuple[DerivedReading, ...]]
    recipe: tuple[str, ...] = ()
    needs_exposures: bool = False
    at_step_end: bool = False


@dataclass(frozen=True)
class StepDeclaration:
    """A process step: its code, its name and what it declares. `material_kind` is what it runs on.

    `optional`: a route may leave it out. `keeps` names the recipe parameter that says how many hours its result keeps:
    a lot that was not used by then does the step again.
    """

    code: str
    name: str
    material_kind: str
    characteristics: tuple[CharacteristicDeclaration, ...]
    derivations: tuple[DerivationDeclaration, ...] = field(default=())
    optional: bool = False
    keeps: str = ""
