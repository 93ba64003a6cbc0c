"""Mixing: active material, binder and solvent become a slurry batch."""

from __future__ import annotations

from lots.steps.base import CharacteristicDeclaration, DataType, Role, StepDeclaration

STEP = StepDeclaration(
    code="mixing",
    name="Mixing",
    material_kind="slurry",
    characteristics=(
        CharacteristicDeclaration(
            code="mixing.solids_pct",
            name="Solids content",
            unit="%",
            decimals=2,
            gauge_kind="moisture_balance",
            help="Mass share left after drying a sample of the finished batch on the moisture balance.",
        ),
        CharacteristicDeclaration(
            code="mixing.viscosity_pa_s",
            name="Viscosity",
            unit="Pa.s",
            decimals=2,
            gauge_kind="rheometer",
            help="Measure at the reference shear rate and temperature of the recipe, with a fresh sample.",
        ),
        CharacteristicDeclaration(
            code="mixing.temperature_c",
            name="Slurry temperature",
            unit="Cel",
            role=Role.PARAMETER,
            decimals=1,
            gauge_kind="thermometer",
            help="Temperature in the mixer at the end of mixing, before the batch is let out.",
        ),
        CharacteristicDeclaration(
            code="mixing.mix_time_min",
            name="Mixing time",
            unit="min",
            role=Role.PARAMETER,
            decimals=0,
            help="Time from the last addition to the end of mixing.",
        ),
        CharacteristicDeclaration(
            code="mixing.sediment_free",
            name="No sediment after 10 min",
            unit="1",
            role=Role.CHECK,
            data_type=DataType.PASS_FAIL,
            decimals=0,
            help="Let a sample stand for 10 min; it fails when anything has settled at the bottom.",
        ),
    ),
)
