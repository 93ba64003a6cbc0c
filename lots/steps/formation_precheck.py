"""Formation pre-check: a cell whose rest voltage is missing or out is not charged (handbook 7.4)."""

from __future__ import annotations

from lots.steps.base import CharacteristicDeclaration, Role, StepDeclaration

STEP = StepDeclaration(
    code="formation_precheck",
    name="Formation pre-check",
    material_kind="cell",
    optional=True,
    characteristics=(
        CharacteristicDeclaration(
            code="formation_precheck.rest_h",
            name="Rest before the check",
            unit="h",
            role=Role.PARAMETER,
            decimals=1,
            help="Time from the seal to the reading; the electrolyte wets meanwhile.",
        ),
        CharacteristicDeclaration(
            code="formation_precheck.ocv_v",
            name="Rest voltage before formation",
            unit="V",
            decimals=4,
            gauge_kind="multimeter",
            help="Open-circuit voltage before the first charge; near zero it is a short, far off a wrong build.",
        ),
        CharacteristicDeclaration(
            code="formation_precheck.resistance_mohm",
            name="Resistance at 1 kHz",
            unit="mOhm",
            decimals=3,
            gauge_kind="micro_ohmmeter",
            help="Early impedance: its spread in a lot shows how evenly the cells are wetted.",
        ),
    ),
)
