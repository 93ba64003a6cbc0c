"""Degassing: the gas of formation is drawn off through the pouch; what the cell loses with it is weighed."""

from __future__ import annotations

from lots.science.filling import retained_mass_g
from lots.steps.base import (
    CharacteristicDeclaration,
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    Role,
    StepDeclaration,
)
from lots.steps.filling import BEFORE as DRY_CELL
from lots.steps.readings import compute_one, latest

OPENED = "degassing.mass_before_g"
CLOSED = "degassing.mass_after_g"


def loss(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """What left the cell with the gas."""
    before, after = latest(inputs, OPENED), latest(inputs, CLOSED)
    return compute_one(lambda: retained_mass_g(after.value, before.value), used=(before, after))


def left(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Electrolyte that the cell keeps, against its mass before filling."""
    dry, after = latest(inputs, DRY_CELL), latest(inputs, CLOSED)
    return compute_one(lambda: retained_mass_g(dry.value, after.value), used=(dry, after))


STEP = StepDeclaration(
    code="degassing",
    name="Degassing",
    material_kind="cell",
    optional=True,
    characteristics=(
        CharacteristicDeclaration(
            code="degassing.vacuum_mbar",
            name="Vacuum",
            unit="mbar",
            role=Role.PARAMETER,
            decimals=1,
            gauge_kind="pressure_sensor",
            help="Lowest absolute pressure in the chamber while the pouch was open.",
        ),
        CharacteristicDeclaration(
            code=OPENED,
            name="Cell mass before degassing",
            unit="g",
            decimals=2,
            gauge_kind="balance",
            help="Gross mass with the gas pocket.",
        ),
        CharacteristicDeclaration(
            code=CLOSED,
            name="Cell mass after degassing",
            unit="g",
            decimals=2,
            gauge_kind="balance",
            help="Gross mass after the gas was drawn off; the cut pocket is laid on the balance too.",
        ),
        CharacteristicDeclaration(
            code="degassing.mass_loss_g",
            name="Mass lost with the gas",
            unit="g",
            decimals=2,
            help="Computed: much of it is electrolyte that the vacuum took along.",
        ),
        CharacteristicDeclaration(
            code="degassing.electrolyte_left_g",
            name="Electrolyte left",
            unit="g",
            decimals=2,
            help="Computed: mass after degassing minus mass before filling.",
        ),
    ),
    derivations=(
        DerivationDeclaration(
            output="degassing.mass_loss_g", version=1, inputs={OPENED: 1, CLOSED: 1}, compute=loss
        ),
        DerivationDeclaration(
            output="degassing.electrolyte_left_g", version=1, inputs={DRY_CELL: 1, CLOSED: 1}, compute=left
        ),
    ),
)
