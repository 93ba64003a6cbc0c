"""Electrolyte batch record: what was weighed, filtered and measured; without it no cell is filled (handbook 5.5)."""

from __future__ import annotations

from lots.science.electrolyte import molality_mol_kg
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

SALT = "electrolyte_batch.salt_mass_kg"
SOLVENT = "electrolyte_batch.solvent_mass_kg"


def molality(inputs: DerivationInputs) -> tuple[DerivedReading, ...]:
    """Concentration of the batch by weighing."""
    salt, solvent = latest(inputs, SALT), latest(inputs, SOLVENT)
    molar_mass = inputs.recipe["salt_molar_mass_g_mol"]
    return compute_one(
        lambda: molality_mol_kg(salt.value, solvent.value, molar_mass_g_mol=molar_mass), used=(salt, solvent)
    )


STEP = StepDeclaration(
    code="electrolyte_batch",
    name="Electrolyte batch record",
    material_kind="electrolyte",
    optional=True,
    characteristics=(
        CharacteristicDeclaration(
            code=SALT,
            name="Salt weighed",
            unit="kg",
            role=Role.PARAMETER,
            decimals=3,
            gauge_kind="balance",
            help="Mass of salt in the batch; its lot is taken from the store when the batch is made.",
        ),
        CharacteristicDeclaration(
            code=SOLVENT,
            name="Solvent weighed",
            unit="kg",
            role=Role.PARAMETER,
            decimals=3,
            gauge_kind="balance",
            help="Mass of all solvents and additives in the batch.",
        ),
        CharacteristicDeclaration(
            code="electrolyte_batch.mix_time_min",
            name="Mixing time",
            unit="min",
            role=Role.PARAMETER,
            decimals=0,
            help="Time from the last addition to the end of stirring.",
        ),
        CharacteristicDeclaration(
            code="electrolyte_batch.filter_um",
            name="Filter rating",
            unit="um",
            role=Role.PARAMETER,
            decimals=2,
            help="Pore size of the filter through which the batch was drawn into its container.",
        ),
        CharacteristicDeclaration(
            code="electrolyte_batch.conductivity_ms_cm",
            name="Conductivity",
            unit="mS/cm",
            decimals=2,
            gauge_kind="conductivity_meter",
            help="At 25 °C, after filtering, from the container.",
        ),
        CharacteristicDeclaration(
            code="electrolyte_batch.water_ppm",
            name="Water content",
            unit="[ppm]",
            decimals=0,
            gauge_kind="karl_fischer",
            help="By coulometric Karl Fischer titration, parts per million by mass.",
        ),
        CharacteristicDeclaration(
            code="electrolyte_batch.no_deviation",
            name="Made without deviation",
            unit="1",
            role=Role.CHECK,
            data_type=DataType.PASS_FAIL,
            decimals=0,
            help="Passed when nothing deviated from the recipe: lots, order, masses, containers.",
        ),
        CharacteristicDeclaration(
            code="electrolyte_batch.molality_mol_kg",
            name="Concentration by weighing",
            unit="mol/kg",
            decimals=3,
            help="Computed: moles of salt in a kilogram of solvent.",
        ),
    ),
    derivations=(
        DerivationDeclaration(
            output="electrolyte_batch.molality_mol_kg",
            version=1,
            inputs={SALT: 1, SOLVENT: 1},
            compute=molality,
            recipe=("salt_molar_mass_g_mol",),
        ),
    ),
)
