"""Slurry release: nothing is coated from a batch that was not weighed, mixed in order and measured (handbook 3.4)."""

from __future__ import annotations

from lots.science.slurry import drift_pct, viscosity_at_reference_pa_s, weighed_solids_pct
from lots.steps.base import (
    CharacteristicDeclaration,
    DataType,
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    Role,
    StepDeclaration,
)
from lots.steps.readings import compute_one, latest

POWDER = "slurry_release.powder_mass_kg"
SOLVENT = "slurry_release.solvent_mass_kg"
VISCOSITY = "slurry_release.viscosity_pa_s"
AFTER_HOLD = "slurry_release.viscosity_after_hold_pa_s"
TEMPERATURE = "slurry_release.temperature_c"
SHEAR_RATE = "slurry_release.shear_rate_1_s"


def solids(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Solids by mass from the weighings before mixing."""
    powder, solvent = latest(inputs, POWDER), latest(inputs, SOLVENT)
    return compute_one(lambda: weighed_solids_pct(powder.value, solvent.value), used=(powder, solvent))


def reference_viscosity(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """The viscosity, where temperature and shear rate are those of the recipe."""
    viscosity, temperature, shear = (latest(inputs, code) for code in (VISCOSITY, TEMPERATURE, SHEAR_RATE))
    return compute_one(
        lambda: viscosity_at_reference_pa_s(
            viscosity.value,
            temperature_c=temperature.value,
            shear_rate_1_s=shear.value,
            reference_temperature_c=inputs.recipe["viscosity_temperature_c"],
            reference_shear_rate_1_s=inputs.recipe["viscosity_shear_rate_1_s"],
        ),
        used=(viscosity, temperature, shear),
    )


def drift(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Change of the viscosity over the hold."""
    first, after = latest(inputs, VISCOSITY), latest(inputs, AFTER_HOLD)
    return compute_one(lambda: drift_pct(first.value, after.value), used=(first, after))


STEP = StepDeclaration(
    code="slurry_release",
    name="Slurry release",
    material_kind="slurry",
    optional=True,
    keeps="slurry_pot_life_h",
    characteristics=(
        CharacteristicDeclaration(
            code=POWDER,
            name="Powders weighed",
            unit="kg",
            role=Role.PARAMETER,
            decimals=2,
            gauge_kind="balance",
            help="Active material, carbon and binder together, as weighed before mixing.",
        ),
        CharacteristicDeclaration(
            code=SOLVENT,
            name="Solvent weighed",
            unit="kg",
            role=Role.PARAMETER,
            decimals=2,
            gauge_kind="balance",
            help="Solvent as weighed before mixing, with what was added later.",
        ),
        CharacteristicDeclaration(
            code="slurry_release.order_kept",
            name="Added in the fixed order",
            unit="1",
            role=Role.CHECK,
            data_type=DataType.PASS_FAIL,
            decimals=0,
            help="Passed when every addition came in the order and after the time that the recipe sets.",
        ),
        CharacteristicDeclaration(
            code=TEMPERATURE,
            name="Sample temperature",
            unit="Cel",
            role=Role.PARAMETER,
            decimals=1,
            gauge_kind="thermometer",
            help="Temperature of the sample in the rheometer.",
        ),
        CharacteristicDeclaration(
            code=SHEAR_RATE,
            name="Shear rate",
            unit="/s",
            role=Role.PARAMETER,
            decimals=1,
            help="Shear rate at which the viscosity was read.",
        ),
        CharacteristicDeclaration(
            code=VISCOSITY,
            name="Viscosity of the sample",
            unit="Pa.s",
            decimals=2,
            gauge_kind="rheometer",
            help="At the recipe's temperature and shear rate; at others it does not count.",
        ),
        CharacteristicDeclaration(
            code=AFTER_HOLD,
            name="Viscosity after 10 min",
            unit="Pa.s",
            decimals=2,
            gauge_kind="rheometer",
            help="The same sample again after it has stood for 10 min.",
        ),
        CharacteristicDeclaration(
            code="slurry_release.solids_pct",
            name="Solids by weighing",
            unit="%",
            decimals=2,
            help="Computed: powders over powders and solvent, as weighed.",
        ),
        CharacteristicDeclaration(
            code="slurry_release.viscosity_reference_pa_s",
            name="Viscosity at reference",
            unit="Pa.s",
            decimals=2,
            help="Computed: the viscosity; missing when temperature or shear rate was not the recipe's.",
        ),
        CharacteristicDeclaration(
            code="slurry_release.drift_pct",
            name="Drift in 10 min",
            unit="%",
            decimals=1,
            help="Computed: change of the viscosity while the sample stood.",
        ),
    ),
    derivations=(
        DerivationDeclaration(
            output="slurry_release.solids_pct", version=1, inputs={POWDER: 1, SOLVENT: 1}, compute=solids
        ),
        DerivationDeclaration(
            output="slurry_release.viscosity_reference_pa_s",
            version=1,
            inputs={VISCOSITY: 1, TEMPERATURE: 1, SHEAR_RATE: 1},
            compute=reference_viscosity,
            recipe=("viscosity_temperature_c", "viscosity_shear_rate_1_s"),
        ),
        DerivationDeclaration(
            output="slurry_release.drift_pct",
            version=1,
            inputs={VISCOSITY: 1, AFTER_HOLD: 1},
            compute=drift,
        ),
    ),
)
