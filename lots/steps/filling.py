"""Filling: electrolyte is dosed into the cell, soaked, evacuated and sealed."""

from __future__ import annotations

from lots.science.filling import (
    dosed_mass_g,
    electrolyte_per_capacity_g_ah,
    fill_deviation_pct,
    fill_fraction_pct,
    retained_mass_g,
)
from lots.steps.base import (
    CharacteristicDeclaration,
    DerivationDeclaration,
    DerivationInputs,
    DerivedReading,
    Role,
    StepDeclaration,
)
from lots.steps.readings import compute_one, latest

BEFORE = "filling.mass_before_g"
FILLED = "filling.mass_filled_g"
SEALED = "filling.mass_sealed_g"


def dosed(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Mass of electrolyte put into the cell."""
    before, filled = latest(inputs, BEFORE), latest(inputs, FILLED)
    return compute_one(lambda: dosed_mass_g(before.value, filled.value), used=(before, filled))


def retained(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Mass of electrolyte that stayed in the cell."""
    before, sealed = latest(inputs, BEFORE), latest(inputs, SEALED)
    return compute_one(lambda: retained_mass_g(before.value, sealed.value), used=(before, sealed))


def deviation(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Retained mass against the recipe's target."""
    before, sealed = latest(inputs, BEFORE), latest(inputs, SEALED)
    target = inputs.recipe["fill_target_g"]
    return compute_one(
        lambda: fill_deviation_pct(retained_mass_g(before.value, sealed.value), target),
        used=(before, sealed),
    )


def per_capacity(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Retained mass per nominal capacity."""
    before, sealed = latest(inputs, BEFORE), latest(inputs, SEALED)
    capacity = inputs.recipe["nominal_capacity_ah"]
    return compute_one(
        lambda: electrolyte_per_capacity_g_ah(retained_mass_g(before.value, sealed.value), capacity),
        used=(before, sealed),
    )


def fraction(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Retained electrolyte against the pore volume."""
    before, sealed = latest(inputs, BEFORE), latest(inputs, SEALED)
    return compute_one(
        lambda: fill_fraction_pct(
            retained_mass_g(before.value, sealed.value),
            density_g_cm3=inputs.recipe["electrolyte_density_g_cm3"],
            pore_volume_cm3=inputs.recipe["pore_volume_cm3"],
        ),
        used=(before, sealed),
    )


STEP = StepDeclaration(
    code="filling",
    name="Electrolyte filling",
    material_kind="cell",
    characteristics=(
        CharacteristicDeclaration(
            code="filling.vacuum_mbar",
            name="Vacuum before dosing",
            unit="mbar",
            role=Role.PARAMETER,
            decimals=1,
            gauge_kind="pressure_sensor",
            help="Absolute pressure in the chamber just before the electrolyte is dosed.",
        ),
        CharacteristicDeclaration(
            code=BEFORE,
            name="Cell mass before filling",
            unit="g",
            decimals=2,
            gauge_kind="balance",
            help="Gross mass of the dry cell; use the same balance for all three weighings.",
        ),
        CharacteristicDeclaration(
            code=FILLED,
            name="Cell mass after dosing",
            unit="g",
            decimals=2,
            gauge_kind="balance",
            help="Gross mass right after dosing, before evacuation.",
        ),
        CharacteristicDeclaration(
            code=SEALED,
            name="Cell mass after sealing",
            unit="g",
            decimals=2,
            gauge_kind="balance",
            help="Gross mass after evacuation and seal, wiped dry of electrolyte.",
        ),
        CharacteristicDeclaration(
            code="filling.soak_min",
            name="Soak time",
            unit="min",
            role=Role.PARAMETER,
            decimals=0,
            help="Time from the end of dosing to the start of formation that the cell rests to wet.",
        ),
        CharacteristicDeclaration(
            code="filling.fill_to_seal_min",
            name="Fill to seal time",
            unit="min",
            decimals=1,
            help="Time from the end of dosing to the seal; solvent leaves an open cell.",
        ),
        CharacteristicDeclaration(
            code="filling.dosed_mass_g",
            name="Dosed electrolyte",
            unit="g",
            decimals=2,
            help="Computed: mass after dosing minus mass before filling.",
        ),
        CharacteristicDeclaration(
            code="filling.retained_mass_g",
            name="Retained electrolyte",
            unit="g",
            decimals=2,
            help="Computed: mass after sealing minus mass before filling; what the cell really keeps.",
        ),
        CharacteristicDeclaration(
            code="filling.deviation_pct",
            name="Fill deviation",
            unit="%",
            decimals=2,
            help="Computed: retained electrolyte against the recipe's target.",
        ),
        CharacteristicDeclaration(
            code="filling.electrolyte_per_capacity_g_ah",
            name="Electrolyte per capacity",
            unit="g/Ah",
            decimals=3,
            help="Computed: retained electrolyte per nominal ampere-hour.",
        ),
        CharacteristicDeclaration(
            code="filling.fill_fraction_pct",
            name="Fill fraction of the pores",
            unit="%",
            decimals=1,
            help="Computed: volume of the retained electrolyte over the pore volume of electrodes and separator.",
        ),
    ),
    derivations=(
        DerivationDeclaration(
            output="filling.dosed_mass_g", version=1, inputs={BEFORE: 1, FILLED: 1}, compute=dosed
        ),
        DerivationDeclaration(
            output="filling.retained_mass_g", version=1, inputs={BEFORE: 1, SEALED: 1}, compute=retained
        ),
        DerivationDeclaration(
            output="filling.deviation_pct",
            version=1,
            inputs={BEFORE: 1, SEALED: 1},
            compute=deviation,
            recipe=("fill_target_g",),
        ),
        DerivationDeclaration(
            output="filling.electrolyte_per_capacity_g_ah",
            version=1,
            inputs={BEFORE: 1, SEALED: 1},
            compute=per_capacity,
            recipe=("nominal_capacity_ah",),
        ),
        DerivationDeclaration(
            output="filling.fill_fraction_pct",
            version=1,
            inputs={BEFORE: 1, SEALED: 1},
            compute=fraction,
            recipe=("electrolyte_density_g_cm3", "pore_volume_cm3"),
        ),
    ),
)
