"""Ageing: cells rest, and the fall of their open-circuit voltage shows soft shorts (K value)."""

from __future__ import annotations

from lots.science.ageing import SelfDischarge, self_discharge
from lots.steps.base import (
    CharacteristicDeclaration,
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    NotComputable,
    PositionKind,
    Role,
    StepDeclaration,
)
from lots.steps.readings import by_position, ids

OCV = "ageing.ocv_v"
RECIPE = ("ocv_reading_u_mv", "ageing_least_days")


def _discharge(inputs: DerivationInputs) -> tuple[SelfDischarge, tuple[int, ...]]:
    readings = tuple(by_position(inputs, OCV).values())
    try:
        found = self_discharge(
            [reading.at_s for reading in readings],
            [reading.value for reading in readings],
            reading_u_mv=inputs.recipe["ocv_reading_u_mv"],
            least_days=inputs.recipe["ageing_least_days"],
        )
    except ValueError as error:
        raise NotComputable(str(error)) from error
    return found, ids(readings)


def k_value(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Loss of voltage a day over all readings."""
    found, used = _discharge(inputs)
    return (DerivedReading(value=found.k_mv_day, input_ids=used),)


def k_uncertainty(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Standard uncertainty of the K value."""
    found, used = _discharge(inputs)
    return (DerivedReading(value=found.u_mv_day, input_ids=used),)


STEP = StepDeclaration(
    code="ageing",
    name="Ageing",
    material_kind="cell",
    optional=True,
    characteristics=(
        CharacteristicDeclaration(
            code=OCV,
            name="Voltage in ageing",
            unit="V",
            position=PositionKind.REPLICATE,
            decimals=4,
            gauge_kind="multimeter",
            help="Open-circuit voltage at the temperature of the store; readings 1, 2, … on different days.",
        ),
        CharacteristicDeclaration(
            code="ageing.temperature_c",
            name="Store temperature",
            unit="Cel",
            role=Role.PARAMETER,
            decimals=1,
            gauge_kind="thermometer",
            help="Temperature of the ageing store; K values of different temperatures do not compare.",
        ),
        CharacteristicDeclaration(
            code="ageing.k_mv_day",
            name="K value",
            unit="mV/d",
            decimals=3,
            help="Computed: fall of the open-circuit voltage a day, by the line through all readings.",
        ),
        CharacteristicDeclaration(
            code="ageing.k_u_mv_day",
            name="Uncertainty of the K value",
            unit="mV/d",
            decimals=3,
            help="Computed: its standard uncertainty, from the voltmeter and from the scatter about the line.",
        ),
    ),
    derivations=(
        DerivationDeclaration(
            output="ageing.k_mv_day", version=1, inputs={OCV: 2}, compute=k_value, recipe=RECIPE
        ),
        DerivationDeclaration(
            output="ageing.k_u_mv_day", version=1, inputs={OCV: 2}, compute=k_uncertainty, recipe=RECIPE
        ),
    ),
)
