"""Resealing: the final seam is welded after degassing."""

from __future__ import annotations

from lots.steps.base import CharacteristicDeclaration, DataType, Role, StepDeclaration

STEP = StepDeclaration(
    code="resealing",
    name="Resealing",
    material_kind="cell",
    optional=True,
    characteristics=(
        CharacteristicDeclaration(
            code="resealing.bar_temperature_c",
            name="Sealing bar temperature",
            unit="Cel",
            role=Role.PARAMETER,
            decimals=0,
            gauge_kind="thermometer",
            help="Temperature of the bar while the seam was welded.",
        ),
        CharacteristicDeclaration(
            code="resealing.seam_width_mm",
            name="Seam width",
            unit="mm",
            decimals=2,
            gauge_kind="width_gauge",
            help="Narrowest place of the final seam.",
        ),
        CharacteristicDeclaration(
            code="resealing.seam_clean",
            name="Seam without inclusion",
            unit="1",
            role=Role.CHECK,
            data_type=DataType.PASS_FAIL,
            decimals=0,
            help="Passed when no electrolyte, fold or bubble stands in the seam.",
        ),
    ),
)
