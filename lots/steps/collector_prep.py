"""Collector preparation: foil is cleaned, rinsed and treated, and is to be coated before its surface ages (6.3)."""

from __future__ import annotations

from lots.steps.base import CharacteristicDeclaration, DataType, Role, StepDeclaration

STEP = StepDeclaration(
    code="collector_prep",
    name="Collector preparation",
    material_kind="collector",
    optional=True,
    keeps="collector_window_h",
    characteristics=(
        CharacteristicDeclaration(
            code="collector_prep.cleaning_min",
            name="Cleaning time",
            unit="min",
            role=Role.PARAMETER,
            decimals=1,
            help="Time of the foil in the cleaning bath.",
        ),
        CharacteristicDeclaration(
            code="collector_prep.concentration_pct",
            name="Cleaner concentration",
            unit="%",
            role=Role.PARAMETER,
            decimals=2,
            help="Concentration of the bath by titration or conductivity, before the roll runs.",
        ),
        CharacteristicDeclaration(
            code="collector_prep.rinsed",
            name="Rinsed clean",
            unit="1",
            role=Role.CHECK,
            data_type=DataType.PASS_FAIL,
            decimals=0,
            help="Passed when the last rinse leaves no film and its conductivity is that of the water.",
        ),
        CharacteristicDeclaration(
            code="collector_prep.plasma_power_w",
            name="Plasma power",
            unit="W",
            role=Role.PARAMETER,
            decimals=0,
            gauge_kind="power_meter",
            help="Power of the plasma head, by its calibrated meter.",
        ),
        CharacteristicDeclaration(
            code="collector_prep.surface_energy_mn_m",
            name="Surface energy",
            unit="mN/m",
            decimals=0,
            gauge_kind="test_ink",
            help="Highest test ink that stays a film for two seconds.",
        ),
    ),
)
