"""Slitting: a mother roll becomes daughter rolls, one per lane."""

from __future__ import annotations

from lots.steps.base import CharacteristicDeclaration, PositionKind, StepDeclaration

STEP = StepDeclaration(
    code="slitting",
    name="Slitting",
    material_kind="mother_roll",
    characteristics=(
        CharacteristicDeclaration(
            code="slitting.width_mm",
            name="Slit width",
            unit="mm",
            position=PositionKind.LANE,
            decimals=2,
            gauge_kind="width_gauge",
            help="Width of each daughter roll, in lanes 1 and 2.",
        ),
        CharacteristicDeclaration(
            code="slitting.burr_um",
            name="Burr height",
            unit="um",
            position=PositionKind.LANE,
            decimals=1,
            gauge_kind="microscope",
            help="Highest burr on the cut edge under the microscope; a long burr pierces the separator.",
        ),
    ),
)
